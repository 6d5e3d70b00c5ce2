"""TotalSegmentator in its own process: the stand-in's program for how it is run, the real one where it is installed."""

import json
import re
import subprocess
import tempfile
from pathlib import Path

import numpy
import psutil
import pytest
import SimpleITK
import slicer
from CaseMaking import commit, newCase, writeSite
from InferenceMaking import AIR_HU, BONE_HU, METAL_HU, WANTED, aliveOf, anImage, isAlive, program

from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import Cancelled, InputRefused
from PlanningHubLib.Segmenting.Inference import inferredMasks, inferredStructures
from PlanningHubLib.Segmenting.InferenceImages import writeImage
from PlanningHubLib.Segmenting.InferenceLabels import knownLabels, labelsFor
from PlanningHubLib.Segmenting.TotalSegmentator import TotalSegmentator
from PlanningHubLib.Site import Site
from PlanningHubLib.Volumes import loadSource
from Servers import StandInTotalSegmentator
from Servers.MonaiLabelServer import INSTALL, inferencePython

REAL = inferencePython().with_name("TotalSegmentator") if inferencePython() else None
WEIGHTS = Path(__file__).parents[3] / "Testing" / "Servers" / "ThresholdWeights.py"


@pytest.fixture(autouse=True)
def ownTemporary(monkeypatch):
    """Private folders are made here, so that what is left behind is seen."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield
        assert list(Path(folder).iterdir()) == []


def infer(tmp_path, monkeypatch, how="", wanted=None, **options):
    path, notes = program(tmp_path, monkeypatch, how)
    progress = options.pop("progress", lambda fraction, text: None)
    engine = TotalSegmentator((str(path),), **options)
    return *inferredMasks(engine, *anImage(), wanted or WANTED, progress), notes


def seen(notes):
    return [json.loads(line) for line in (notes / "seen").read_text().splitlines()]


def test_masksLieOnTheImagesVoxels(tmp_path, monkeypatch):
    voxels, _ijkToRas = anImage()
    masks, provenance, _notes = infer(tmp_path, monkeypatch)
    assert set(masks) == {"Skull", "Airway"} and masks["Skull"].dtype == numpy.uint8
    assert (masks["Skull"] == (voxels == BONE_HU)).all() and (masks["Airway"] == (voxels == AIR_HU)).all()
    assert provenance["needsReview"] is True
    assert provenance["structures"]["Skull"] == {"labels": ["skull"], "voxels": int((voxels == BONE_HU).sum())}
    assert (provenance["engine"], provenance["engineVersion"]) == ("TotalSegmentator", "2.10.0")
    assert provenance["weights"] == "not stated"


def test_structuresOfTwoTasksComeFromTwoRuns(tmp_path, monkeypatch):
    voxels, _ijkToRas = anImage()
    wanted = {"Mandible": ["mandible"], "Skull": ["skull"]}
    masks, provenance, notes = infer(tmp_path, monkeypatch, wanted=wanted, fast=True)
    runs = [one["argv"] for one in seen(notes)]
    assert (masks["Mandible"] == (voxels == METAL_HU)).all() and (masks["Skull"] == (voxels == BONE_HU)).all()
    assert provenance["model"] == "craniofacial_structures and total (fast)"
    assert ["--fast" in argv for argv in runs if "craniofacial_structures" in argv] == [False]
    assert ["--fast" in argv for argv in runs if "total" in argv] == [True]


def test_whatIsNotFoundIsNamedAndNothingAtAllIsRefused(tmp_path, monkeypatch):
    masks, provenance, _notes = infer(tmp_path, monkeypatch, wanted={"Spleen": ["spleen"], "Skull": ["skull"]})
    assert set(masks) == {"Skull"} and provenance["notFound"] == ["Spleen"]
    with pytest.raises(InputRefused) as refused:
        infer(tmp_path, monkeypatch, wanted={"Spleen": ["spleen"]})
    assert refused.value.code == "ai-found-nothing" and "Spleen" in refused.value.message


@pytest.mark.parametrize(("how", "wanted", "code"), [
    ("otherGrid", WANTED, "other-grid"), ("noTable", WANTED, "bad-labels"), ("noResult", WANTED, "ai-failed"),
    ("fails", WANTED, "ai-failed"), ("noWeights", WANTED, "ai-no-weights"), ("", {"Tail": ["tail"]}, "unknown-label"),
])  # fmt: skip
def test_badResultIsRefusedByName(tmp_path, monkeypatch, how, wanted, code):
    with pytest.raises(InputRefused) as refused:
        infer(tmp_path, monkeypatch, how, wanted)
    assert refused.value.code == code


def test_cancelEndsItAndLeavesNothing(tmp_path, monkeypatch):
    def progress(fraction, text):
        # The second of five models is half done.
        if fraction > 0.2:
            raise Cancelled()

    with pytest.raises(Cancelled):
        infer(tmp_path, monkeypatch, "waits", progress=progress)
    assert aliveOf(tmp_path / "notes") == []


def test_programLearnsNothingOfThePatientAndReachesNoNetwork(tmp_path, monkeypatch):
    home = tmp_path / "own"
    home.mkdir()
    (home / "config.json").write_text('{"license_number": "aca_123456789012345", "send_usage_stats": true}')
    monkeypatch.setenv("TOTALSEG_HOME_DIR", str(home))
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@proxy.invalid:3128")
    _masks, _provenance, notes = infer(tmp_path, monkeypatch)
    (one,) = seen(notes)
    place = re.escape(one["folder"])
    assert re.fullmatch(rf"-i {place}/image\.nii -o {place}/labels-total\.nii\.gz --ml --task total --device gpu",
                        " ".join(one["argv"]))  # fmt: skip
    environment = one["environment"]
    assert environment["https_proxy"] == "http://127.0.0.1:9" and "HTTPS_PROXY" not in environment
    assert environment["TMPDIR"] == one["folder"] and environment["TOTALSEG_HOME_DIR"].startswith(one["folder"])
    assert environment["TOTALSEG_WEIGHTS_PATH"] == str(home / "nnunet" / "results")


def test_imageHoldsNothingButVoxelsAndPlace(tmp_path):
    """The header's free texts are empty, by an outside reader of the bytes."""
    writeImage(*anImage(), tmp_path / "image.nii")
    header = (tmp_path / "image.nii").read_bytes()[:352]
    image, (_voxels, ijkToRas) = SimpleITK.ReadImage(str(tmp_path / "image.nii")), anImage()
    placeRas = ijkToRas @ [3, 5, 4, 1]
    assert numpy.allclose(image.TransformIndexToPhysicalPoint((3, 5, 4)), placeRas[:3] * [-1, -1, 1], atol=1e-3)
    assert image[3, 5, 4] == BONE_HU
    for begin, end in ((4, 14), (14, 32), (148, 228), (228, 252), (328, 344)):
        assert not header[begin:end].strip(b"\0r"), (begin, end)
    # No extension follows the header.
    assert header[348:352] == b"\0\0\0\0"


