"""The files of a case as the things that are sent: each content once, with its DICOM identity."""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from PlanningHubLib import Files
from PlanningHubLib.PartsTogether import partsTogether, planOf

DICOM = "dicom"
PLAIN = "plain"
# A transaction of HL7 FHIR, which only a FHIR endpoint takes.
FHIR = "fhir"
# What a case must have to be sent.
REQUIRED_KINDS = ("source", "segmentation", "part", "package")
# What was made beside it; of what is stale nothing is sent as current.
BESIDE_KINDS = ("build", "papers", "inspection", "outcome", "exchange", "delivery", "external")


@dataclasses.dataclass(frozen=True)
class Item:
    """One content to be kept.

    :param sha256: of the file's bytes, hexadecimal; the item's key everywhere
    :param name: the artefact and the file's name in it, such as ``source-1/dicom/00001.dcm``
    :param path: the file; None where ``opener`` gives the content
    :param kind: ``dicom`` (a DICOM Part 10 file), ``plain`` or ``fhir``
    :param bytes: the content's length
    :param opener: function that opens the content as a binary stream, where it is no plain file
    :param contentSha256: of the file that a Raw Data object carries; "" where the item is the file itself
    """

    sha256: str
    path: Path | None
    name: str
    kind: str = PLAIN
    sopInstanceUid: str = ""
    seriesUid: str = ""
    studyUid: str = ""
    bytes: int = 0
    opener: Callable[[], BinaryIO] | None = dataclasses.field(default=None, compare=False, repr=False)
    contentSha256: str = ""

    def open(self):
        """Open the content as a binary stream; whoever reads it compares its hash.

        :raises OSError: it cannot be opened
        """
        return self.opener() if self.opener else open(self.path, "rb")


def itemOf(path, name=None, sha256=None):
    """Return the :class:`Item` for a file; its DICOM identity is read from the file itself, never from its name."""
    path = Path(path)
    identity = _identity(path) if _isPart10(path) else {}
    return Item(
        sha256=sha256 or Files.sha256(path), path=path, name=name or path.name, bytes=os.stat(path).st_size, **identity
    )


def sentArtefacts(case):
    """Return the artefacts of a case that are sent: the newest of what it must have, and what goes along.

    The parts are those that belong together, with their plan; builds, papers, inspections and outcomes go along while
    they hold, retractions always. Files are not read.
    """
    parts, _stale = partsTogether(case)
    plan = case.graph.current(planOf(case, parts[-1]) or "") if parts else case.latest("plan")
    one = {kind: case.latest(kind) for kind in REQUIRED_KINDS}
    retractions = [one for one in case.artefacts if one.kind == "retraction"]
    made = [one["source"], one["segmentation"], plan, *parts, one["package"], *_beside(case), *retractions]
    return [artefact for artefact in made if artefact]


def _beside(case):
    newest = [one for one in case.artefacts if one.kind in BESIDE_KINDS and case.graph.current(one.id) == one]
    states = case.states(newest, readFiles=False)
    current = [one for one, state in zip(newest, states, strict=True) if state == "current"]
    return sorted(current, key=lambda one: BESIDE_KINDS.index(one.kind))


def itemsOf(case):
    """Return the items of :func:`sentArtefacts`; a content that two files share once."""
    items = {}
    for artefact in sentArtefacts(case):
        for name, record in artefact.files.items():
            if record.sha256 not in items:
                items[record.sha256] = itemOf(case.path(artefact, name), f"{artefact.id}/{name}", record.sha256)
    return list(items.values())


def _isPart10(path):
    """Whether the file has a DICOM preamble and prefix (PS3.10 section 7.1)."""
    with open(path, "rb") as file:
        return file.read(132)[128:] == b"DICM"


def _identity(path):
    """The three UIDs of a DICOM file; "" for one that it lacks or that cannot be read."""
    import pydicom
    from pydicom.errors import InvalidDicomError

    tags = {"sopInstanceUid": "SOPInstanceUID", "seriesUid": "SeriesInstanceUID", "studyUid": "StudyInstanceUID"}
    try:
        dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(tags.values()))
        return {"kind": DICOM, **{field: str(dataset.get(tag) or "").strip("\0 ") for field, tag in tags.items()}}
    except (InvalidDicomError, ValueError, NotImplementedError, EOFError, KeyError, AttributeError):
        return {"kind": DICOM}
