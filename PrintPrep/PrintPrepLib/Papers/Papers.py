"""The papers of a part: job ticket, traveller, inspection sheet, statement, label and registry row, as one artefact.

An artefact of kind ``papers``, made from the part, its build and its inspections: it goes stale with each of them. What
is entered makes a new revision, with the case's audit line; no entry is ever lost.
"""

import json

from PlanningHubLib import Requirements
from PlanningHubLib.Errors import GateRefused
from PlanningHubLib.Files import fileWord
from PlanningHubLib.Locking import currentUser
from PlanningHubLib.Progress import noProgress
from PlanningHubLib.Site import Site
from PlanningHubLib.Software import versions

from ..Marking.PatientWords import patientWords
from ..PartPictures import partPictures
from ..PartRecords import childId, chosenPart, newestChild, partMesh, partName, partNumber
from ..Production.Build import readBuild
from .Copies import buildOf, copiesOf
from .Inspection import SCANNED
from .PapersContent import allInspectionsOf, gathered, requireStated
from .PapersFields import newEntries
from .PapersPdf import papersPdfs
from .Registry import registryCsv

FILE_NAME, PICTURE_NAME = "papers.json", "part"


def makePapers(case, partId=None, values=None, progress=noProgress, user=None):
    """Make the papers of a part, or enter something into them.

    Without an approval of the part that holds, each page says NOT APPROVED.

    :param partId: None where the case has one part only
    :param values: what is entered: field's name of :func:`PrintPrepLib.Papers.PapersFields.fields` → text
    :returns: artefact of kind ``papers``; its facts hold ``part``, ``approvals``, ``travellerMissing``,
        ``statementMissing``, ``labelMissing``, ``verdicts``, ``registryInScope``
    :raises GateRefused: ``no-part``, ``which-part``, ``stale-part``, ``damaged-part``, ``damaged-papers``; what
        :func:`PrintPrepLib.Papers.PapersContent.requireStated` names
    :raises UsageError: ``no-such-field``, ``no-such-copy``, ``bad-entry``, ``identifying-text``
    """
    Requirements.ensure("PrintPrepLib")
    part, site = chosenPart(case, partId), Site.forThisInstallation()
    requireStated(part)
    words = patientWords(case) if values else ()
    entries = [*entriesOf(case, part), *newEntries(values or {}, part, user, words, copiesOf(case, part))]
    progress(0.1, "Reading the part")
    mesh = partMesh(case, part)
    document = gathered(case, part, mesh, entries, site, user or currentUser())
    inspections, build = allInspectionsOf(case, part), buildOf(case, part)
    with case.staging("papers", childId(case, "papers", part), user) as stage:
        progress(0.4, "Taking a picture")
        pictures = _pictures(case, part, mesh, stage.folder, inspections)
        progress(0.7, "Writing the papers")
        _write(stage.folder, case, part, document, pictures)
        return stage.commit(
            parents=[part, *([build] if build else []), *inspections],
            parameters={"part": part.id},
            facts=_facts(document),
            software=versions("slicer-core", "vtk", "reportlab", "segno"),
            title=f"Papers of {partNumber(part)}",
        )


def entriesOf(case, part):
    """Return all entries into the papers of a part, the oldest first, those of its earlier revisions too.

    :raises GateRefused: ``damaged-papers``
    """
    papers = newestChild(case, "papers", part)
    return readPapers(case, papers)["entries"] if papers else []


def readPapers(case, papers):
    """Return the document of papers, which may be stale, but not changed outside the suite.

    :raises GateRefused: ``damaged-papers``
    """
    damaged = case.damagedFiles(papers)
    if damaged:
        raise GateRefused(
            "damaged-papers", f"{papers.title} ({papers.id}) was changed outside the suite: {', '.join(damaged[:3])}.",
            "Restore the case from the central store: entries would be lost.",
            [case.path(papers, name) for name in damaged],
        )  # fmt: skip
    return json.loads(case.path(papers, FILE_NAME).read_bytes())


def _pictures(case, part, mesh, folder, inspections):
    """Return where the pictures of the part, its plates and the scan of each copy lie, or why there are none."""
    scans = {}
    for scan in inspections:
        if scan.parameters["method"] == SCANNED:
            taken = [case.path(scan, name) for name in scan.files if name.endswith(".png")]
            scans[scan.parameters.get("copy")] = taken or "none could be taken when the scan was compared"
    return {"part": partPictures(mesh, folder, PICTURE_NAME), "scans": scans, "plates": _platePictures(case, part)}


def _platePictures(case, part):
    """Return (words, path of the picture) of each plate that the part lies on, or the words why there is none."""
    build = buildOf(case, part)
    if build is None:
        return "no build was made"
    if case.damagedFiles(build):
        return "the build was changed outside the suite: make it again"
    plates = readBuild(case, build)["plates"]
    own = [(f"Plate {number} of {len(plates)}: {plate['file']}", case.path(build, plate["picture"]))
           for number, plate in enumerate(plates, 1)
           if "picture" in plate and part.id in [row["part"] for row in plate["parts"]]]  # fmt: skip
    return own or "the build keeps none: make it again"


def _write(folder, case, part, document, pictures):
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    (folder / FILE_NAME).write_bytes(text.encode())
    start = f"{case.name}_{fileWord(partName(part))}_{partNumber(part)}"
    for name, data in papersPdfs(document, pictures).items():
        (folder / f"{start}_{name}.pdf").write_bytes(data)
    if document["registry"]["inScope"]:
        (folder / f"{start}_registry.csv").write_bytes(registryCsv(document["registry"]).encode())


def _facts(document):
    return {
        "part": document["part"],
        "copies": document["ticket"]["copies"],
        # A part that is reopened makes papers stale that call it approved.
        "approvals": [one["id"] for one in document["approvals"]],
        "travellerMissing": document["traveller"]["missing"],
        "statementMissing": document["statement"]["missing"] if document["statement"] else [],
        "labelMissing": document["label"]["missing"],
        "verdicts": [one["verdicts"] for one in document["inspection"]["sheets"]],
        "registryInScope": document["registry"]["inScope"],
        "findings": [one for one in document["ticket"]["findings"] if one["severity"] != "info"],
    }
