"""The seven tamperings of an audit log, each on the folder of a case: three that a chain of hashes shows, two that need
the seals' key, and two that only a head kept elsewhere shows.
"""

import json
import shutil

from PlanningHubLib import Audit
from PlanningHubLib.CaseFormat import FILE_NAME, encode
from PlanningHubLib.Secrets import KeyRing


def linesOf(folder):
    return (folder / Audit.LOG_NAME).read_text().splitlines()


def rewrite(folder, lines, last=None):
    (folder / Audit.LOG_NAME).write_text("".join(line + "\n" for line in lines))
    if last is not None:
        path = folder / FILE_NAME
        path.write_bytes(encode({**json.loads(path.read_text()), "audit": {"lines": len(lines), "last": last}}))


def resealed(lines, keyRing, change=lambda entry: entry):
    """The whole log written anew with a key: links and seals are true."""
    previous, made = "", []
    for number, line in enumerate(lines, 1):
        entry = {**change(json.loads(line)), "number": number, "previous": Audit.sha256Bytes(previous.encode()),
                 "key": keyRing.keyId}  # fmt: skip
        entry.pop("seal", None)
        entry["seal"] = keyRing.mac(Audit.SEAL, Audit.canonical(entry).encode())
        previous = Audit.canonical(entry)
        made.append(previous)
    return made


def otherUser(entry):
    return {**entry, "who": "somebody else"} if entry["number"] == 2 else entry


def changeLine(folder):
    lines = linesOf(folder)
    rewrite(folder, [lines[0], Audit.canonical({**json.loads(lines[1]), "who": "x"}), *lines[2:]])


def removeLine(folder):
    lines = linesOf(folder)
    rewrite(folder, lines[:1] + lines[2:])


def swapLines(folder):
    lines = linesOf(folder)
    rewrite(folder, [lines[0], lines[2], lines[1], *lines[3:]])


def insertLine(folder):
    lines = linesOf(folder)
    rewrite(folder, [*lines[:2], lines[1], *lines[2:]])


def cutTail(folder):
    rewrite(folder, linesOf(folder)[:-2])


def forgeWhole(folder):
    """With the installation's own key: nothing in the folder shows it."""
    lines = resealed(linesOf(folder), KeyRing.forThisInstallation(), otherUser)
    rewrite(folder, lines, lines[-1])


def rollBack(folder):
    """To the older state of the same case that lies beside it as ``older``."""
    shutil.rmtree(folder)
    shutil.copytree(folder.parent / "older", folder)


# Tampering → whether the folder alone, with the key, shows it.
TAMPERINGS = {
    changeLine: True, removeLine: True, swapLines: True, insertLine: True, cutTail: True,
    forgeWhole: False, rollBack: False,
}  # fmt: skip
