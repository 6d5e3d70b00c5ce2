"""The append-only audit log: one JSON line per event, each bound to the one before it and sealed with a keyed hash.

The last line also stands in ``case.json``, which is replaced in one rename: that rename commits the change and its
audit line together. A process killed before it has appended the line to the log loses nothing: the next writer appends
it, and a reader takes it as pending.
"""

import json
import os

from .Errors import Finding
from .Files import fsyncFile, sha256Bytes
from .Locking import utcNow

LOG_NAME = "audit.log"
SEAL = "audit"


def canonical(value):
    """Return the one JSON text of a value that hashes are made of."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def makeLine(keyRing, previousLine, number, action, what, state, who):
    """Return the text of an audit line (without line end).

    :param previousLine: text of the line before, empty for the first
    :param what: what the action concerned (JSON values)
    :param state: SHA-256 of the case's state after the action
    """
    entry = {
        "number": number,
        "when": utcNow(),
        "who": who,
        "action": action,
        "what": what,
        "state": state,
        "previous": sha256Bytes(previousLine.encode()),
        "key": keyRing.keyId,
    }
    entry["seal"] = keyRing.mac(SEAL, canonical(entry).encode())
    return canonical(entry)


def bringUpToDate(folder, lastLine, lineCount, isNew=False):
    """Append the committed last line to the log where a killed process could not, over a torn one if need be.

    A log that was tampered with keeps its traces: one that has all its lines, but others, is left alone.

    :param isNew: the line was committed just now, and belongs into the log whatever is in it
    """
    wanted = lastLine.encode() + b"\n"
    with open(folder / LOG_NAME, "a+b") as file:
        file.seek(0)
        content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        torn = content[len(whole) :]
        if whole.endswith(wanted) or (whole.count(b"\n") >= lineCount and not isNew):
            return
        if torn and wanted.startswith(torn):
            file.truncate(len(whole))
        elif torn:
            wanted = b"\n" + wanted
        file.write(wanted)
        file.flush()
        os.fsync(file.fileno())
    fsyncFile(folder) if os.name != "nt" else None


def verifyLog(folder, lastLine, lineCount, keyRing=None):
    """Check every line of the log against its neighbours, its seal and the case's own last line.

    :param keyRing: the installation's keys, or None: then seals cannot be checked, which is reported
    :returns: list of findings; the first rejecting one names the first bad line
    """
    lines, torn = _readLines(folder / LOG_NAME)
    pending = len(lines) == lineCount - 1 and lastLine.startswith(torn)
    if pending:
        lines.append(lastLine)
    elif torn:
        return [_bad(len(lines) + 1, "is cut off")]
    foreign = 0
    previous, previousSealed = "", True
    for number, line in enumerate(lines, 1):
        fault, sealed = _lineFault(line, number, keyRing)
        if fault:
            return [_bad(number, fault)]
        if json.loads(line).get("previous") != sha256Bytes(previous.encode()):
            if sealed and not previousSealed:
                return [_bad(number - 1, "was changed: the line after it, whose seal is true, follows another")]
            return [_bad(number, "does not follow from the line before it")]
        foreign += not sealed
        previous, previousSealed = line, sealed
    if len(lines) < lineCount:
        return [_bad(len(lines) + 1, "is missing, though the case committed it")]
    if len(lines) > lineCount:
        return [_bad(lineCount + 1, "was never committed by the case")]
    if previous != lastLine:
        return [_bad(lineCount, "is not the line that the case committed")]
    return _remarks(pending, foreign)


def makersKeyId(folder):
    """Return the public name of the key of the installation that made a case, empty where its log does not say."""
    lines, _torn = _readLines(folder / LOG_NAME)
    try:
        return str(json.loads(lines[0])["key"])
    except (IndexError, ValueError, KeyError, TypeError):
        return ""


def _readLines(path):
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return [], ""
    *lines, torn = content.decode("utf-8", errors="replace").split("\n")
    return lines, torn


def _lineFault(line, number, keyRing):
    """Return what is wrong with a line by itself (or None) and whether its seal could be checked."""
    try:
        entry = json.loads(line)
        seal = entry.pop("seal")
        key = entry["key"]
    except (ValueError, KeyError, AttributeError, TypeError):
        return "cannot be read", False
    if canonical({**entry, "seal": seal}) != line:
        return "is not written as the suite writes it", False
    if entry.get("number") != number:
        return f"says it is line {entry.get('number')}; a line was removed, added or moved", False
    if keyRing is None or key != keyRing.keyId:
        return None, False
    if keyRing.mac(SEAL, canonical(entry).encode()) != seal:
        return "has a false seal: it was changed", True
    return None, True


def _bad(number, fault):
    return Finding(
        "audit-broken",
        "reject",
        f"Line {number} of the audit log {fault}.",
        "Treat the case as tampered with; compare it with the copy in the central store.",
        (LOG_NAME,),
    )


def _remarks(pending, foreign):
    findings = []
    if pending:
        findings.append(
            Finding(
                "audit-pending", "info", "The last audit line is committed and will be appended at the next change."
            )
        )
    if foreign:
        findings.append(
            Finding(
                "audit-key-missing",
                "warn",
                f"The seals of {foreign} audit lines cannot be checked here: "
                "this installation does not hold their key.",
                "Run verify on the workstation that wrote the case.",
                (LOG_NAME,),
            )
        )
    return findings
