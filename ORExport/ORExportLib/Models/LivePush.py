"""Sends a verified package's plan to a navigation system, or to 3D Slicer, that listens for OpenIGTLink.

OpenIGTLink knows no encryption, no names and no receipt: what is sent holds the case's pseudonym only, and goes to the
one peer that the user names.
"""

import contextlib
import json
import socket
import time
from pathlib import Path

from PlanningHubLib.Errors import GateRefused, InputRefused, StoreFailed, UsageError, VerificationFailed
from PlanningHubLib.Progress import noProgress, part
from PlanningHubLib.Requirements import ensure

from .. import Verify
from ..Manifest import readManifest
from .LiveMessages import messagesOf, numberOfMessages
from .Navigation import FOLDER, FORMAT, INDEX, VERSION

CONNECT_SECONDS, SEND_SECONDS, LAST_SECONDS = 10, 60, 1


def parsePeer(text):
    """Return (host, port) of ``host:port``; an IPv6 address stands in brackets.

    :raises UsageError: ``bad-peer``
    """
    host, colon, port = text.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not host or not colon or not port.isascii() or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UsageError("bad-peer", f"{text!r} is no host and port.", "Give them as in 127.0.0.1:18944.")
    return host, int(port)


def pushPackage(folder, peer, notApproved=False, progress=noProgress):
    """Send the plan of a package to a peer; the package is verified first.

    :param folder: of the package
    :param peer: (host, port) of a listening OpenIGTLink server
    :param notApproved: whether one that is not approved may be sent; the peer is told that it is not
    :returns: dictionary: ``case``, ``side``, ``approved``, ``peer``, ``messages`` (device and type of each)
    :raises VerificationFailed: what :func:`ORExportLib.Verify.requireWhole` finds; ``navigation-differs``
    :raises GateRefused: ``not-approved``
    :raises InputRefused: ``no-folder``, ``no-navigation-files``, ``too-many-objects``
    :raises StoreFailed: ``peer-unreachable``, ``peer-closed``
    """
    ensure("ORExportLib")
    folder = Path(folder)
    Verify.requireWhole(folder, part(progress, 0.0, 0.4))
    manifest = readManifest(folder)
    if not manifest["approved"] and not notApproved:
        raise GateRefused(
            "not-approved", "The package is not approved.", "Approve the plan, or state that it is sent as it is."
        )
    path = _indexPath(folder, manifest)
    index = _readIndex(path, manifest)
    messages = messagesOf(path.parent, index, manifest["sha256"])
    sent = send(messages, numberOfMessages(index), peer, part(progress, 0.4, 1.0))
    return {
        "case": index["case"], "side": index["side"], "approved": index["approved"],
        "peer": {"host": peer[0], "port": peer[1]}, "messages": sent,
    }  # fmt: skip


def _indexPath(folder, manifest):
    paths = [folder / record["path"] for record in manifest["files"] if record["role"] == INDEX]
    if not paths:
        raise InputRefused(
            "no-navigation-files", "The package was made without files for navigation.", "Make it again with them."
        )
    return paths[0]


def _readIndex(path, manifest):
    """Return the index; what it names must be of the package and of its case, whoever wrote it."""
    inside = {Path(record["path"]).name for record in manifest["files"] if record["path"].startswith(f"{FOLDER}/")}
    try:
        index = json.loads(path.read_bytes())
        known = index["format"] == FORMAT and index["version"] <= VERSION
        files = {record["file"] for record in (*index["bodies"], *index["objects"])}
        said = index["case"], index["side"], index["approved"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _wrongIndex(path, "cannot be read") from error
    if not known or index["frame"] != "LPS" or index["unit"] != "mm":
        raise _wrongIndex(path, "is of another kind than this software knows")
    if not files <= inside or said != (manifest["case"]["code"], manifest["case"]["side"], manifest["approved"]):
        raise _wrongIndex(path, "does not fit the manifest")
    return index


def _wrongIndex(path, what):
    return VerificationFailed(
        "navigation-differs", f"{path.name} {what}.", "Do not use this package; fetch it again.", [path]
    )


def send(messages, count, peer, progress):
    """Send messages of pyigtl to a peer, (host, port); return the device and type of each.

    :param count: how many there are, for the progress
    :raises StoreFailed: ``peer-unreachable``, ``peer-closed``
    """
    sent = []
    with _connection(peer) as connection:
        for number, message in enumerate(messages):
            progress(number / count, f"Sending {message.device_name}")
            try:
                connection.sendall(message.pack())
            except OSError as error:
                raise _closed(peer, len(sent), count) from error
            sent.append({"device": message.device_name, "type": message.message_type})
        _finish(connection, peer, sent, count)
    progress(1.0, "Sent")
    return sent


@contextlib.contextmanager
def _connection(peer):
    try:
        connection = socket.create_connection(peer, CONNECT_SECONDS)
    except OSError as error:
        raise StoreFailed(
            "peer-unreachable", f"Nothing answers at {peer[0]}, port {peer[1]}: {error.strerror or error}.",
            "Start its OpenIGTLink server, and check host and port.",
        ) from error  # fmt: skip
    with connection:
        connection.settimeout(SEND_SECONDS)
        yield connection


def _finish(connection, peer, sent, count):
    """Say that nothing more comes, and read what the peer says: unread, it would make the system drop what was sent."""
    deadline = time.monotonic() + LAST_SECONDS
    try:
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(LAST_SECONDS)
        while time.monotonic() < deadline and connection.recv(65536):
            pass
    except TimeoutError:
        # Many servers leave it to the client to go.
        pass
    except OSError as error:
        raise _closed(peer, len(sent), count) from error


def _closed(peer, number, count):
    return StoreFailed(
        "peer-closed", f"{peer[0]} closed the connection after {number} of {count} messages.",
        "What it shows is not the whole plan: send it again.",
    )  # fmt: skip
