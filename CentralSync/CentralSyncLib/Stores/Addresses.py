"""Store addresses: which store a folder path or a URL means."""

import re
import urllib.parse
from pathlib import Path

from PlanningHubLib.ArchiveAccess import recall
from PlanningHubLib.Errors import UsageError
from PlanningHubLib.Requirements import ensure
from PlanningHubLib.SourcesDicomWeb import isLoopback

from .DicomPeer import peerOf
from .DicomStore import DicomStore
from .DicomWebStore import DicomWebStore
from .FolderStore import FolderStore
from .Settings import storeSettings

ADDRESSES = (
    "Give a folder path, dicomweb+https://host/path (dicomweb+http:// only for a store on this machine), or "
    "dicom://AET@host:port."
)


def openStore(address, auth=None):
    """Return the :class:`CentralStore` for an address; nothing is connected or written yet.

    :param address: a folder path (a network share too), ``dicomweb+https://host/path``, or ``dicomweb+http://`` for
        loopback only, or ``dicom://AET@host:port``
    :param auth: :class:`PlanningHubLib.ArchiveAccess.Credentials`; without, those that are remembered for a DICOMweb
        store, or none. An address that holds any is refused
    :raises UsageError: ``unknown-store``, ``bad-store-address``, ``plain-http``, ``plain-dicom``,
        ``secret-in-address``, ``bad-store-settings``
    """
    address = str(address).strip()
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):(?://)?", address)
    if not address:
        raise UsageError("bad-store-address", "The store's address is empty.", ADDRESSES)
    if not scheme or "://" not in address and not scheme.group(1).startswith("dicom"):
        return FolderStore(Path(address).expanduser())
    kind = scheme.group(1).lower()
    if kind == "dicom" and "://" in address:
        return _dicom(address)
    if kind not in ("dicomweb+https", "dicomweb+http"):
        raise UsageError("unknown-store", f"There is no store of the kind {kind}://.", ADDRESSES)
    return _dicomWeb(address, auth)


def _dicom(address):
    peer = peerOf(storeSettings(address))
    ensure("CentralSyncLib")
    return DicomStore(peer)


def dicomWebUrl(address):
    """Return the split URL of a ``dicomweb+http(s)://`` address.

    :raises UsageError: ``bad-store-address``, ``plain-http``, ``secret-in-address``
    """
    base = address[len("dicomweb+") :]
    try:
        url = urllib.parse.urlsplit(base)
        host, _port = url.hostname, url.port
    except ValueError:
        host = None
    if not host or url.query or url.fragment or re.search(r"\s", base):
        raise UsageError("bad-store-address", "The store's address is not of the form host/path.", ADDRESSES)
    if url.username is not None or url.password is not None:
        raise UsageError(
            "secret-in-address",
            "The store's address holds a user name or a password.",
            "Leave it out: addresses end up in logs and histories.",
        )
    if url.scheme.lower() == "http" and not isLoopback(host):
        raise UsageError("plain-http", f"Plain HTTP to {host} would show patient data to the network.", ADDRESSES)
    return url


def dicomWebBase(address):
    """Return the service's URL of a DICOMweb store, under which its credentials are remembered.

    :raises UsageError: as :func:`dicomWebUrl`
    """
    url = dicomWebUrl(address)
    return urllib.parse.urlunsplit((url.scheme.lower(), url.netloc, url.path.rstrip("/"), "", ""))


def _dicomWeb(address, auth):
    base = dicomWebBase(address)
    ensure("CentralSyncLib")
    return DicomWebStore(base, urllib.parse.urlsplit(base).netloc, auth=auth or recall(base))
