"""Store addresses: which store a folder path, a URL or a name in the site's configuration means."""

from PlanningHubLib.ArchiveAccess import recall
from PlanningHubLib.Requirements import ensure

from ..Fhir.FhirEndpoint import FhirEndpoint
from .AddressForms import DICOM, FHIR, dicomWebBase, dicomWebUrl, schemeOf
from .DicomPeer import peerOf
from .DicomStore import DicomStore
from .DicomWebStore import DicomWebStore
from .FolderStore import FolderStore
from .Settings import storeSettings

__all__ = ["dicomWebBase", "dicomWebUrl", "normal", "openStore"]


def normal(address):
    """Return the one form of a store's address or name, without secrets: the store's key in every list.

    :raises UsageError: as :func:`openStore`
    """
    return storeSettings(address).address


def openStore(address, auth=None, settings=None):
    """Return the :class:`CentralStore` for an address; nothing is connected or written yet.

    :param address: a folder path (a network share too), ``dicomweb+https://host/path``, ``dicomweb+http://`` for
        loopback only, ``dicom://AET@host:port``, ``fhir+https://host/path`` for metadata, or the name of a store in
        the site's configuration
    :param auth: :class:`PlanningHubLib.ArchiveAccess.Credentials`; without, those that are remembered for a DICOMweb
        store, or none. An address that holds any is refused
    :param settings: :class:`.Settings.StoreSettings`; without, what the site's configuration says of this store
    :raises UsageError: ``unknown-store``, ``bad-store-address``, ``plain-http``, ``plain-dicom``,
        ``secret-in-address``, ``bad-store-settings``
    :raises GateRefused: ``key-file-open-to-others``, ``no-passphrase``, ``wrong-passphrase``
    :raises InputRefused: as :meth:`PlanningHubLib.Site.Site.forThisInstallation`
    """
    settings = settings or storeSettings(address)
    scheme = schemeOf(settings.address)
    if not scheme:
        return FolderStore(settings.address, settings.connections)
    if scheme == DICOM:
        peer = peerOf(settings)
        ensure("CentralSyncLib")
        return DicomStore(peer, settings.connections, settings.bytesPerSecond)
    ensure("CentralSyncLib")
    kind = FhirEndpoint if scheme in FHIR else DicomWebStore
    return kind(settings, auth or recall(dicomWebBase(settings.address)))
