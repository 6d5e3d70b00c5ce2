"""A case that refers to the scanner's files: the same case as one that copied them, and it knows when they change."""

import json
import os
import shutil
import zipfile

import numpy
import pytest
import slicer
from ApprovalMaking import keyOf, writeSite
from CaseMaking import asymmetricVoxels, rejections, tree, writeSmallSeries
from KillPoints import killsOf, sweep
from LeakSearch import leaks

from Phantom.Faults import damagedCopy
from PlanningHubLib import Approval, References
from PlanningHubLib.Case import Case
from PlanningHubLib.Consent import recordConsent
from PlanningHubLib.Deidentify import deidentify
from PlanningHubLib.Errors import GateRefused, InputRefused, PlanningError
from PlanningHubLib.Import import examine, importSeries, importVerdict, importVerdictIntoNewFolder
from PlanningHubLib.References import FILE_NAME
from PlanningHubLib.Segmentation import segmentBone
from PlanningHubLib.Steps import stepStates
from PlanningHubLib.Volumes import loadSource

PATIENT = "DOE^JOSEPHINE"


@pytest.fixture
def aScan(tmp_path):
    """A series in a folder that bears the patient's name; its files in order."""
    return writeSmallSeries(tmp_path / PATIENT / "ct")


@pytest.fixture
def aReferringCase(aScan, tmp_path):
    importSeries(aScan[0].parent, tmp_path / "case", side="left", reference=True)
    return tmp_path / "case"


def dicomBytes(folder):
    return sum(len(data or b"") for name, data in tree(folder).items() if name.endswith(".dcm"))


def test_isTheSameArtefactAsACopy(aReferringCase, aScan, tmp_path):
    importSeries(aScan[0].parent, tmp_path / "copied", side="left")
    referring, copied = (Case.open(tmp_path / name).latest("source") for name in ("case", "copied"))
    assert referring.content == copied.content and referring.facts == copied.facts
    assert referring.parameters["reference"] and not copied.parameters["reference"]
    case = Case.open(aReferringCase)
    assert [case.path(referring, name) for name in referring.files] == aScan
    assert dicomBytes(aReferringCase) == 0 and dicomBytes(tmp_path / "copied") > 0


def test_segmentsTheSameVoxels(aReferringCase, aSession):
    with Case.open(aReferringCase, writable=True) as case:
        node = loadSource(case, aSession, case.require("source"))
        assert numpy.array_equal(slicer.util.arrayFromVolume(node), asymmetricVoxels())
        segmentBone(case, aSession)
        assert case.verify() == [] and stepStates(case)["segmentation"] == "done"


def test_aFileThatIsGoneIsNamed(aReferringCase, aScan, aSession):
    aScan[2].rename(aScan[2].with_suffix(".away"))
    case = Case.open(aReferringCase)
    source = case.latest("source")
    assert case.state(source) == "damaged"
    for read in (lambda: case.require("source"), lambda: loadSource(case, aSession, source)):
        with pytest.raises(GateRefused) as refused:
            read()
        assert refused.value.code == "source-moved" and refused.value.files == [str(aScan[2])]
        assert "import it again" in refused.value.action
    assert rejections(case.verify()) == ["source-moved"]
    aScan[2].with_suffix(".away").rename(aScan[2])
    assert case.state(source) == "current" and case.verify() == []


@pytest.mark.parametrize("longer", [False, True])
def test_aFileThatWasChangedIsNamed(aReferringCase, aScan, aSession, longer):
    data = aScan[1].read_bytes()
    aScan[1].write_bytes(data + b"\0\0" if longer else data[:-2] + b"\x07\x07")
    case = Case.open(aReferringCase)
    assert case.state(case.latest("source")) == "damaged"
    with pytest.raises(GateRefused) as refused:
        case.require("source")
    assert refused.value.code == "source-changed-outside" and refused.value.files == [str(aScan[1])]
    assert rejections(case.verify()) == ["source-changed-outside"]
    if longer:
        with pytest.raises(GateRefused) as refused:
            loadSource(case, aSession, case.latest("source"))
        assert refused.value.code == "source-changed-outside"


