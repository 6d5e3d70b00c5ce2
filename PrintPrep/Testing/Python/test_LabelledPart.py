"""The labels of a part of a case: in its files, in its facts, on the side of a guide that faces away from the bone."""

import difflib
import io

import numpy
import pydicom
import pytest
import slicer
import trimesh
from LabelMaking import frameOf
from PartMaking import obliqueMatrix
from test_Part import aCase, addRealSkull, addSegmentation, aSession, ownHome  # noqa: F401

from PlanningHubLib import Segments
from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Planning import Plan
from PlanningHubLib.Planning.Context import Context
from PlanningHubLib.Planning.Document import newDocument
from PlanningHubLib.Shapes.Mesh import Mesh
from PrintPrepLib import Part
from PrintPrepLib.Marking import LabelReading
from PrintPrepLib.Marking.PatientWords import patientWords
from PrintPrepLib.Recipe import newRecipe

needsTesseract = pytest.mark.skipif(not LabelReading.canRead(), reason="tesseract is not installed")
LABEL = {"do": "label"}


def slab():
    mask = numpy.zeros((60, 24, 90), numpy.uint8)
    mask[4:56, 5:19, 4:86] = 1
    return mask


def meshOfFile(case, part, ending):
    (name,) = (one for one in part.files if one.endswith(ending))
    seen = trimesh.load(io.BytesIO(case.path(part, name).read_bytes()), file_type=ending)
    assert seen.is_watertight and seen.is_winding_consistent
    return Mesh.fromArrays(seen.vertices, seen.faces)


def readFromFile(case, part, entry):
    """Read a label of a part in its STL."""
    sizeMm = numpy.array(entry["sizeMm"]) + 2
    raised = entry["kind"] == "embossed"
    mesh = meshOfFile(case, part, "stl")
    return LabelReading.readLetters(mesh, frameOf(entry), sizeMm, entry["heightMm"], raised, entry["text"])


def likeness(read, text):
    """Return from 0 to 1 how much of a text was read: the code is random, and single signs of it may be misread."""
    return difflib.SequenceMatcher(None, "".join(read.split()), "".join(text.split()), autojunk=False).ratio()


@needsTesseract
def test_fileSaysCaseSideAndPart(aCase, aSession):  # noqa: F811
    addSegmentation(aCase, aSession, slab(), obliqueMatrix((0.8, 0.9, 1.0)))
    part = Part.makePart(aCase, aSession, newRecipe(steps=[LABEL]))
    (entry,) = part.facts["label"]
    assert entry["text"] == f"{aCase.name} LEFT PART-1.1"
    assert likeness(readFromFile(aCase, part, entry), entry["text"]) > 0.8
    codes = [finding["code"] for finding in part.facts["findings"]]
    assert "not-labelled" not in codes and ("label-not-read" in codes) is not entry["read"]
    again = Part.makePart(aCase, aSession, newRecipe(steps=[LABEL]))
    assert again.facts["label"][0]["text"].endswith("PART-1.2"), "each revision says which it is"


def test_codeNamesWhatThePartWasMadeFrom(aCase, aSession):  # noqa: F811
    addSegmentation(aCase, aSession, slab(), numpy.eye(4))
    part = Part.makePart(aCase, aSession, newRecipe(steps=[LABEL, {"do": "qr"}]))
    letters, code = part.facts["label"]
    source = aCase.latest("segmentation").content.removeprefix("sha256:")
    assert code["readAs"] == f"PLANNINGHUB:{aCase.name}:PART-1.1:{source[:32].upper()}"
    assert code["read"] is True
    apart = numpy.linalg.norm(numpy.subtract(letters["centerLps"], code["centerLps"]))
    assert apart > 5, "not on top of each other"


def test_partWithoutTheStepHasNoLetters(aCase, aSession):  # noqa: F811
    addSegmentation(aCase, aSession, slab(), numpy.eye(4))
    part = Part.makePart(aCase, aSession)
    assert "label" not in part.facts
    assert "not-labelled" in [finding["code"] for finding in part.facts["findings"]]


