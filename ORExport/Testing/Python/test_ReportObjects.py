"""Structured report and key objects: conformant, and every number and reference as three other readers see them."""

import copy
import datetime
import itertools
import json
import re

import highdicom
import numpy
import pydicom
import pytest
from Judges import dicomErrors, entityErrors, run
from SmallSeries import asymmetricMask, boneSegment, tetrahedronStl, writeSeries
from test_CaseMeasurements import aPlan

from ORExportLib.Dicom.DerivedObject import Making
from ORExportLib.Dicom.EncapsulatedModel import buildEncapsulatedModel
from ORExportLib.Dicom.KeyObjects import buildSelection, selectedInstances
from ORExportLib.Dicom.MeasurementReport import Report, buildReport
from ORExportLib.Dicom.ModelModule import Model
from ORExportLib.Dicom.Predecessors import addPredecessor
from ORExportLib.Dicom.SegmentationObject import Algorithm, buildSegmentation
from ORExportLib.Dicom.Source import readSource
from ORExportLib.Measurements import measurementsOf

PLANNED_FRAME = "2.25.123"
APPROVAL = {
    "statement": {"user": "Anna Example", "role": "surgeon", "when": "2026-01-31T10:11:12Z"}, "fingerprint": "ab" * 32,
}  # fmt: skip


class Artefact:
    """Stands in for segmentation and part."""

    facts = {"structures": {"Bone": {"volumeMl": 570.125678}}, "volumeMl": 12.5, "object": {"name": "Plate"}}


class Objects:
    """The objects of a small package, in a folder with their source."""

    def __init__(self, folder, isApproved):
        (folder / "ct").mkdir()
        self.slices = writeSeries(folder / "ct", StudyDescription="Head", PatientAge="054Y")[0]
        self.source = readSource(self.slices)
        now = datetime.datetime.now(datetime.UTC)
        self.making = Making("PH-TEST2345-0001", now, {"Planning Hub": "0.1.0"}, isApproved)
        bone = boneSegment(asymmetricMask())
        segmentation = buildSegmentation(self.source, self.making, [bone], Algorithm("threshold", "1"))
        self.measurements = measurementsOf(*aPlan(), Artefact, [Artefact])
        approvals = (APPROVAL,) if isApproved else ()
        report = Report(self.measurements, {"Bone": 1}, PLANNED_FRAME, "left", "Cranioplasty", approvals)
        self.report = buildReport(self.source, self.making, report, segmentation)
        model = buildEncapsulatedModel(self.source, self.making, tetrahedronStl(), Model("Plate"), [segmentation])
        self.inside = [segmentation, model, self.report]
        self.selection = buildSelection(self.source, self.making, self.inside)
        self.paths = [folder / f"{name}.dcm" for name in ("segmentation", "model", "report", "selection")]
        for path, dataset in zip(self.paths, [*self.inside, self.selection], strict=True):
            dataset.save_as(path)


@pytest.fixture(scope="module")
def draft(tmp_path_factory):
    return Objects(tmp_path_factory.mktemp("draft"), isApproved=False)


@pytest.fixture(scope="module")
def approved(tmp_path_factory):
    return Objects(tmp_path_factory.mktemp("approved"), isApproved=True)


def values(measurements):
    return sorted(round(float(one.value), 4) for one in measurements)


@pytest.mark.parametrize("which", ["draft", "approved"])
def test_bothConformAndNothingThatTheyNameIsMissing(which, request):
    made = request.getfixturevalue(which)
    assert [dicomErrors(path) for path in made.paths] == [[]] * 4
    assert entityErrors([*made.paths, *made.slices]) == []
    missing = entityErrors([*made.paths, *made.slices[1:]])
    assert missing and all("Missing SOPInstanceUID" in line for line in missing)
    assert made.report.AccessionNumber == made.selection.AccessionNumber == made.source.first.AccessionNumber


