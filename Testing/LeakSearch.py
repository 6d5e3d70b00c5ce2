"""Looks for planted words in every byte of a folder: as they are, in other encodings, packed and encoded."""

import base64
import gzip
import io
import json
import re
import zipfile
import zlib
from pathlib import Path

ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
DEEPEST = 4
BASE64 = re.compile(rb"[A-Za-z0-9+/]{16,}={0,2}")


def leaks(folder, words):
    """Return (file, word) of every planted word found; the names of files and folders count as well."""
    found = []
    for path in sorted(Path(folder).rglob("*")):
        name = path.relative_to(folder).as_posix()
        contents = [name.encode()]
        if path.is_file():
            contents += unpacked(path.read_bytes())
        found += [(name, word) for word in words if any(contains(content, word) for content in contents)]
    return found


def contains(content, word):
    """Tell whether bytes hold a word, in any case and any encoding of Unicode."""
    lowered = content.lower()
    return any(word.lower().encode(encoding) in lowered for encoding in ENCODINGS)


def unpacked(data, depth=0):
    """Return the bytes and everything that is packed in them, however deep."""
    found = [data]
    if depth < DEEPEST:
        inner = [*_zipMembers(data), *_compressed(data), *_encoded(data)]
        found += [content for member in inner for content in unpacked(member, depth + 1)]
    return found


def _zipMembers(data):
    if b"PK\x03\x04" not in data:
        return
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield archive.comment
            for entry in archive.infolist():
                yield entry.filename.encode() + entry.comment + entry.extra
                yield archive.read(entry)
    except zipfile.BadZipFile:
        return


def _compressed(data):
    for match in re.finditer(b"\x1f\x8b\x08", data):
        try:
            yield gzip.GzipFile(fileobj=io.BytesIO(data[match.start() :])).read()
        except (OSError, EOFError, zlib.error):
            continue
    if data[128:132] == b"DICM" and b"1.2.840.10008.1.2.1.99" in data[:600]:
        start = 144 + int.from_bytes(data[140:144], "little")
        yield zlib.decompress(data[start:], -zlib.MAX_WBITS)
    for match in re.finditer(rb"stream\r?\n", data) if data.startswith(b"%PDF") else ():
        try:
            yield zlib.decompressobj().decompress(data[match.end() :])
        except zlib.error:
            continue


def _encoded(data):
    """Yield what stands in base 64 in a text that is JSON, and the JSON's own texts without escapes."""
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        return
    if isinstance(values, (dict, list)):
        yield json.dumps(values, ensure_ascii=False).encode("utf-8", "replace")
        for match in BASE64.finditer(data):
            try:
                yield base64.b64decode(match.group() + b"=" * (-len(match.group()) % 4))
            except ValueError:
                continue
