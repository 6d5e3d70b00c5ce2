"""What is said of a whole package today: the scan's age, newer examinations, its use; and its key objects and marks."""

import datetime
import shutil
from pathlib import Path

import highdicom
import pydicom
import pytest
from pydicom.sr.codedict import codes as dicomCodes
from test_Package import changeObject, codes, forge, recordOf, replaceFile

from ORExportLib import Manifest, VerifyFiles, VerifyObjects
from ORExportLib.Package import CONTRIBUTORS
from ORExportLib.Verify import requireWhole, verifyPackage
from PlanningHubLib import VerdictHeaders
from PlanningHubLib.Errors import StoreFailed


@pytest.fixture
def exported(packageOnce, tmp_path):
    """A package outside its case, to be damaged."""
    return Path(shutil.copytree(packageOnce[0], tmp_path / "usb"))


def warnings(folder, newerStudies=None):
    return {one.code: one for one in verifyPackage(folder, newerStudies=newerStudies) if one.severity == "warn"}


def test_anOldScanIsAWarningToday(exported, monkeypatch):
    assert verifyPackage(exported) == []
    monkeypatch.setattr(VerdictHeaders, "today", lambda: datetime.date(2026, 1, 2))
    assert "731 days old" in warnings(exported)["scan-too-old"].message
    requireWhole(exported)
    # By the limits of its procedure: a year is too old for these, and still for people to judge.
    forge(exported, lambda values: values["case"].update(procedure="mandible"))
    assert warnings(exported)["scan-too-old"].severity == "warn"
    forge(exported, lambda values: values.update(sourceDate=None))
    assert "scan-date-unknown" in warnings(exported)


def test_aStoreMayBeAskedForNewerExaminations(exported):
    asked = []

    def store(*studies):
        def newer(patientId, after):
            asked.append((patientId, after))
            return studies

        return newer

    newer = {"studyUid": "1.2", "date": "2024-03-01", "modalities": ["CT"]}
    assert "CT of 2024-03-01" in warnings(exported, store(newer))["newer-study"].message
    assert asked == [("P1", datetime.date(2024, 1, 2))]
    study = str(pydicom.dcmread(next(exported.glob("*segmentation.dcm"))).StudyInstanceUID)
    assert warnings(exported, store({**newer, "studyUid": study})) == {}

    def unreachable(*_given):
        raise StoreFailed("store-unreachable", "Nobody answers.")

    assert "newer-study-unknown" in warnings(exported, unreachable)


def test_aPartOfAnotherSegmentationIsNamed(exported):
    forge(exported, lambda values: values["artefacts"][-1]["parents"][0].update(content="0" * 64))
    assert codes(exported) == {"stale-part"}


def test_aPackageWithoutConsentIsNamed(exported):
    forge(exported, lambda values: values["consent"].update(scope="teaching"))
    assert codes(exported) == {"no-consent"}
    forge(exported, lambda values: values.pop("consent"))
    assert codes(exported) == {"no-consent"}


def test_whatIsNotForTreatmentSaysSo(exported):
    forge(exported, lambda values: values.update(intendedUse="education"))
    assert list(warnings(exported)) == ["not-for-treatment"]


@pytest.mark.parametrize("role, keyword", [
    ("segmentation-dicom", "ContentDescription"), ("model-dicom", "ContentDescription"),
    ("briefing-dicom", "DocumentTitle"),
])  # fmt: skip
def test_anObjectThatHidesThatItIsNotApprovedIsNamed(exported, role, keyword):
    changeObject(exported, role, **{keyword: "Plan, approved"})
    assert "mark-differs" in codes(exported)


def test_aManifestThatHidesItIsNamedByEveryObject(exported):
    forge(exported, lambda values: values.update(approved=True))
    named = {Path(file).suffix for one in verifyPackage(exported) if one.code == "mark-differs" for file in one.files}
    assert {".dcm", ".stl", ".pdf"} <= named


def test_anImageOfTheOtherSideIsNamed(exported):
    changeObject(exported, "segmentation-dicom", Laterality="L")
    assert codes(exported) == set()
    changeObject(exported, "segmentation-dicom", Laterality="R")
    assert codes(exported) == {"side-differs"}