def test_aReportThatNamesTheOneBeforeConforms(draft, tmp_path):
    dataset = copy.deepcopy(draft.report)
    addPredecessor(dataset, draft.report)
    dataset.save_as(tmp_path / "next.dcm", enforce_file_format=True)
    assert dicomErrors(tmp_path / "next.dcm") == []
    del dataset.PredecessorDocumentsSequence[0].ReferencedSeriesSequence
    dataset.save_as(tmp_path / "damaged.dcm", enforce_file_format=True)
    assert dicomErrors(tmp_path / "damaged.dcm")


def test_highdicomReadsTheSameNumbers(draft):
    content = highdicom.sr.srread(draft.paths[2]).content
    groups = [*content.get_image_measurement_groups(), *content.get_volumetric_roi_measurement_groups()]
    found = [one for group in groups for one in group.get_measurements()]
    assert values(found) == values(draft.measurements) and len(found) == len(draft.measurements)
    # Only what is of the plan has its side.
    sides = [group.get_qualitative_evaluations()[0].value.meaning for group in groups
             if group.get_qualitative_evaluations()]  # fmt: skip
    assert set(sides) == {"Left"} and len(groups) - len(sides) == 2


def test_dcmqiReadsTheSameNumbersAndTheSegment(draft, tmp_path):
    run("tid1500reader", "--inputDICOM", draft.paths[2], "--outputMetadata", tmp_path / "out.json")
    read = json.loads((tmp_path / "out.json").read_bytes())
    items = [item for group in read["Measurements"] for item in group["measurementItems"]]
    assert sorted(round(float(item["value"]), 4) for item in items) == values(draft.measurements)
    assert {item["units"]["CodeValue"] for item in items} == {one.unit for one in draft.measurements}
    (bone,) = [group for group in read["Measurements"] if group["TrackingIdentifier"] == "Bone"]
    assert bone["ReferencedSegment"] == 1
    assert bone["segmentationSOPInstanceUID"] == draft.inside[0].SOPInstanceUID
    assert bone["measurementItems"][0]["quantity"]["CodeValue"] == "118565006"


def test_dcmtkPrintsTheSameNumbers(draft):
    text = run("dsrdump", draft.paths[2])
    found = re.findall(r'NUM:\(,,"[^"]+"\)="([^"]+)"', text)
    assert sorted(round(float(value), 4) for value in found) == values(draft.measurements)
    assert 'NUM:(,,"reached")="11.249" (mm,UCUM,"mm")' in text


def numbersOf(dataset):
    """Yield (tracking identifier, NUM item) of a report, read with pydicom alone."""
    for group in next(item for item in dataset.ContentSequence if "ContentSequence" in item).ContentSequence:
        tracking = group.ContentSequence[0].TextValue
        yield from ((tracking, item) for item in group.ContentSequence if item.ValueType == "NUM")


def test_pointsAreInTheScansFrameOrSaidToBePlanned(draft):
    found = {
        (tracking, item.ConceptNameCodeSequence[0].CodeMeaning): item
        for tracking, item in numbersOf(pydicom.dcmread(draft.paths[2]))
    }
    entry, target, way = found["Biopsy", "Length"].ContentSequence
    assert [one.ConceptNameCodeSequence[0].CodeMeaning for one in (entry, target)] == ["Entry point", "Target point"]
    assert numpy.allclose(entry.GraphicData, (-170, -172, 148)) and numpy.allclose(target.GraphicData, (-98, -164, 151))
    assert way.GraphicType == "POLYLINE" and way.ReferencedFrameOfReferenceUID == draft.source.frameOfReferenceUid
    # The jaw was moved: this gap is there where it is planned to be.
    (gap,) = found["Gap", "Distance"].ContentSequence
    assert gap.ReferencedFrameOfReferenceUID == PLANNED_FRAME
    comments = [item.TextValue for item in draft.report.ContentSequence if item.ValueType == "TEXT"]
    assert any(PLANNED_FRAME in text for text in comments) and any("side: left" in text for text in comments)