def test_itIsFoundWhereTheSiteSaysOrOnThePath(tmp_path, monkeypatch, ownHome):
    path, _notes = program(tmp_path, monkeypatch)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert TotalSegmentator.find().command == (str(path),)
    writeSite(ownHome, totalSegmentator=str(tmp_path / "gone"))
    with pytest.raises(InputRefused) as refused:
        TotalSegmentator.find()
    assert refused.value.code == "ai-not-installed" and "gone" in refused.value.message
    writeSite(ownHome, totalSegmentator=str(path))
    assert TotalSegmentator.find(fast=True).command == (str(path),)


@pytest.mark.parametrize("address", ["inference.example", "https://me:secret@a.example", "ftp://a.example", ""])
def test_siteNamesAServerByItsPlainAddress(ownHome, address):
    writeSite(ownHome, inferenceServer="https://inference.example/monai")
    assert Site.forThisInstallation().inferenceServer == "https://inference.example/monai"
    writeSite(ownHome, inferenceServer=address)
    with pytest.raises(InputRefused) as refused:
        Site.forThisInstallation()
    assert refused.value.code == "bad-site-file"


def test_structuresOfACaseComeFromItsSource(tmp_path, monkeypatch, anImportedCase, aSession):
    path, _notes = program(tmp_path, monkeypatch)
    skull = {"name": "Skull bone", "code": {"scheme": "SCT", "value": "89546000", "meaning": "Skull"}}
    nerve = {"name": "Optic nerve", "code": {"scheme": "SCT", "value": "18234004", "meaning": "Optic nerve"}}
    engine = TotalSegmentator((str(path),))
    with Case.open(anImportedCase) as case:
        volume = loadSource(case, aSession, case.latest("source"))
        expected = slicer.util.arrayFromVolume(volume) >= StandInTotalSegmentator.BONE_HU
        before = aSession.scene.GetNumberOfNodes()
        masks, provenance = inferredStructures(case, aSession, engine, [skull, nerve])
        assert (masks["Skull bone"] == expected).all() and expected.any()
        assert provenance["notFound"] == ["Optic nerve"] and aSession.scene.GetNumberOfNodes() == before
        with pytest.raises(InputRefused) as refused:
            inferredStructures(case, aSession, engine, [nerve])
        assert refused.value.code == "unknown-label"


