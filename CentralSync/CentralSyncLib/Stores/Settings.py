"""How a central store is reached: what the site's configuration says of it, without any secret."""

import dataclasses
from pathlib import Path

from PlanningHubLib.Errors import UsageError
from PlanningHubLib.Site import Site

CONNECTIONS = 4
SCRUB_DAYS = 30


@dataclasses.dataclass(frozen=True)
class StoreSettings:
    """One store's settings; all but the address have defaults that suit a store which the site does not list.

    :param address: as :func:`CentralSyncLib.Stores.Addresses.openStore` takes it
    :param paths: of the DICOMweb services below the address: ``store``, ``retrieve``, ``search``
    :param certificateAuthority: PEM file, or None for the system's authorities
    :param clientCertificate: PEM file for mutual TLS, or None; ``clientKey`` its key where that is another file
    :param proxy: URL without user or password, or None
    :param plain: whether DICOM without TLS is allowed to another host (``dicom://``)
    :param commitmentPort: where the archive's own association with its storage commitment report is awaited, or None
    :param bytesPerSecond: most that is sent, or None
    :param scrubDays: after how many days what was verified is verified again
    """

    address: str
    name: str = ""
    paths: dict = dataclasses.field(default_factory=dict)
    certificateAuthority: Path | None = None
    clientCertificate: Path | None = None
    clientKey: Path | None = None
    proxy: str | None = None
    callingAet: str = "PLANNINGHUB"
    plain: bool = False
    commitmentPort: int | None = None
    connections: int = CONNECTIONS
    bytesPerSecond: int | None = None
    scrubDays: int = SCRUB_DAYS


def storeSettings(store, site=None):
    """Return the settings of a store that is given by its name in the site's configuration, or by its address.

    :param site: :class:`PlanningHubLib.Site.Site`; without, this installation's
    :raises UsageError: ``bad-store-settings`` where a file that the configuration names is missing
    :raises InputRefused: as :meth:`PlanningHubLib.Site.Site.forThisInstallation`
    """
    store = str(store).strip()
    site = site or Site.forThisInstallation()
    listed = next((one for one in site.stores if store in (one["name"], one["address"])), None)
    if listed is None:
        return StoreSettings(store)
    files = {
        name: _existing(Path(listed[name]).expanduser(), name, listed["name"])
        for name in ("certificateAuthority", "clientCertificate", "clientKey")
        if name in listed
    }
    return StoreSettings(**{**listed, **files})


def _existing(path, name, store):
    if not path.is_file():
        raise UsageError(
            "bad-store-settings",
            f"The {name} of store {store} is not there: {path}.",
            "Correct site.json, or put the file there.",
        )
    return path