def addSelection(folder, selected, images):
    """Put a key object selection into a package, of objects and images, in the place of the one that is there."""
    evidence = [*images, *selected]
    content = highdicom.ko.KeyObjectSelection(dicomCodes.DCM.OfInterest, evidence)
    dataset = highdicom.ko.KeyObjectSelectionDocument(
        evidence=evidence, content=content, series_instance_uid=pydicom.uid.generate_uid(), series_number=9007,
        sop_instance_uid=pydicom.uid.generate_uid(), instance_number=1, manufacturer="Test",
        series_description="Selection, not approved",
    )  # fmt: skip
    path = folder / next(folder.glob("*segmentation.dcm")).name.replace("segmentation", "selection")
    dataset.save_as(path)

    def change(values):
        others = [one for one in values["files"] if one["role"] != VerifyObjects.SELECTION]
        values["files"] = [*others, Manifest.fileRecord(path, VerifyObjects.SELECTION, dataset)]

    forge(folder, change)


def test_keyObjectsAreThePackagesOwnAndTheScans(exported, packageOnce):
    slices = [pydicom.dcmread(path) for path in packageOnce[2]]
    objects = [pydicom.dcmread(path) for path in sorted(exported.glob("*.dcm")) if "selection" not in path.name]
    addSelection(exported, objects, slices)
    assert codes(exported) == set()
    addSelection(exported, objects[1:], slices)
    assert codes(exported) == {"key-objects-differ"}
    foreign = pydicom.dcmread(packageOnce[2][0])
    foreign.SOPInstanceUID = "1.2.3"
    addSelection(exported, objects, [*slices, foreign])
    assert codes(exported) == {"key-objects-differ"}


def test_anotherSegmentationIsNamed(exported):
    """One voxel more, and everything that a forger could make to fit."""
    path = next(exported.glob("*segmentation.dcm"))
    dataset = pydicom.dcmread(path)
    pixels = bytearray(dataset.PixelData)
    pixels[0] ^= 1
    dataset.PixelData = bytes(pixels)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    dataset.save_as(path)
    assert {one.code for one in verifyPackage(exported)} == {"file-changed"}
    replaceFile(exported, "segmentation-dicom", path.read_bytes())
    assert "identity-differs" in codes(exported)


def test_recordsOfOtherVersionsHaveNoSuchMarks(exported):
    """Packages of version 3 are held to what version 3 knew."""

    def change(values):
        part = {key: value for key, value in values["parts"][0].items() if key != "id"}
        for key in ("parts", "gate", "leftOut", "intendedUse", "sourceDate", "consent"):
            values.pop(key, None)
        values["case"].pop("procedure")
        values.update(version=3, part=part)
        for record in values["files"]:
            record.pop("part", None)
            name = record["path"].replace("-NOT-APPROVED", "")
            (exported / name).parent.mkdir(exist_ok=True)
            (exported / record["path"]).rename(exported / name)
            record["path"] = name

    forge(exported, change)
    changeObject(exported, "briefing-dicom", DocumentTitle="Surgical briefing")
    assert verifyPackage(exported) == []
    assert recordOf({"files": Manifest.readManifest(exported)["files"]}, "model-stl")


def test_whatAPackageMustHoldIsWhatIsWritten():
    """The list of the verification stands by itself, and is that of the makers."""
    roles = {role for module, _share, _name in CONTRIBUTORS for role in getattr(module, "ROLES", ())}
    names = {name: set(module.ROLES) for module, _share, name in CONTRIBUTORS if name}
    assert set(VerifyFiles.OF_CONTENT) == set(names)
    assert all(set(wanted) <= names[name] for name, wanted in VerifyFiles.OF_CONTENT.items())
    assert {*VerifyFiles.ALWAYS, *VerifyFiles.ALWAYS_SINCE_FOUR} <= roles


@pytest.mark.parametrize("role", ["selection-dicom", "viewer-html", "assembly-dicom", "slicer-scene"])
def test_aContentThatIsTakenOutIsMissed(exported, role):
    def change(values):
        record = recordOf(values, role)
        (exported / record["path"]).unlink()
        values["files"].remove(record)

    forge(exported, change)
    assert "package-incomplete" in codes(exported)
