"""What was sent, found again on this workstation: in the case that it came from, and only with the right hash."""

import dataclasses
import hashlib
import io
from functools import partial
from pathlib import Path

from PlanningHubLib import Files
from PlanningHubLib.Audit import LOG_NAME
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import PlanningError

from ..Items import Item
from ..Records.RawData import headerOf
from ..Records.Wrapping import wrap


class LocalCopies:
    """Finds contents in case folders; each case is opened once, and no file is trusted before it was hashed."""

    def __init__(self):
        self._cases = {}

    def itemFor(self, kept):
        """Return the item with its content from here, or None where no local copy is left.

        :param kept: :class:`CentralSyncLib.Upkeep.Selection.Kept`
        """
        plain = self._content(kept, kept.item.sha256)
        if plain:
            return dataclasses.replace(kept.item, path=None, opener=plain.open)
        content = self._content(kept, kept.contentSha256) if kept.contentSha256 else None
        return self._wrappedAgain(kept, content) if content else None

    def open(self, kept):
        """Open the content, for a store that needs it to compare.

        :raises FileNotFoundError: no local copy is left
        """
        item = self.itemFor(kept)
        if item is None:
            raise FileNotFoundError(f"no local copy of {kept.name}")
        return item.open()

    def _content(self, kept, sha256):
        """Return a plain item with that content, or None."""
        path = self._pathsOf(kept.caseFolder).get(sha256)
        if path and _hashes(path, sha256):
            return Item(sha256, path, kept.name, bytes=path.stat().st_size)
        return _olderLog(kept, sha256) if Path(kept.name).name == LOG_NAME and kept.caseFolder else None

    def _wrappedAgain(self, kept, content):
        """A plain file went in a DICOM object: the same content of the same case makes the same object again."""
        try:
            with Case.open(kept.caseFolder) as case:
                item = wrap(content, headerOf(case))
        except PlanningError:
            return None
        return item if item.sha256 == kept.item.sha256 else None

    def _pathsOf(self, folder):
        if folder not in self._cases:
            self._cases[folder] = _pathsIn(folder) if folder else {}
        return self._cases[folder]


def _pathsIn(folder):
    """SHA-256 → path of every file that the case in a folder records or keeps; nothing where the case is gone."""
    try:
        with Case.open(folder) as case:
            paths = {
                record.sha256: case.path(artefact, name)
                for artefact in case.artefacts
                for name, record in artefact.files.items()
            }
            for path in case.folder.iterdir():
                if path.is_file() and not path.name.startswith("."):
                    paths.setdefault(Files.sha256(path), path)
            return paths
    except (PlanningError, OSError):
        return {}


def _olderLog(kept, sha256):
    """Return what an audit log was when it was sent: it only grows, so today's begins with that."""
    digest, start = hashlib.sha256(), bytearray()
    try:
        with open(Path(kept.caseFolder) / LOG_NAME, "rb") as file:
            for line in file:
                digest.update(line)
                start += line
                if digest.hexdigest() == sha256:
                    return Item(sha256, None, kept.name, bytes=len(start), opener=partial(io.BytesIO, bytes(start)))
    except OSError:
        pass
    return None


def _hashes(path, sha256):
    try:
        return Files.sha256(path) == sha256
    except OSError:
        return False
