"""The last gate of a copy: the source's own identifiers are looked for in what was written, before it counts."""

import contextlib
import re
import zipfile

from . import DeidentifyRules as Rules
from .Errors import VerificationFailed

ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "latin-1")


def requireClean(folder, identifiers, written=(), texts=()):
    """Check every file of a finished copy, its own name included.

    :param identifiers: names, numbers and UIDs of the source
    :param written: texts that a copy holds by right, such as meanings of codes
    :param texts: what documents were drawn of: their letters are numbers of glyphs, which no search can read
    :raises VerificationFailed: ``identity-left``, naming the files but never the identifier
    """
    pattern = _pattern(identifiers, written)
    if pattern is None:
        return
    bad = [path for path in sorted(folder.rglob("*")) if any(pattern.search(text) for text in _contents(path, folder))]
    if bad or any(pattern.search(text.encode()) for text in texts):
        names = [path.relative_to(folder).as_posix() for path in bad]
        raise VerificationFailed(
            "identity-left",
            f"{len(bad)} files of the copy, or what its documents say, still hold an identifier of the source; "
            "nothing was written.",
            "Report this; do not send anything.",
            # A file's name may be what leaks.
            [] if any(pattern.search(name.encode()) for name in names) else names,
        )


def _pattern(identifiers, written):
    # A name that is also a word of the standard cannot be told from it.
    own = " ".join([*map(str, written), *_vocabulary()]).lower()
    telling = {text for text in identifiers if text.lower() not in own}
    forms = {re.escape(form) for text in telling for form in _encoded(text)}
    if not forms:
        return None
    return re.compile(rb"(?<![0-9A-Za-z.])(?:" + b"|".join(sorted(forms)) + rb")(?![0-9A-Za-z])")


def _encoded(text):
    for encoding in ENCODINGS:
        with contextlib.suppress(UnicodeEncodeError):
            yield text.encode(encoding)


def _vocabulary():
    values = Rules.rules()
    yield from (text for texts in values["values"].values() for text in texts)
    yield from values["labels"].values()
    yield "Planning Hub 3D Slicer Removed treatment partner teaching research software pydicom Python segmentation"


def _contents(path, folder):
    """Yield the bytes of a file in which words can stand: its name, its header, and what is packed in it."""
    yield path.relative_to(folder).as_posix().encode()
    if path.is_dir():
        return
    if path.suffix == ".dcm":
        yield _withoutPixels(path)
    elif path.suffix == ".3mf":
        with zipfile.ZipFile(path) as archive:
            yield from (entry.filename.encode() + entry.comment + entry.extra for entry in archive.infolist())
            yield from (archive.read(entry) for entry in archive.infolist())
            yield archive.comment
    elif path.suffix == ".stl":
        yield path.read_bytes()[:84]
    elif path.suffix == ".ply":
        yield path.read_bytes().partition(b"end_header\n")[0]
    elif path.suffix == ".nrrd":
        yield path.read_bytes().partition(b"\n\n")[0]
    else:
        yield path.read_bytes()


def _withoutPixels(path):
    from .DeidentifySource import readDicom

    with open(path, "rb") as file:
        readDicom(file)
        length = file.tell()
        file.seek(0)
        return file.read(length)
