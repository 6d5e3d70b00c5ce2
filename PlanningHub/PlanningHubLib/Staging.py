"""A new revision of an artefact while it is being made: a folder to fill, and the commit that takes it in."""

import dataclasses
import json
from pathlib import Path

from .Artefacts import Artefact, FileRecord
from .Errors import InputRefused
from .Files import sha256
from .Locking import utcNow
from .References import writeReferences


class NothingCommitted(Exception):
    """Ends a staging whose user left it without a commit."""


@dataclasses.dataclass
class Stage:
    """A folder being filled for one new revision."""

    case: object
    artefactId: str
    kind: str
    revision: int
    who: str
    folder: Path = None
    artefact: Artefact = None

    def commit(self, parents=(), parameters=None, facts=None, software=None, title=None, references=None):
        """Take every file of the folder into a new artefact; the case changes when the ``with`` block ends well.

        :param parents: the artefacts it was made from
        :param references: name -> path of files that belong to it and stay where they lie, outside the case
        :returns: the artefact
        :raises InputRefused: ``cannot-read``, for a file that is referred to
        :raises ValueError: for no files, or parameters or facts that JSON cannot hold (TypeError for their types)
        """
        paths = (path for path in self.folder.rglob("*") if path.is_file())
        files = {path.relative_to(self.folder).as_posix(): path for path in paths}
        records = {name: FileRecord(sha256(path), path.stat().st_size) for name, path in files.items()}
        if references:
            writeReferences(self.folder, references)
            records |= {name: _readRecord(path) for name, path in references.items()}
        if not records:
            raise ValueError("An artefact needs at least one file.")
        self.artefact = Artefact(
            id=self.artefactId,
            kind=self.kind,
            revision=self.revision,
            title=title or self.kind.capitalize(),
            files=dict(sorted(records.items())),
            parents=tuple(parent.link for parent in parents),
            parameters=_asJson(parameters),
            facts=_asJson(facts),
            software=dict(software or {}),
            who=self.who,
            when=utcNow(),
        )
        return self.artefact


def _readRecord(path):
    try:
        return FileRecord(sha256(path), path.stat().st_size)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        raise InputRefused("cannot-read", message, "Check that it is still there.", [path]) from error


def _asJson(values):
    """Return values as they will be read back."""
    return json.loads(json.dumps(dict(values or {}), allow_nan=False))
