"""The cases that a store keeps, read from the store alone: which, in which states, and every file by its hash."""

import dataclasses
from typing import Protocol

from PlanningHubLib.Errors import UsageError, VerificationFailed

from ..Stores.Addresses import openStore


@dataclasses.dataclass(frozen=True)
class KeptCase:
    """One case of a store as its newest record says it is.

    :param created: UTC as ISO text
    :param kinds: kinds of artefact that it has, in order
    :param bytes: all its files, each content once; None where an older record does not say
    :param approvals: how many stood; whether they hold is judged where the case is restored
    :param superseded: revisions that a newer one has taken the place of
    """

    caseId: str
    name: str
    patientCode: str
    procedure: str | None
    side: str | None
    created: str
    kinds: tuple
    bytes: int | None
    approvals: int
    superseded: int = 0

    def asDict(self):
        return {
            "caseId": self.caseId, "name": self.name, "patientCode": self.patientCode, "procedure": self.procedure,
            "side": self.side, "date": self.created[:10], "kinds": list(self.kinds), "size": self.bytes,
            "approved": self.approvals > 0, "superseded": self.superseded,
        }  # fmt: skip

    @classmethod
    def fromRecord(cls, values):
        """Return the case of a record's values, with or without its list of files.

        :raises KeyError, TypeError: they are no record's
        """
        about = values["case"]
        return cls(
            str(values["caseId"]), str(values["name"]), str(about["patientCode"]), about["procedure"], about["side"],
            str(about["created"]), tuple(about["kinds"]), int(about["bytes"]), int(about["approvals"]),
            len(values["superseded"]),
        )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class KeptState:
    """A case as a store kept it at one moment.

    :param lines: of the audit log at that moment; the number by which the state is called
    :param headSha256: of the last of these lines
    :param when: it was kept, UTC as ISO text
    :param where: in words, such as ``list 3.json``
    :param files: path within the case → SHA-256
    :param contents: SHA-256 → where a store of DICOM objects keeps it; empty for a folder
    :param graph: what the record says of the artefacts, or None
    """

    caseId: str
    name: str
    lines: int
    headSha256: str
    when: str
    where: str
    files: dict
    contents: dict = dataclasses.field(default_factory=dict, repr=False)
    graph: list | None = dataclasses.field(default=None, repr=False)


@dataclasses.dataclass(frozen=True)
class KeptStates:
    """The states of a case that can be read, oldest first, and how many cannot.

    :param newestDamaged: whether one of those that cannot be read may be the newest
    """

    states: tuple
    damaged: int = 0
    newestDamaged: bool = False


class ContentLost(Exception):
    """A store answers, and does not give back a content: it is missing or damaged, in words."""


class CaseSource(Protocol):
    """What a store's cases are read through."""

    description: str

    def listCases(self, wanted, progress):
        """Return (list of :class:`KeptCase`, list of findings on what cannot be read).

        :param wanted: :class:`Wanted`; what the store itself can search by, it searches by
        """

    def find(self, word, progress):
        """Return case ID → name of the cases that a name, a case ID or a patient's pseudonym means."""

    def states(self, caseId):
        """Return the :class:`KeptStates` of a case."""

    def heads(self, case):
        """Return what :func:`CentralSyncLib.Records.AuditHead.keptHeads` finds for a case that was restored."""

    def fetch(self, state, sha256, path, beforeChunk):
        """Write one content to ``path`` piece by piece, its hash proven.

        :raises ContentLost: the store has it no more, or something else
        :raises StoreFailed: the store cannot be asked
        """


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What is looked for: dates as ISO text, both ends included; empty or None is everything."""

    patient: str = ""
    procedure: str = ""
    since: str | None = None
    until: str | None = None
    kind: str | None = None

    def fits(self, case):
        """Tell whether a :class:`KeptCase` is one of these."""
        words, said = self.procedure.casefold().split(), (case.procedure or "").casefold()
        return (
            (not self.patient or isOf(case, self.patient))
            and all(word in said for word in words)
            and (not self.since or case.created[:10] >= self.since)
            and (not self.until or case.created[:10] <= self.until)
            and (not self.kind or self.kind in case.kinds)
        )


def isOf(case, word):
    """Tell whether a case is the one, or one of the patient's, that a name, case ID, pseudonym or code means."""
    word = word.strip().casefold()
    isPatient = case.name.casefold().rpartition("-")[0] == word or case.patientCode.casefold() == word
    return isPatient or word in (case.name.casefold(), case.caseId.casefold())


def openCases(address, auth=None):
    """Return the :class:`CaseSource` of a store.

    :raises UsageError: as :func:`CentralSyncLib.Stores.Addresses.openStore`; ``store-gives-nothing-back``
    """
    from .DicomWebCases import DicomWebCases
    from .FolderCases import FolderCases

    store = openStore(address, auth)
    if store.keepsWholeCase:
        return FolderCases(store)
    if not hasattr(store, "readObject"):
        raise UsageError(
            "store-gives-nothing-back",
            f"The {store.description} takes objects and is not asked for any.",
            "Restore from the archive's DICOMweb address.",
        )
    return DicomWebCases(store)


def requireSafe(files):
    """Refuse a list of files that would not stay within one folder, whoever wrote it.

    :param files: path within the case → SHA-256
    :raises VerificationFailed: ``record-unsafe``
    """
    for name, digest in files.items():
        parts = name.split("/")
        isPlain = all(part and part not in (".", "..") and not set(part) & set("\\:\0") for part in parts)
        isHash = isinstance(digest, str) and len(digest) == 64 and set(digest) <= set("0123456789abcdef")
        if not isPlain or not isHash or name.startswith("."):
            raise VerificationFailed(
                "record-unsafe",
                f"The store's record of the case names a file that no case has: {name!r}.",
                "Treat the record as forged; have the store looked at.",
            )