def test_unlikeNumbersOfAStepHaveUnlikeNames(draft):
    names = [(tracking, item.ConceptNameCodeSequence[0].CodeValue) for tracking, item in numbersOf(draft.report)]
    assert len(set(names)) == len(names)
    assert all(len(code) <= 16 for _tracking, code in names)
    # Names that people gave stand in texts, which a copy without them replaces, and in no code.
    meanings = {item.ConceptNameCodeSequence[0].CodeMeaning for _tracking, item in numbersOf(draft.report)}
    assert not any(name in meaning for name in ("Aorta", "Needle", "Jaw", "Plate", "Bone") for meaning in meanings)


def test_onlyWhatIsApprovedIsVerifiedAndForSurgery(draft, approved):
    def said(objects):
        report, selection = objects.report, objects.selection
        return (
            report.VerificationFlag, report.CompletionFlag, selection.ConceptNameCodeSequence[0].CodeMeaning,
            report.SeriesDescription,
        )  # fmt: skip

    assert said(draft) == ("UNVERIFIED", "PARTIAL", "Of Interest", "Measurements, not approved")
    assert said(approved) == ("VERIFIED", "COMPLETE", "For Surgery", "Measurements, approved")
    assert "VerifyingObserverSequence" not in draft.report
    (observer,) = approved.report.VerifyingObserverSequence
    assert str(observer.VerifyingObserverName) == "Anna Example^^^^surgeon"
    assert observer.VerificationDateTime == "20260131101112+0000"
    assert "Verifying Observers : 2026-01-31 10:11:12" in run("dsrdump", approved.paths[2])
    assert "NOT APPROVED, not for surgery" in run("dsrdump", "+Pl", draft.paths[3])


def test_verifiedWithoutAnybodyIsSeen(approved, tmp_path):
    damaged = copy.deepcopy(approved.report)
    del damaged.VerifyingObserverSequence
    damaged.save_as(tmp_path / "damaged.dcm")
    assert dicomErrors(tmp_path / "damaged.dcm")


def test_selectionNamesExactlyThePackageAndItsSource(draft):
    wanted = {one.SOPInstanceUID for one in [*draft.inside, *draft.source.headers]}
    found = selectedInstances(pydicom.dcmread(draft.paths[3]))
    assert set(found) == wanted and len(found) == len(wanted)
    read = highdicom.ko.KeyObjectSelectionDocument.from_dataset(pydicom.dcmread(draft.paths[3]))
    assert {one.referenced_sop_instance_uid for one in read.content.get_references()} == wanted
    assert {read.resolve_reference(one)[0] for one in wanted} == {draft.source.first.StudyInstanceUID}
    printed = run("dsrdump", "+Pu", draft.paths[3])
    assert printed.startswith("Key Object Selection Document") and len(re.findall("IMAGE|COMPOSITE", printed)) == len(
        wanted
    )


def test_selectionOfWhatIsNotThereIsSeen(draft):
    lines = entityErrors([draft.paths[3], draft.paths[0], *draft.slices])
    gone = {one.SOPInstanceUID for one in draft.inside[1:]}
    assert {uid for uid, line in itertools.product(gone, lines) if uid in line} == gone


def test_wholePackageIsSelected(packageOnce):
    folder, _caseName, slices = packageOnce
    objects = [pydicom.dcmread(path, stop_before_pixels=True) for path in [*folder.rglob("*.dcm"), *slices]]
    (selection,) = [one for one in objects if one.Modality == "KO"]
    (report,) = [one for one in objects if one.Modality == "SR"]
    wanted = {one.SOPInstanceUID for one in objects} - {selection.SOPInstanceUID}
    assert set(selectedInstances(selection)) == wanted and report.SOPInstanceUID in wanted
    # Bone and part have a volume each.
    assert len(list(numbersOf(report))) == 2
