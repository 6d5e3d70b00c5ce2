"""Series that lack identifiers: refused, or completed with what the user states; a patient is never guessed."""

import Judges
import numpy
import pydicom
import pytest
import SimpleITK
from CaseMaking import asymmetricVoxels, rejections, tree, writeSmallSeries

from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import InputRefused, UsageError
from PlanningHubLib.Identity import patientCode
from PlanningHubLib.Import import examine, importSeries
from PlanningHubLib.Repair import repairNote
from PlanningHubLib.Secrets import KeyRing
from PlanningHubLib.Volumes import loadSource, seriesPaths

UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


def without(folder, *keywords, empty=True):
    """Write a small series and take identifiers away, as careless anonymisers do."""
    writeSmallSeries(folder)
    for path in folder.iterdir():
        image = pydicom.dcmread(path)
        for keyword in keywords:
            if empty:
                setattr(image, keyword, "")
            else:
                delattr(image, keyword)
        image.save_as(path)
    return folder


def imported(folder, case, **wishes):
    importSeries(folder, case, side="left", repair=True, **wishes)
    return Case.open(case)


def images(case):
    return [pydicom.dcmread(path) for path in seriesPaths(case, case.latest("source"))]


@pytest.mark.parametrize("empty", [True, False])
def test_allIdentifiersAreCompleted(tmp_path, aSession, empty):
    folder = without(tmp_path / "ct", "PatientID", "FrameOfReferenceUID", *UIDS, empty=empty)
    scanned = tree(folder)
    verdict = examine(folder, repair=True, patientId="ABD-1")
    assert verdict.word == "warn" and verdict.findings[0].code == "identifiers-completed"
    case = imported(folder, tmp_path / "case", patientId="ABD-1")
    source = case.latest("source")
    assert source.facts["repair"]["faults"] == ["missing-uid", "no-frame-of-reference", "no-patient-id"]
    assert repairNote(source) == "identifiers completed"
    made = images(case)
    assert {image.PatientID for image in made} == {"ABD-1"}
    assert [len({image[keyword].value for image in made}) for keyword in UIDS] == [1, 1, len(made)]
    assert made[0].FrameOfReferenceUID and made[0].SeriesInstanceUID == source.facts["seriesUid"]
    assert case.patientCode == patientCode(KeyRing.forThisInstallation(), "ABD-1")
    kept = {name: content for name, content in tree(tmp_path / "case").items() if "/dicom/" in name}
    assert sorted(kept.values()) == sorted(scanned.values()), "the scanner's files are as they were"
    assert tree(folder) == scanned


def test_theVolumeIsTheScannedOne(tmp_path, aSession):
    case = imported(without(tmp_path / "ct", "PatientID", *UIDS), tmp_path / "case", patientId="ABD-1")
    node = loadSource(case, aSession, case.latest("source"))
    whole = SimpleITK.ReadImage([str(path) for path in seriesPaths(case, case.latest("source"))])
    assert numpy.array_equal(SimpleITK.GetArrayFromImage(whole), asymmetricVoxels())
    assert node.GetImageData().GetDimensions() == whole.GetSize()


def test_theMadeSeriesIsValidDicom(tmp_path):
    case = imported(without(tmp_path / "ct", "PatientID", *UIDS), tmp_path / "case", patientId="ABD-1")
    paths = seriesPaths(case, case.latest("source"))
    assert [Judges.dicomErrors(path) for path in (paths[0], paths[-1])] == [[], []]
    image = pydicom.dcmread(paths[0])
    assert list(image.ImageType[:2]) == ["DERIVED", "SECONDARY"]
    assert "Identifiers completed" in image.DerivationDescription
    assert "SourceImageSequence" not in image and "DerivationCodeSequence" not in image, "no UIDs that nobody has"


def test_theSameFilesGetTheSameIdentifiers(tmp_path):
    folder = without(tmp_path / "ct", "PatientID", *UIDS)
    cases = [imported(folder, tmp_path / name, patientId=patient) for name, patient in
             (("a", "ABD-1"), ("b", "ABD-1"), ("c", "ABD-2"))]  # fmt: skip
    studies = [images(case)[0].StudyInstanceUID for case in cases]
    series = [images(case)[0].SeriesInstanceUID for case in cases]
    assert studies[0] == studies[1] != studies[2] and series[0] == series[1] != series[2]


def test_missingUidsOfAKnownPatientNeedNoStatement(tmp_path):
    case = imported(without(tmp_path / "ct", "SOPInstanceUID"), tmp_path / "case")
    made = images(case)
    assert made[0].PatientID and len({image.SOPInstanceUID for image in made}) == len(made)
    assert made[0].StudyInstanceUID == pydicom.dcmread(next((tmp_path / "ct").iterdir())).StudyInstanceUID


def test_thePatientIsNeverGuessed(tmp_path):
    folder = without(tmp_path / "ct", "PatientID", *UIDS)
    with pytest.raises(InputRefused) as error:
        imported(folder, tmp_path / "case")
    assert error.value.code == "no-patient-id" and not (tmp_path / "case").exists()
    with pytest.raises(UsageError) as error:
        examine(folder, patientId="ABD-1")
    assert error.value.code == "patient-id-without-repair"


def test_aKnownPatientIsNotReplaced(tmp_path):
    for folder in (without(tmp_path / "uids", *UIDS), without(tmp_path / "whole")):
        with pytest.raises(UsageError) as error:
            importSeries(folder, tmp_path / "case", repair=True, patientId="ABD-1")
        assert error.value.code == "patient-id-known" and not (tmp_path / "case").exists()


def test_slicesOfTwoKnownAndUnknownPatientsStayRefused(tmp_path):
    folder = without(tmp_path / "ct")
    path = sorted(folder.iterdir())[0]
    image = pydicom.dcmread(path)
    known, image.PatientID = image.PatientID, ""
    image.save_as(path)
    findings = examine(folder, repair=True, patientId=known).findings
    assert {"two-patients", "no-patient-id"} <= set(rejections(findings))


def test_anotherFaultStaysRefusedUnderItsName(tmp_path):
    folder = without(tmp_path / "ct", "PatientID", *UIDS)
    sorted(folder.iterdir(), key=lambda path: pydicom.dcmread(path).ImagePositionPatient[2])[2].unlink()
    verdict = examine(folder, repair=True, patientId="ABD-1")
    assert {"missing-slice", "no-patient-id", "missing-uid"} <= set(rejections(verdict.findings))
    assert verdict.chosen.repair is None


def test_theAnonymisedAbdomenIsImported(abdomenFolder, tmp_path, aSession):
    case = imported(abdomenFolder, tmp_path / "case", patientId="ABD-1")
    voxels = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage([str(path) for path in seriesPaths(
        case, case.latest("source"))]))  # fmt: skip
    names = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(abdomenFolder))
    expected = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(names))
    assert numpy.array_equal(voxels, expected)