def test_importedAgainFromItsNewPlaceItIsTheSameArtefactEvenWhenApproved(aReferringCase, aScan, aSession, tmp_path):
    writeSite(rules=[{"kind": "segmentation", "roles": ["surgeon"], "signatures": 1}])
    with Case.open(aReferringCase, writable=True) as case:
        segmentBone(case, aSession)
        Approval.approve(case, keyOf("anna"), "segmentation")
    shutil.move(aScan[0].parent, tmp_path / "archive")
    # Other files are another source, and what is in place needs no other place.
    other = writeSmallSeries(tmp_path / "other", asymmetricVoxels() + numpy.int16(1))
    with Case.open(aReferringCase, writable=True) as case:
        assert References.putBack(case, dict(zip(case.latest("source").files, other, strict=True))) is None
        hidden = case.artefactFolder(case.latest("source")) / FILE_NAME
        (hidden.parent / ".aside-killed").write_text("half")
    importSeries(tmp_path / "archive", aReferringCase, reference=True)
    with Case.open(aReferringCase, writable=True) as case:
        source = case.require("source")
        assert not list(hidden.parent.glob(".aside-*"))
        assert source.revision == 1 and case.path(source, "dicom/00001.dcm").parent == tmp_path / "archive"
        assert case.state(case.latest("segmentation")) == "current" and case.verify() == []
        assert Approval.holding(case, [source])
        assert References.putBack(case, dict(zip(source.files, aScan, strict=True))) is None


def test_theFilesPutIntoTheCaseCount(aReferringCase, aScan):
    """A case that comes back from a store holds the files under their names in the artefact."""
    case = Case.open(aReferringCase)
    source = case.latest("source")
    folder = case.artefactFolder(source) / "dicom"
    folder.mkdir()
    for name, path in zip(source.files, aScan, strict=True):
        path.rename(folder.parent / name)
    (folder.parent / FILE_NAME).unlink()
    assert case.verify() == [] and case.path(source, "dicom/00001.dcm").parent == folder
    (folder / "00001.dcm").write_bytes(b"")
    assert rejections(case.verify()) == ["file-damaged"]


@pytest.mark.parametrize("text", [None, "", "[]", '{"folder": 1, "files": {"dicom/00001.dcm": 2}}'])
def test_aCaseThatForgotThePlaceSaysSo(aReferringCase, text):
    case = Case.open(aReferringCase)
    path = case.artefactFolder(case.latest("source")) / FILE_NAME
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(GateRefused) as refused:
        case.require("source")
    assert refused.value.code == "source-moved"


def test_anotherPlaceInTheHiddenFileIsFoundOut(aReferringCase, aScan, tmp_path):
    other = writeSmallSeries(tmp_path / "other", asymmetricVoxels()[:, ::-1].copy())
    case = Case.open(aReferringCase)
    path = case.artefactFolder(case.latest("source")) / FILE_NAME
    files = {f"dicom/{number:05}.dcm": one.name for number, one in enumerate(other, 1)}
    path.write_text(json.dumps({"folder": str(tmp_path / "other"), "files": files}))
    with pytest.raises(GateRefused) as refused:
        case.require("source")
    assert refused.value.code == "source-changed-outside"


def test_whatIsUnpackedCannotBeReferredTo(aScan, tmp_path):
    with zipfile.ZipFile(tmp_path / "scan.data", "w") as archive:
        for path in aScan:
            archive.write(path, path.name)
    shutil.copyfile(tmp_path / "scan.data", tmp_path / "scan.zip")
    for source in ("scan.zip", "scan.data"):
        with pytest.raises(InputRefused) as refused:
            examine(tmp_path / source, reference=True)
        assert refused.value.code == "cannot-reference"
    with pytest.raises(InputRefused) as refused:
        # Refused before anything is asked of the archive.
        examine("dicomweb:https://archive.example/?patient=1", reference=True)
    assert refused.value.code == "cannot-reference"
    with pytest.raises(InputRefused) as refused:
        importVerdict(examine(tmp_path / "scan.zip"), tmp_path / "case", reference=True)
    assert refused.value.code == "cannot-reference" and not (tmp_path / "case").exists()


