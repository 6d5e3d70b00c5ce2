"""Documents of a copy: drawn anew from what may stand in it, never cleansed of the rest.

Nobody can take names back out of a page that was drawn. So the caller brings a function for each kind of document that
it can draw, which is told of a :class:`Described` case: pseudonym, moved dates, numbers, coded words, and nothing else.
"""

import dataclasses
import json
import math
import re

from . import DeidentifyObjects as Objects
from . import DeidentifySource as Sources
from .Artefacts import FileRecord
from .Case import SIDES
from .IntendedUse import intendedUse
from .Planning.Figures import figureLines, unitOf
from .Planning.Operations import operations
from .Planning.Plan import readPlan
from .Prescription import CHARACTERISTICS
from .Procedures import findProcedure

PRESCRIPTION = "prescription"
FOLDER = "documents"


@dataclasses.dataclass(frozen=True)
class DescribedArtefact:
    """An artefact of the copy: its name and content there, and of its facts and parameters the numbers."""

    name: str
    kind: str
    content: str
    facts: dict
    parameters: dict


@dataclasses.dataclass(frozen=True)
class Described:
    """What a document of a copy may say.

    :param procedure: title of a procedure that ships with the suite, empty where it is another one
    :param dates: what happened → moved date as ISO text; empty where the profile keeps no dates
    :param planSteps: (title of the operation, ((figure in words, value with unit), …)) of the plan of the part
    :param characteristics: (kind, number or None for words, unit or None) of the prescription, None without one
    :param approvals: as they stand in the manifest of the copy
    :param surfaces: paths of the STL files of the copy, LPS mm
    """

    pseudonym: str
    profile: str
    side: str | None
    procedure: str
    intendedUse: str
    dates: dict
    artefacts: tuple
    planSteps: tuple = ()
    characteristics: tuple | None = None
    approvals: tuple = ()
    surfaces: tuple = ()

    @property
    def texts(self):
        """Everything that can come into a document, as one text: letters on a page cannot be searched."""
        values = dataclasses.asdict(dataclasses.replace(self, surfaces=()))
        return json.dumps(values, ensure_ascii=False)


def describe(copy, case, approvals=()):
    """Return the :class:`Described` of a copy, all files of which but its documents are written."""
    governance, found = case.governance, copy.found.artefacts
    prescription = governance["prescription"]
    moments = {one.kind: one.when for one in found}
    if prescription:
        moments[PRESCRIPTION] = prescription["when"]
    return Described(
        pseudonym=copy.pseudonym,
        profile=copy.profile.name,
        side=case.side if case.side in SIDES else None,
        procedure=_procedure(case.procedure),
        intendedUse=intendedUse(case),
        dates={what: date for what, when in moments.items() if (date := movedDate(copy, when))},
        artefacts=tuple(_described(copy, artefact) for artefact in found),
        planSteps=tuple(_planSteps(case, found)),
        characteristics=tuple(map(_characteristic, prescription["characteristics"])) if prescription else None,
        approvals=tuple(approvals),
        surfaces=tuple(copy.folder / one["path"] for one in copy.files if one["kind"] == "stl"),
    )


def movedDate(copy, when):
    """Return the day of a UTC time as the profile allows, as ISO text; empty where it keeps none."""
    day = copy.cleaner.mapping.date(when[:10].replace("-", ""))
    return f"{day[:4]}-{day[4:6]}-{day[6:]}" if day else ""


def contentOf(copy, artefact):
    """Return the content of what the copy holds of an artefact: the same hash as a case's, of the copy's own files."""
    files = {
        one["path"]: FileRecord(one["sha256"], one["bytes"]) for one in copy.files if copy.ownerOf(one) == artefact.id
    }
    return dataclasses.replace(artefact, files=files).content


def _described(copy, artefact):
    numbers = (_numbers(artefact.facts), _numbers(artefact.parameters))
    return DescribedArtefact(copy.names[artefact.id], artefact.kind, contentOf(copy, artefact), *numbers)


def _numbers(values):
    names = (name for name in values if re.fullmatch("[a-z][A-Za-z0-9]*", name))
    return {name: values[name] for name in names if _isPlain(values[name])}


def _isPlain(value):
    if isinstance(value, (list, tuple)):
        return bool(value) and all(map(_isPlain, value))
    return isinstance(value, (bool, int, float)) and math.isfinite(value)


def _procedure(text):
    procedure, findings = findProcedure(text)
    return "" if findings or not text or procedure.origin == "site" else procedure.title


def _planSteps(case, artefacts):
    """Yield the steps of the plan that the part was made from: titles that the suite gives, figures with a unit."""
    known = {one.id: one for one in case.artefacts if one.kind == "plan"}
    plans = [known[link.id] for one in artefacts if one.kind == "part" for link in one.parents if link.id in known]
    if not plans:
        return
    document, results = readPlan(case, plans[0])
    titles = {step["name"]: operations()[step["do"]].title for step in document["steps"]}
    for step in results["steps"]:
        figures = {name: value for name, value in _numbers(step["figures"]).items() if unitOf(name)[0]}
        yield titles[step["name"]], tuple(figureLines(figures))


def _characteristic(one):
    isNumber = isinstance(one["value"], (int, float))
    return one["kind"], one["value"] if isNumber else None, CHARACTERISTICS.get(one["kind"])


def writeDocuments(copy, described, documents, save):
    """Draw each kind of document that the case has once; write it, as a file and in its DICOM object.

    :param documents: kind → function that takes a :class:`Described` and returns the bytes of a PDF
    :param save: function that writes a DICOM object: dataset, kind, name, path in the source
    """
    drawn = {kind: documents[kind](described) for kind in _kinds(copy, described, documents)}
    for kind, path in copy.found.documents:
        _writePdf(copy, kind, drawn[kind], path)
    if PRESCRIPTION in drawn and PRESCRIPTION not in dict(copy.found.documents):
        _writePdf(copy, PRESCRIPTION, drawn[PRESCRIPTION], None)
    for number, (kind, path) in enumerate(copy.documents, 1):
        dataset = Sources.readDicom(path)
        faces = Objects.Defaced(copy.faces.removed)
        result = Objects.cleanedObject(copy.cleaner, dataset, faces=faces, document=drawn[kind])
        save(result, "document", f"{kind}-{number}", path)


def _kinds(copy, described, documents):
    kinds = [kind for kind, _path in (*copy.found.documents, *copy.documents)]
    wanted = [PRESCRIPTION] if described.characteristics is not None and PRESCRIPTION in documents else []
    return dict.fromkeys([*kinds, *wanted])


def _writePdf(copy, kind, data, origin):
    folder = copy.folder / FOLDER
    folder.mkdir(exist_ok=True)
    path = folder / f"{copy.pseudonym}-{kind}.pdf"
    path.write_bytes(data)
    copy.add(path, "pdf", origin)
