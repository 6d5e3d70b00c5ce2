"""The forms of store addresses, and the one form of each that serves as its key everywhere."""

import os
import re
import urllib.parse
from pathlib import Path

from PlanningHubLib.Errors import UsageError
from PlanningHubLib.SourcesDicomWeb import isLoopback

from .DicomPeer import parsePeer

ADDRESSES = (
    "Give a folder path, dicomweb+https://host/path (dicomweb+http:// only for a store on this machine), "
    "dicom://AET@host:port, or fhir+https://host/path for metadata."
)
DICOM = "dicom"
DICOM_WEB = ("dicomweb+https", "dicomweb+http")
FHIR = ("fhir+https", "fhir+http")
USUAL_PORTS = {"https": 443, "http": 80}


def schemeOf(address):
    """Return the scheme of an address in lower case; "" for a folder's path.

    :raises UsageError: ``bad-store-address`` for an empty one
    """
    address = str(address).strip()
    if not address:
        raise UsageError("bad-store-address", "The store's address is empty.", ADDRESSES)
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):(?://)?", address)
    if not scheme or "://" not in address and not scheme.group(1).lower().startswith(("dicom", "fhir+")):
        return ""
    return scheme.group(1).lower()


def normalForm(address):
    """Return the one form of an address: a folder's whole path, or the URL without what does not distinguish it.

    :raises UsageError: ``unknown-store``, ``bad-store-address``, ``plain-http``, ``secret-in-address``
    """
    address = str(address).strip()
    scheme = schemeOf(address)
    if not scheme:
        return os.path.abspath(Path(address).expanduser())
    if scheme in DICOM_WEB or scheme in FHIR:
        return f"{scheme.partition('+')[0]}+{dicomWebBase(address)}"
    if scheme == DICOM and "://" in address:
        return parsePeer(address).address
    raise UsageError("unknown-store", f"There is no store of the kind {scheme}://.", ADDRESSES)


def described(address):
    """Return a normal address in words, as receipts and records have it."""
    scheme = schemeOf(address)
    if scheme in DICOM_WEB or scheme in FHIR:
        kind, _plus, base = address.partition("+")
        return f"{'DICOMweb store' if kind == 'dicomweb' else 'FHIR endpoint'} {base}"
    return f"{'DICOM' if scheme else 'folder'} store {address}"


def dicomWebUrl(address):
    """Return the split URL of a ``dicomweb+http(s)://`` or ``fhir+http(s)://`` address.

    :raises UsageError: ``bad-store-address``, ``plain-http``, ``secret-in-address``
    """
    base = address.partition("+")[2]
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
    """Return the service's URL of a store that is reached by HTTP, under which its credentials are remembered.

    :raises UsageError: as :func:`dicomWebUrl`
    """
    url = dicomWebUrl(address)
    scheme = url.scheme.lower()
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    port = "" if url.port in (None, USUAL_PORTS[scheme]) else f":{url.port}"
    return urllib.parse.urlunsplit((scheme, host + port, url.path.rstrip("/"), "", ""))
