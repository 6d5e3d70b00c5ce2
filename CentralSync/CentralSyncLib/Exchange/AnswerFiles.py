"""What a file of an answer may be: a shape with stated unit and frame, a plan, a document; never a program."""

import json
from pathlib import PurePosixPath

from PlanningHubLib.Errors import InputRefused

from .Documents import MODELS

THREE_MF = ".3mf"
SUFFIXES = {
    **dict.fromkeys(MODELS, (".stl", ".obj", ".ply", THREE_MF)),
    "plan": (".json",),
    "document": (".pdf", ".txt"),
}
# Beginnings of what an operating system starts: ELF, Windows, Mach-O in its forms, Java, scripts.
PROGRAMS = (
    b"\x7fELF", b"MZ", b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe", b"#!",
)  # fmt: skip
HEAD_BYTES = 4096
MOST_PLAN_BYTES = 64 << 20


def requireFile(record, path):
    """Check a file of an answer against what the answer says of it.

    :param record: dictionary with ``path``, ``kind`` and, of a shape, ``unit`` and ``frame``
    :raises InputRefused: ``answer-file-refused``, ``no-unit``, ``no-frame``, ``frame-differs``
    """
    name, kind = record["path"], record["kind"]
    suffix = PurePosixPath(name).suffix.lower()
    if suffix not in SUFFIXES[kind]:
        raise _refused(name, f"{kind} is one of {', '.join(SUFFIXES[kind])}")
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    if head.startswith(PROGRAMS):
        raise _refused(name, "it is a program")
    if not _isWhatItSays(suffix, head, path):
        raise _refused(name, f"it is no {suffix[1:].upper()}")
    if kind in MODELS:
        _requireStated(record, name, suffix, head)


def _requireStated(record, name, suffix, head):
    if ("unit" in record) is (suffix == THREE_MF):
        says = "has its unit in itself" if suffix == THREE_MF else "has no unit, and the answer states none"
        raise InputRefused("no-unit", f"{name} {says}.", "State the unit of every shape but a 3MF; never guess it.")
    if "frame" not in record:
        raise InputRefused("no-frame", f"For {name} it is not stated whether it is in LPS or RAS.",
                           "State the frame; never guess it.")  # fmt: skip
    other = {"LPS": b"SPACE=RAS", "RAS": b"SPACE=LPS"}[record["frame"]]
    if other in head[:400]:
        raise InputRefused("frame-differs", f"{name} says that it is {other[-3:].decode()}, the answer says "
                           f"{record['frame']}.", "Find out which is right.")  # fmt: skip


def _isWhatItSays(suffix, head, path):
    if suffix == ".stl":
        count = int.from_bytes(head[80:84], "little")
        return head.lstrip()[:5].lower() == b"solid" or path.stat().st_size == 84 + 50 * count
    if suffix == THREE_MF:
        return head.startswith(b"PK\x03\x04")
    if suffix == ".ply":
        return head.startswith((b"ply\n", b"ply\r\n"))
    if suffix == ".pdf":
        return head.startswith(b"%PDF-")
    if suffix == ".json":
        return _isJson(path)
    return b"\0" not in head


def _isJson(path):
    if path.stat().st_size > MOST_PLAN_BYTES:
        return False
    try:
        json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return False
    return True


def _refused(name, reason):
    return InputRefused("answer-file-refused", f"{name} is not taken: {reason}.",
                        "Ask for the shape, plan or document alone.")  # fmt: skip
