"""The Encapsulated STL and PDF objects: conformant, the same bytes inside, flags as the operations were."""

import base64
import json

import pydicom
import pytest
from Judges import dicomErrors, entityErrors, run
from SmallSeries import asymmetricMask, boneSegment, tetrahedronStl

from ORExportLib.Dicom.EncapsulatedDocument import encapsulatedBytes
from ORExportLib.Dicom.EncapsulatedModel import buildEncapsulatedModel
from ORExportLib.Dicom.EncapsulatedPdf import buildEncapsulatedPdf
from ORExportLib.Dicom.ModelModule import Model
from ORExportLib.Dicom.SegmentationObject import buildSegmentation
from ORExportLib.Dicom.Source import readSource
from ORExportLib.Pages.Briefing import Briefing
from ORExportLib.Pages.PlanPdf import planPdf

PART = Model("Bone")
LATERALITY = [("left", "L"), ("right", "R"), ("bilateral", "B"), ("midline", "U"), (None, None)]


@pytest.fixture
def aSegmentation(aSource, aMaking, anAlgorithm):
    return buildSegmentation(aSource, aMaking, [boneSegment(asymmetricMask())], anAlgorithm)


@pytest.fixture
def aPdf(aMaking):
    return planPdf(Briefing(aMaking.caseName, "left", "Cranioplasty", (), (), aMaking.when, aMaking.software))


def test_modelConformsAndFitsItsSource(aSource, aMaking, aSegmentation, sourcePaths, tmp_path):
    path = tmp_path / "part.dcm"
    left = Model("Bone", side="left")
    buildEncapsulatedModel(aSource, aMaking, tetrahedronStl(), left, [aSegmentation]).save_as(path)
    aSegmentation.save_as(tmp_path / "seg.dcm")
    assert dicomErrors(path) == []
    assert entityErrors([path, tmp_path / "seg.dcm", *sourcePaths]) == []
    assert json.loads(run("dcm2json", path))["00080060"]["Value"] == ["M3D"]


MANDATORY = (
    "MeasurementUnitsCodeSequence",
    "FrameOfReferenceUID",
    "MIMETypeOfEncapsulatedDocument",
    "BurnedInAnnotation",
    "ReferencedSeriesSequence",
)


@pytest.mark.parametrize("keyword", MANDATORY)
def test_dciodvfyMissesWhatIsMandatory(aSource, aMaking, tmp_path, keyword):
    dataset = buildEncapsulatedModel(aSource, aMaking, tetrahedronStl(), PART)
    del dataset[keyword]
    dataset.save_as(tmp_path / "damaged.dcm")
    assert dicomErrors(tmp_path / "damaged.dcm")


@pytest.mark.parametrize("extra", [b"", b"!"], ids=["even", "odd"])
def test_modelHoldsTheStlByteForByte(aSource, aMaking, tmp_path, extra):
    stl = tetrahedronStl() + extra
    buildEncapsulatedModel(aSource, aMaking, stl, PART).save_as(tmp_path / "part.dcm")
    dataset = pydicom.dcmread(tmp_path / "part.dcm")
    assert encapsulatedBytes(dataset) == stl
    assert len(dataset.EncapsulatedDocument) % 2 == 0
    values = json.loads(run("dcm2json", tmp_path / "part.dcm"))
    assert base64.b64decode(values["00420011"]["InlineBinary"])[: values["00420015"]["Value"][0]] == stl


def test_modelSharesTheSourcesFrameAndSaysMillimetres(aSource, aMaking, aSegmentation):
    dataset = buildEncapsulatedModel(aSource, aMaking, tetrahedronStl(), Model("Bone", side="left"), [aSegmentation])
    assert dataset.FrameOfReferenceUID == aSource.frameOfReferenceUid
    units, usage = dataset.MeasurementUnitsCodeSequence[0], dataset.ModelUsageCodeSequence[0]
    assert (units.CodeValue, units.CodingSchemeDesignator) == ("mm", "UCUM")
    assert (usage.CodeValue, usage.CodingSchemeDesignator) == ("129013", "DCM")
    assert dataset.ConceptNameCodeSequence[0].CodeValue == "85040-4"
    assert (dataset.ModelModification, dataset.ModelMirroring, dataset.BurnedInAnnotation) == ("NO", "NO", "NO")
    assert "RecognizableVisualFeatures" not in dataset
    sources = [item.ReferencedSOPInstanceUID for item in dataset.SourceInstanceSequence]
    assert sources == [*(header.SOPInstanceUID for header in aSource.headers), aSegmentation.SOPInstanceUID]


def test_flagsFollowTheOperations(aSource, aMaking, tmp_path):
    model = Model("Guide", modified=True, mirrored=True, usage="ToolFabrication", showsSkin=True, namesPatient=True)
    dataset = buildEncapsulatedModel(aSource, aMaking, tetrahedronStl(), model)
    dataset.save_as(tmp_path / "part.dcm")
    assert (dataset.ModelModification, dataset.ModelMirroring) == ("YES", "YES")
    assert dataset.ModelUsageCodeSequence[0].CodeValue == "129014"
    assert (dataset.RecognizableVisualFeatures, dataset.BurnedInAnnotation) == ("YES", "YES")
    assert dicomErrors(tmp_path / "part.dcm") == []


@pytest.mark.parametrize("side, laterality", LATERALITY)
def test_sideIsTheCasesSide(aSource, aMaking, aPdf, tmp_path, side, laterality):
    model = buildEncapsulatedModel(aSource, aMaking, tetrahedronStl(), Model("Bone", side=side))
    for dataset in (model, buildEncapsulatedPdf(aSource, aMaking, aPdf, side)):
        assert dataset.get("ImageLaterality") == laterality
        dataset.save_as(tmp_path / "one.dcm")
        assert dicomErrors(tmp_path / "one.dcm") == []


def test_pdfConformsAndComesOutWhole(aSource, aMaking, aPdf, aSegmentation, sourcePaths, tmp_path):
    path = tmp_path / "briefing.dcm"
    buildEncapsulatedPdf(aSource, aMaking, aPdf, "right", [aSegmentation]).save_as(path)
    aSegmentation.save_as(tmp_path / "seg.dcm")
    assert dicomErrors(path) == []
    assert entityErrors([path, tmp_path / "seg.dcm", *sourcePaths]) == []
    run("dcm2pdf", path, tmp_path / "out.pdf")
    assert (tmp_path / "out.pdf").read_bytes().rstrip(b"\0") == aPdf.rstrip(b"\0")
    # The page names the case, so whoever passes it on must know.
    assert pydicom.dcmread(path).BurnedInAnnotation == "YES"


def test_pdfWithoutMimeTypeIsSeen(aSource, aMaking, aPdf, tmp_path):
    dataset = buildEncapsulatedPdf(aSource, aMaking, aPdf)
    del dataset.MIMETypeOfEncapsulatedDocument
    dataset.save_as(tmp_path / "damaged.dcm")
    assert dicomErrors(tmp_path / "damaged.dcm")


def test_realSkullConforms(skullPaths, tmp_path, aMaking, aPdf):
    source = readSource(skullPaths)
    objects = {
        "part.dcm": buildEncapsulatedModel(source, aMaking, tetrahedronStl(), Model("Bone", side="midline")),
        "briefing.dcm": buildEncapsulatedPdf(source, aMaking, aPdf, "midline"),
    }
    for name, dataset in objects.items():
        dataset.save_as(tmp_path / name)
        assert dicomErrors(tmp_path / name) == []
    assert entityErrors([*(tmp_path / name for name in objects), *skullPaths]) == []
