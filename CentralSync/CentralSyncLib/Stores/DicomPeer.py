"""The archive that a ``dicom://`` address means: who it is, who we are to it, and how the connection is protected."""

import dataclasses
import re
import ssl
import urllib.parse

from PlanningHubLib.Errors import UsageError
from PlanningHubLib.SourcesDicomWeb import isLoopback

from .Certificates import tlsContext
from .Http import TimeLimits

ADDRESS = "Give dicom://AET@host:port, with an application entity title of 1 to 16 characters."
# VR AE (PS3.5 6.2): no backslash and no control characters; spaces around it do not count.
AE_TITLE = re.compile(r"(?! )[\x20-\x5b\x5d-\x7e]{1,16}(?<! )")


@dataclasses.dataclass(frozen=True)
class DicomPeer:
    """A DICOM archive.

    :param aet: its application entity title; ``callingAet`` is ours
    :param tls: context that verifies the archive, or None for a plain connection
    :param commitmentPort: port on which we wait for the archive's own association with its report, or None;
        ``listenTls`` is the context that protects it
    """

    aet: str
    host: str
    port: int
    callingAet: str = "PLANNINGHUB"
    tls: ssl.SSLContext | None = None
    limits: TimeLimits = TimeLimits()
    commitmentPort: int | None = None
    listenTls: ssl.SSLContext | None = None

    @property
    def listenHost(self):
        """Where the archive's own association is awaited: on this machine alone, where the archive is here."""
        return "127.0.0.1" if isLoopback(self.host) else ""

    @property
    def address(self):
        """The address in its normal form."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"dicom://{urllib.parse.quote(self.aet, safe='')}@{host}:{self.port}"


def parsePeer(address):
    """Return the :class:`DicomPeer` of a ``dicom://AET@host:port`` address; nothing is connected.

    :raises UsageError: ``bad-store-address``, ``secret-in-address``
    """
    try:
        url = urllib.parse.urlsplit(address)
        host, port, aet = url.hostname, url.port, urllib.parse.unquote(url.username or "", errors="strict")
    except ValueError:
        host = port = aet = None
    if not host or not port or not aet or url.path.strip("/") or url.query or url.fragment or re.search(r"\s", address):
        raise UsageError("bad-store-address", "The store's address is not of the form dicom://AET@host:port.", ADDRESS)
    if url.password is not None:
        raise UsageError(
            "secret-in-address",
            "The store's address holds a password.",
            "Leave it out: addresses end up in logs and histories, and DICOM knows none.",
        )
    if not AE_TITLE.fullmatch(aet):
        raise UsageError("bad-store-address", f"{aet!r} is no application entity title.", ADDRESS)
    return DicomPeer(aet, host, port)


def peerOf(settings):
    """Return the :class:`DicomPeer` that a store's settings describe, its TLS context made.

    :param settings: :class:`CentralSyncLib.Stores.Settings.StoreSettings`
    :raises UsageError: as :func:`parsePeer`; ``plain-dicom``, ``bad-store-settings``
    """
    peer = parsePeer(settings.address)
    tls = listenTls = None
    if settings.certificateAuthority or settings.clientCertificate:
        tls = tlsContext(settings, ssl.Purpose.SERVER_AUTH)
        listenTls = _listenContext(settings)
    elif not settings.plain and not isLoopback(peer.host):
        raise UsageError(
            "plain-dicom",
            f"DICOM without TLS to {peer.host} would show patient data to the network.",
            "Name the archive's certificateAuthority in site.json; where the archive has no TLS and the network is the "
            "archive's own, set plain to true there.",
        )
    return dataclasses.replace(
        peer,
        callingAet=settings.callingAet,
        tls=tls,
        # Who has no certificate cannot be called back.
        commitmentPort=settings.commitmentPort if listenTls or not tls else None,
        listenTls=listenTls,
    )


def _listenContext(settings):
    if not settings.clientCertificate:
        return None
    context = tlsContext(settings, ssl.Purpose.CLIENT_AUTH)
    context.verify_mode = ssl.CERT_REQUIRED
    return context