def test_theCasesOwnFilesCannotBeReferredTo(aScan, tmp_path):
    importSeries(aScan[0].parent, tmp_path / "case")
    with pytest.raises(InputRefused) as refused:
        importSeries(tmp_path / "case" / "artefacts", tmp_path / "case", reference=True)
    assert refused.value.code == "cannot-reference"
    assert len(Case.open(tmp_path / "case").artefacts) == 1


def test_aFileThatVanishesBeforeTheImportLeavesNothing(aScan, tmp_path):
    verdict = examine(aScan[0].parent, reference=True)
    aScan[3].unlink()
    with pytest.raises(InputRefused) as refused:
        importVerdict(verdict, tmp_path / "case", reference=True)
    assert refused.value.code == "images-changed" and not (tmp_path / "case").exists()


def test_aRepairLiesInTheCase(tmp_path, aSession):
    writeSmallSeries(tmp_path / "ct")
    tilted = damagedCopy("gantryTilt", tmp_path / "ct", tmp_path / "tilted")
    importSeries(tilted, tmp_path / "case", repair=True, reference=True)
    case = Case.open(tmp_path / "case")
    source = case.require("source")
    inside = {name.split("/")[0]: case.path(source, name).is_relative_to(case.folder) for name in source.files}
    assert inside == {"dicom": False, "repaired": True}
    loadSource(case, aSession, source)
    repaired = next(name for name in source.files if name.startswith("repaired/"))
    case.path(source, repaired).unlink()
    assert rejections(case.verify()) == ["file-damaged"]


def test_aRelativePathIsKeptAsAbsolute(aScan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = importVerdictIntoNewFolder(examine(os.path.join(PATIENT, "ct")), "cases", reference=True)
    monkeypatch.chdir(folder)
    assert Case.open(".").verify() == []


def test_thePlaceLeavesNowhere(aReferringCase, tmp_path):
    """The folder's name is the patient's: only the hidden file beside the revision may hold it."""
    with Case.open(aReferringCase, writable=True) as case:
        recordConsent(case, "research", "2026-01-31", "test 1")
        hidden = (case.artefactFolder(case.latest("source")) / FILE_NAME).relative_to(aReferringCase).as_posix()
    assert leaks(aReferringCase, ["JOSEPHINE"]) == [(hidden, "JOSEPHINE")]
    deidentify(aReferringCase, tmp_path / "copy", "research", "someone", deface=True)
    assert leaks(tmp_path / "copy", ["JOSEPHINE"]) == [] and list((tmp_path / "copy").rglob("*.dcm"))
    assert leaks(aReferringCase, ["JOSEPHINE"]) == [(hidden, "JOSEPHINE")]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that can fork a process")
def test_killAtEveryWriteWhileImporting(tmp_path, aScan):
    numbers = iter(range(10_000))

    def prepare():
        place = tmp_path / f"place{next(numbers)}"
        place.mkdir()
        return place

    def importInto(place):
        importSeries(aScan[0].parent, place / "case", reference=True)

    def check(place, where):
        if not (place / "case").exists():
            importInto(place)
        try:
            Case.open(place / "case", writable=True).close()
            assert rejections(Case.open(place / "case").verify()) == [], where
        except PlanningError as error:
            raise AssertionError(where) from error
        assert set(tree(place / "case")) == {
            "case.json", "audit.log", "artefacts", "artefacts/source-1", "artefacts/source-1/r1",
            f"artefacts/source-1/r1/{FILE_NAME}",
        }, where  # fmt: skip

    importInto(prepare())
    names, kills = sweep(prepare, importInto, check)
    assert kills == killsOf(names) >= 40
