"""The documents of a de-identified copy, drawn anew from what may stand in one; they say what they are.

Nothing here reads the case: :class:`PlanningHubLib.DeidentifyDocuments.Described` is all that a page is drawn of.
"""

import datetime
import tempfile
from pathlib import Path

from PlanningHubLib.Procedures import procedureTitles
from PlanningHubLib.Requirements import ensure
from PlanningHubLib.Software import versions

from .Pages.BodyFigure import regionOf
from .Pages.Briefing import COPY, Briefing
from .Pages.BriefingPictures import takePictures
from .Pages.PlanPages import figuresOf
from .Pages.PlanPdf import Details, planPdf
from .Pages.PlanTables import INTENDED_USES, stepsTable
from .Pages.PrescriptionPdf import documentPdf

REMOVED = "removed"
NO_PICTURES = "the copy has no surface to show"
REMARKS = (
    "De-identified copy. Names, institution, dates of birth and every word that somebody wrote are removed; what is "
    "left is coded, counted or measured. Nobody has signed this page.",
)


def copyDocuments():
    """Return kind of document → function that takes a described copy and returns the bytes of a PDF.

    For ``documents`` of :func:`PlanningHubLib.Deidentify.deidentify`.
    """
    return {"briefing": copiedBriefing, "prescription": copiedPrescription}


def copiedBriefing(described):
    """Return the bytes of the briefing of a copy, with pictures of its own surface where this machine can take them."""
    ensure("ORExportLib")
    with tempfile.TemporaryDirectory(prefix="planninghub-") as folder:
        pictures, reason = _pictures(described, Path(folder))
        return planPdf(
            Briefing(
                caseName=described.pseudonym,
                side=described.side,
                procedure=described.procedure or None,
                region=regionOf(_procedureName(described.procedure)),
                intendedUse=COPY,
                figures=tuple(_figures(described)),
                hashes=tuple((one.kind.capitalize(), one.content) for one in _made(described)),
                when=_day(described.dates.get("package")),
                software=versions("reportlab"),
                pictures=tuple(pictures),
                noPictures=reason,
            ),
            _details(described),
        )


def _procedureName(title):
    return next((name for name, one in procedureTitles().items() if one == title), None)


def _pictures(described, folder):
    if not described.surfaces:
        return [], NO_PICTURES
    return takePictures(described.surfaces, described.side, folder)


def _made(described):
    """What the package of the copy was made from: the page cannot hold the hash of what holds the page.

    An outcome came after it.
    """
    return [one for one in described.artefacts if one.kind not in ("package", "outcome")]


def _figures(described):
    by = {one.kind: one for one in described.artefacts}
    if {"source", "segmentation", "part"} <= set(by):
        yield from figuresOf(by["source"].facts, by["segmentation"].facts, by["part"], bool(described.planSteps))
    roles = [one["role"] for one in described.approvals if one["holds"]]
    yield "Originals approved by", ", ".join(roles) or "nobody"
    yield "Made for", INTENDED_USES[described.intendedUse].removeprefix("for ")


def _details(described):
    if not described.planSteps:
        return None
    rows = [(f"Step {number}", title, figures) for number, (title, figures) in enumerate(described.planSteps, 1)]
    return Details(f"plan, {INTENDED_USES[described.intendedUse]}", tables=(stepsTable(rows),))


def _day(text):
    return datetime.date.fromisoformat(text) if text else None


def copiedPrescription(described):
    """Return the bytes of the prescription of a copy: its numbers, without words, people and signature."""
    ensure("ORExportLib")
    facts = [
        ("Pseudonym", described.pseudonym),
        ("Device", REMOVED),
        ("Procedure", described.procedure or REMOVED),
        ("Side", (described.side or "NOT STATED").upper()),
        ("Prescriber and institution", REMOVED),
        ("Date, moved", described.dates.get("prescription", REMOVED)),
    ]
    return documentPdf(
        f"{described.pseudonym} prescription", "Prescription – DE-IDENTIFIED COPY", facts,
        [_row(*one) for one in described.characteristics], REMARKS, isCopy=True,
    )  # fmt: skip


def _row(kind, number, unit):
    value = "words, removed" if number is None else f"{number} {unit or ''}".strip()
    return kind.replace("-", " "), value, ""
