"""How a central store is reached: what the site's configuration says of it, without any secret."""

import dataclasses
import urllib.parse
from pathlib import Path

from PlanningHubLib.Errors import UsageError
from PlanningHubLib.Site import Site
from PlanningHubLib.SourcesDicomWeb import isLoopback

from .AddressForms import normalForm

CONNECTIONS = 4
SCRUB_DAYS = 30
FILES = ("certificateAuthority", "clientCertificate", "clientKey")


@dataclasses.dataclass(frozen=True)
class StoreSettings:
    """One store's settings; all but the address have defaults that suit a store which the site does not list.

    :param address: in its normal form (:func:`.AddressForms.normalForm`)
    :param paths: of the DICOMweb services below the address: ``store``, ``retrieve``, ``search``
    :param certificateAuthority: PEM file of the only authority that is trusted, or None for the system's authorities
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
    :raises UsageError: ``bad-store-settings`` where a file that the configuration names is missing, or what it says
        cannot be; ``unknown-store`` and the like as :func:`.AddressForms.normalForm`
    :raises InputRefused: as :meth:`PlanningHubLib.Site.Site.forThisInstallation`
    """
    store = str(store).strip()
    site = site or Site.forThisInstallation()
    listed = next((one for one in site.stores if one["name"] == store), None)
    address = normalForm(listed["address"] if listed else store)
    listed = listed or next((one for one in site.stores if _isAt(one, address)), None)
    if listed is None:
        return StoreSettings(address)
    files = {name: _existing(listed, name) for name in FILES if name in listed}
    settings = StoreSettings(**{**listed, **files, "address": address})
    _check(settings)
    return settings


def _isAt(listed, address):
    try:
        return normalForm(listed["address"]) == address
    except UsageError:
        # Another store's wrong entry is that store's trouble.
        return False


def _existing(listed, name):
    path = Path(listed[name]).expanduser()
    if not path.is_file():
        raise UsageError(
            "bad-store-settings",
            f"The {name} of store {listed['name']} is not there: {path}.",
            "Correct site.json, or put the file there.",
        )
    return path


def _check(settings):
    if settings.clientKey and not settings.clientCertificate:
        raise _bad(settings, "It has a clientKey without a clientCertificate.")
    isPlain = settings.address.startswith(("dicomweb+http:", "fhir+http:"))
    hasCertificates = settings.certificateAuthority or settings.clientCertificate
    if isPlain and hasCertificates:
        raise _bad(settings, "Certificates need https:// in its address.")
    if settings.plain and hasCertificates:
        raise _bad(settings, "It names certificates, and plain is true: one of the two.")
    if isPlain and settings.proxy and not isLoopback(urllib.parse.urlsplit(settings.proxy).hostname):
        raise _bad(settings, "Plain HTTP through a proxy would show patient data to the network.")


def _bad(settings, why):
    return UsageError("bad-store-settings", f"The settings of store {settings.name} cannot be. {why}",
                      "Correct site.json.")  # fmt: skip
