"""The artefacts of a case: what each is, what it was made from, and whether that still holds."""

import dataclasses

from .Audit import canonical
from .Files import sha256Bytes

KINDS = (
    "source", "segmentation", "plan", "part", "build", "papers", "inspection", "views", "package", "receipt", "outcome",
    "exchange", "delivery", "external", "retraction",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class FileRecord:
    """A file's SHA-256 (hexadecimal) and its size in bytes (None where an old case did not record it)."""

    sha256: str
    bytes: int | None


@dataclasses.dataclass(frozen=True)
class ParentLink:
    """An artefact that another was made from, and the content it had then."""

    id: str
    content: str


@dataclasses.dataclass(frozen=True)
class Artefact:
    """One revision of one artefact; it never changes once committed.

    ``files`` maps names relative to the artefact's folder (with ``/``) to their records. ``parameters`` are what the
    step was asked for, ``facts`` what it found (with units in the names), ``software`` the versions that did it.
    """

    id: str
    kind: str
    revision: int
    title: str
    files: dict
    parents: tuple
    parameters: dict
    facts: dict
    software: dict
    who: str
    when: str

    @property
    def content(self):
        """The SHA-256 of the kind, file names and file hashes: equal for equal content only."""
        return sha256Bytes(
            canonical([self.kind, {name: record.sha256 for name, record in self.files.items()}]).encode()
        )

    @property
    def folderName(self):
        return f"{self.id}/r{self.revision}"

    @property
    def link(self):
        return ParentLink(self.id, self.content)

    def asDict(self):
        return {**dataclasses.asdict(self), "parents": [dataclasses.asdict(parent) for parent in self.parents]}

    @classmethod
    def fromDict(cls, values):
        return cls(
            **{
                **values,
                "files": {name: FileRecord(**record) for name, record in values["files"].items()},
                "parents": tuple(ParentLink(**parent) for parent in values["parents"]),
            }
        )


class Graph:
    """All revisions of all artefacts of a case, oldest first."""

    def __init__(self, artefacts=()):
        self.artefacts = list(artefacts)

    def current(self, artefactId):
        """Return the newest revision of an artefact, or None."""
        return next((one for one in reversed(self.artefacts) if one.id == artefactId), None)

    def latest(self, kind):
        """Return the newest revision among all artefacts of a kind, or None."""
        return next((one for one in reversed(self.artefacts) if one.kind == kind), None)

    def isStale(self, artefact):
        """Tell whether the artefact was superseded, or anything it was made from, however deep, has changed since."""
        return self.current(artefact.id) != artefact or any(self._parentChanged(link) for link in artefact.parents)

    def _parentChanged(self, link):
        parent = self.current(link.id)
        return parent is None or parent.content != link.content or self.isStale(parent)

    def above(self, artefact):
        """Return the current artefacts that this one was made from, however deep, each once."""
        found, pending = {}, [link.id for link in artefact.parents]
        while pending:
            parent = self.current(pending.pop())
            if parent and parent.id not in found:
                found[parent.id] = parent
                pending += [link.id for link in parent.parents]
        return list(found.values())