def test_labelThatCannotBeLeavesNothing(aCase, aSession):  # noqa: F811
    addSegmentation(aCase, aSession, slab(), numpy.eye(4))
    with pytest.raises(InputRefused, match="Step 1 .Label.*no piece lid"):
        Part.makePart(aCase, aSession, newRecipe(steps=[{**LABEL, "piece": "lid"}]))
    assert aCase.latest("part") is None


def drillGuide(case, session, downwards):
    """Keep a plan with a drill guide on a slab of 90 × 90 × 20 mm, on its upper or its lower face."""
    mask = numpy.zeros((30, 100, 100), numpy.uint8)
    mask[5:25, 5:95, 5:95] = 1
    matrix = numpy.eye(4)
    matrix[:3, 3] = (-49.5, -49.5, -14.5)
    addSegmentation(case, session, mask, matrix)
    node = Segments.addSegmentation(session, None, "bone")
    vtkMatrix = slicer.util.vtkMatrixFromArray(matrix)
    Segments.addSegment(node, mask, vtkMatrix, "Bone", Segments.BONE_TERMINOLOGY, Segments.BONE_COLOR)
    height = -20 if downwards else 20
    document = {**newDocument("plan"), "steps": [
        {"do": "line", "name": "drill", "start": [0, 0, height], "end": [0, 0, height / 10]},
        {"do": "drill-guide", "name": "Guide", "bone": "Bone", "lines": ["drill"], "extentMm": 25, "thicknessMm": 5},
    ]}  # fmt: skip
    carried = Plan.carryOut(document, Context(mask.shape, matrix, node))
    return Plan.keepPlan(case, session, carried)


@pytest.mark.slow
@needsTesseract
@pytest.mark.parametrize("downwards", [False, True])
def test_guideIsLabelledOnTheSideAwayFromTheBone(aCase, aSession, downwards):  # noqa: F811
    drillGuide(aCase, aSession, downwards)
    part = Part.makePart(aCase, aSession, newRecipe("Guide", steps=[{**LABEL, "text": "{side} {part}"}]))
    (entry,) = part.facts["label"]
    assert entry["normalLps"][2] * (-1 if downwards else 1) > 0.9
    # From the bone's face at 10 mm: clearance and thickness above it.
    assert abs(entry["centerLps"][2]) == pytest.approx(15.3, abs=0.2)
    assert entry["kind"] == "engraved" and entry["depthMm"] <= 2.55, "no more than half of 5 mm"
    assert LabelReading.isSameText(readFromFile(aCase, part, entry), "LEFT PART-1.1")
    assert "face-not-checked" not in [finding["code"] for finding in part.facts["findings"]]


def test_wordsOfThePatientAreFoundInTheImages(aCase, aSession):  # noqa: F811
    dataset = pydicom.Dataset()
    dataset.PatientName, dataset.PatientID = "Miller^Anna Maria", "HX-4711"
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3"
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    with aCase.staging("source") as stage:
        (stage.folder / "scanned").mkdir()
        dataset.save_as(stage.folder / "scanned" / "00001.dcm", enforce_file_format=True)
        stage.commit()
    assert patientWords(aCase) == {"miller", "anna", "maria", "hx", "4711"}


def test_nameOnThePartIsSaid(aCase, aSession, monkeypatch):  # noqa: F811
    monkeypatch.setattr(Part, "patientWords", lambda case: frozenset({"miller"}))
    addSegmentation(aCase, aSession, slab(), numpy.eye(4))
    part = Part.makePart(aCase, aSession, newRecipe(steps=[{**LABEL, "text": "Miller {side}"}]))
    assert part.facts["label"][0]["identifiesPatient"] is True
    assert "identifying-text" in [finding["code"] for finding in part.facts["findings"]]


@pytest.mark.slow
@needsTesseract
def test_realSkullIsReadFromItsFile(aCase, aSession):  # noqa: F811
    addRealSkull(aCase, aSession)
    part = Part.makePart(aCase, aSession, newRecipe(steps=[LABEL, {"do": "qr"}]))
    letters, code = part.facts["label"]
    assert (letters["kind"], letters["heightMm"]) == ("engraved", 7.5)
    assert letters["depthMm"] >= 1.0 and code["read"] is True
    assert likeness(readFromFile(aCase, part, letters), f"{aCase.name} LEFT PART-1.1") > 0.8