def test_modelForCtIsNotRunOnMr(tmp_path, monkeypatch, aSession):
    path, notes = program(tmp_path, monkeypatch)
    with newCase(tmp_path / "case") as case:
        commit(case, "source", planningModality="MR")
        with pytest.raises(InputRefused) as refused:
            inferredStructures(case, aSession, TotalSegmentator((str(path),)), [{"name": "Skull"}])
    assert refused.value.code == "not-hu" and not (notes / "seen").exists()


def test_whereItIsNotInstalledThatIsSaid(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputRefused) as refused:
        TotalSegmentator.find()
    assert refused.value.code == "ai-not-installed" and "site.json" in refused.value.action


def test_labelsCarryCodesThatOthersKnow():
    """Judge: the SNOMED CT codes of DICOM PS3.16 in pydicom; a side where the label has one."""
    from pydicom.sr._concepts_dict import concepts

    standard = {value for codes in concepts["SCT"].values() for value in codes}
    known = knownLabels()
    assert len(known) > 80
    assert [label for label, entry in known.items() if entry["code"]["value"] not in standard] == []
    for label, entry in known.items():
        side = (entry["modifier"] or {}).get("meaning", "").casefold()
        assert label.endswith(f"_{side}") if side else not label.endswith("_left"), label


def test_labelsOfAStructureKeepItsSide():
    left = {"scheme": "SCT", "value": "7771000", "meaning": "Left"}
    femur = {"scheme": "SCT", "value": "71341001", "meaning": "Femur"}
    structures = [
        {"name": "Left thigh bone", "code": femur, "modifier": left},
        {"name": "Thigh bones", "code": femur, "modifier": None},
        {"name": "Optic nerve", "code": {"scheme": "SCT", "value": "18234004", "meaning": "Optic nerve"}},
        {"name": "Urinary bladder", "code": None},
    ]
    assert labelsFor(structures, knownLabels()) == {
        "Left thigh bone": ["femur_left"],
        "Thigh bones": ["femur_left", "femur_right"],
        "Urinary bladder": ["urinary_bladder"],
    }


@pytest.fixture(scope="module")
def realWeights(tmp_path_factory):
    """Weights made by hand, with which its fast model is a threshold: nothing is said of its anatomy."""
    if REAL is None or not REAL.exists():
        pytest.skip(f"TotalSegmentator is not installed ({INSTALL})")
    folder = tmp_path_factory.mktemp("weights")
    subprocess.run([REAL.with_name("python"), WEIGHTS, folder], check=True, timeout=300)
    return folder


def inferReally(weights, monkeypatch, progress):
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(weights))
    voxels = numpy.full((40, 60, 80), 40, numpy.int16)
    voxels[5:22, 6:40, 8:30] = BONE_HU
    _small, ijkToRas = anImage()
    ijkToRas[:3, :3] = ijkToRas[:3, :3] / [0.7, 0.7, 1.25] * [1.5, 1.5, 3.0]
    engine = TotalSegmentator((str(REAL),), fast=True, device="cpu")
    wanted = {"Skull": ["skull"], "Liver": ["liver"]}
    return voxels == BONE_HU, *inferredMasks(engine, voxels, ijkToRas, wanted, progress)


@pytest.mark.slow
def test_realTotalSegmentator(realWeights, monkeypatch):
    expected, masks, provenance = inferReally(realWeights, monkeypatch, lambda fraction, text: None)
    assert set(masks) == {"Skull"} and provenance["notFound"] == ["Liver"]
    # Its fast model works on voxels of 3 mm: a layer of the finer ones may differ.
    assert 2 * (masks["Skull"] & expected).sum() / (masks["Skull"].sum() + expected.sum()) > 0.97
    assert re.fullmatch(r"2\.\d+\.\d+", provenance["engineVersion"]) and provenance["model"] == "total (fast)"
    assert list(provenance["weights"]) == ["Dataset297_TotalSegmentator_total_3mm_1559subj"]
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in provenance["weights"].values())


@pytest.mark.slow
def test_cancelEndsTheRealOneWithItsChildren(realWeights, monkeypatch):
    seen = set()

    def progress(fraction, text):
        seen.update(psutil.Process().children(recursive=True))
        if "at work" in text:
            raise Cancelled()

    with pytest.raises(Cancelled):
        inferReally(realWeights, monkeypatch, progress)
    assert len(seen) >= 2 and [one for one in seen if isAlive(one)] == []
