"""The models of a package as DICOM objects: what they say of color, frame, group and origin; that others read them."""

import dataclasses
import datetime
import io
import json
import types

import numpy
import pydicom
import pytest
import trimesh
from Judges import dicomErrors, encapsulatedDocument, entityErrors
from SmallSeries import asymmetricMask, boneSegment, writeSeries

from ORExportLib.Dicom import EncapsulatedObj, ModelBodies, ModelObjects
from ORExportLib.Dicom.DerivedObject import Making
from ORExportLib.Dicom.EncapsulatedDocument import encapsulatedBytes
from ORExportLib.Dicom.Icons import SIZE, painted
from ORExportLib.Dicom.ModelBodies import MOST_TRIANGLES, coarse
from ORExportLib.Dicom.ModelFiles import stlBytes
from ORExportLib.Dicom.MovedFrames import movedFrame, plannedFrame
from ORExportLib.Dicom.Predecessors import addEditedModel, predecessorOf
from ORExportLib.Dicom.SegmentationObject import Algorithm, buildSegmentation
from ORExportLib.Dicom.Source import readSource
from PlanningHubLib.Shapes.Mesh import Mesh

# A wedge that lies on the patient's left, in LPS mm; no mirror image of it is itself.
WEDGE = Mesh.fromArrays(
    [(30, 0, 0), (50, 0, 0), (30, 10, 0), (30, 0, 5)], [(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)]
)  # fmt: skip
SKIN = ("39937001", "SCT", "Skin")


@dataclasses.dataclass(frozen=True, eq=False)
class ABody:
    """A body as the package's content has it."""

    name: str
    origin: str = "solid"
    mesh: Mesh = WEDGE
    color: tuple = (0.2, 0.4, 0.9)
    opacity: float = 1.0
    number: int = 1
    role: str = "anatomy"
    mirrored: bool = False
    modified: bool = False
    moved: bool = False
    stepName: str | None = None
    part: object = None
    path: object = None


class AWriter:
    """Writes what a contributor gives to a folder, and keeps it by its role."""

    def __init__(self, folder, datasets=()):
        self.folder, self.datasets, self.paths = folder, dict(datasets), {}

    def object(self, dataset, name, role, _part=None):
        self.paths[role] = self.folder / name
        dataset.save_as(self.paths[role])
        self.datasets[role] = dataset

    def copy(self, origin, name, role, _part=None):
        self.paths[role] = self.folder / name
        self.paths[role].write_bytes(origin.read_bytes())
        return self.paths[role]


def aPart(name, **facts):
    flags = {"role": "implant", "mirrored": True, "modified": True, "moved": False}
    return types.SimpleNamespace(
        id="part-1", files={"plate.3mf": None}, facts={"object": {"name": name, **flags}, **facts}
    )


def aContentIn(folder):
    """A plan with a plate that is a part, a guide, a moved jaw, and a segment that is coded as skin."""
    (folder / "ct").mkdir()
    stl = folder / "plate.stl"
    stl.write_bytes(stlBytes(WEDGE, "part"))
    plate = aPart("Plate", label=[{"text": "PH-1", "identifiesPatient": False}])
    flags = {"mirrored": True, "modified": True}
    bone = dataclasses.replace(boneSegment(asymmetricMask()), label="Skin", propertyType=SKIN)
    bodies = (
        ABody("Skin", "segment", color=bone.color, opacity=0.35),
        ABody("Plate", role="implant", **flags),
        ABody("Guide", role="guide", modified=True, stepName="Guide"),
        ABody("Jaw", role="fragment", modified=True, moved=True),
        ABody("Bone with jaw"),
        ABody("Plate", "piece", role="implant", part=plate, path=stl, **flags),
    )
    making = Making("PH-TEST2345-0001", datetime.datetime.now(datetime.UTC), {"Planning Hub": "0.1.0"})
    return types.SimpleNamespace(
        source=readSource(writeSeries(folder / "ct")[0]), making=making, side="left", intendedUse="planning",
        bodies=bodies, pieces=bodies[-1:], segments=[bone],
        document={"steps": [{"name": "Guide", "do": "cutting-guide"}]},
        case=types.SimpleNamespace(path=lambda _artefact, _name: stl, artefacts=[]),
        inputs=types.SimpleNamespace(
            parts=[plate], segmentation=types.SimpleNamespace(parameters={"method": "threshold"})
        ),
    )  # fmt: skip


@pytest.fixture(scope="module")
def aContent(tmp_path_factory):
    return aContentIn(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def written(aContent, tmp_path_factory):
    """What both contributors write of it; not to be changed."""
    folder = tmp_path_factory.mktemp("written")
    segmentation = buildSegmentation(
        aContent.source, aContent.making, [boneSegment(asymmetricMask())], Algorithm("Planning Hub threshold", "0.1.0")
    )
    segmentation.save_as(folder / "seg.dcm")
    return writeAll(aContent, AWriter(folder, {"segmentation-dicom": segmentation}))


def writeAll(content, writer):
    ModelObjects.write(content, writer, lambda *_: None)
    EncapsulatedObj.write(content, writer, lambda *_: None)
    return writer


def test_allModelsConformAndFitEachOther(written, aContent):
    paths = [path for path in written.paths.values() if path.suffix == ".dcm"]
    assert len(paths) == 6
    for path in paths:
        assert dicomErrors(path) == [], path.name
    slices = sorted(aContent.bodies[-1].path.parent.glob("ct/*.dcm"))
    assert entityErrors([*paths, written.folder / "seg.dcm", *slices]) == []


def test_partsAndWhatIsNoAnatomyAreModels(written):
    described = [one.ContentDescription for one in written.datasets.values() if "ContentDescription" in one]
    for wanted in ("Part, not approved: Plate", "Anatomy, not approved: Skin", "Plan, not approved: Guide",
                   "Plan, not approved: Jaw", "Assembly, not approved: 4 models"):  # fmt: skip
        assert wanted in described
    # The plate is a part already, and the bone with the jaw is anatomy.
    assert sum("Plate" in one for one in described) == 1 and not any("with jaw" in one for one in described)


def modelOf(written, name):
    return next(one for one in written.datasets.values() if f": {name}" in one.get("ContentDescription", ""))


def test_eachSaysItsColorOpacityGroupAndOrigin(written):
    plate, skin, guide = (modelOf(written, name) for name in ("Plate", "Skin", "Guide"))
    assert len({one.ModelGroupUID for one in (plate, skin, guide, modelOf(written, "4 models"))}) == 1
    assert skin.RecommendedPresentationOpacity == pytest.approx(0.35) and skin.RecognizableVisualFeatures == "YES"
    # L* a* b* of (0.2, 0.4, 0.9), by the standard's formula, scaled as PS3.3 C.10.7.1.1 does.
    lightness, redGreen, blueYellow = plate.RecommendedDisplayCIELabValue
    assert lightness / 65535 * 100 == pytest.approx(47, abs=4) and blueYellow / 65535 * 255 - 128 < -40
    assert guide.DerivationAlgorithmSequence[0].AlgorithmName == "Planning Hub Cutting guide"
    assert skin.DerivationAlgorithmSequence[0].AlgorithmName == "Planning Hub surface of threshold"
    assert guide.ModelUsageCodeSequence[0].CodeMeaning == "Tool Fabrication"
    assert "RecognizableVisualFeatures" not in plate and plate.BurnedInAnnotation == "NO"


def test_engravedNameOfThePatientIsAnnouncedEverywhere(aContent, written, tmp_path):
    part = aPart("Plate", label=[{"identifiesPatient": False}, {"identifiesPatient": True}])
    bodies = [dataclasses.replace(one, part=part) if one.part else one for one in aContent.bodies]
    named = types.SimpleNamespace(**{**vars(aContent), "bodies": bodies})
    writer = writeAll(named, AWriter(tmp_path, {"segmentation-dicom": written.datasets["segmentation-dicom"]}))
    said = {role: one.BurnedInAnnotation for role, one in writer.datasets.items() if "BurnedInAnnotation" in one}
    assert said["model-dicom"] == said["assembly-dicom"] == "YES" and said["object-model-dicom"] == "NO"


def test_whatWasMovedHasItsOwnFrameAndSeries(written, aContent):
    jaw, guide = (modelOf(written, name) for name in ("Jaw", "Guide"))
    assembly = written.datasets["assembly-dicom"]
    assert guide.FrameOfReferenceUID == aContent.source.frameOfReferenceUid
    moved = next(body for body in aContent.bodies if body.moved)
    assert jaw.FrameOfReferenceUID == movedFrame(aContent, moved) != aContent.source.frameOfReferenceUid
    assert assembly.FrameOfReferenceUID == plannedFrame(aContent) not in (jaw.FrameOfReferenceUID, None)
    assert jaw.SeriesInstanceUID != guide.SeriesInstanceUID == modelOf(written, "Plate").SeriesInstanceUID
    piece = ABody("Jaw 2", part=aPart("Jaw"), moved=True)
    assert movedFrame(aContent, piece) == movedFrame(aContent, moved)


def test_iconShowsTheModel(written):
    (icon,) = modelOf(written, "Plate").IconImageSequence
    assert (icon.Rows, icon.Columns, icon.PhotometricInterpretation) == (SIZE, SIZE, "MONOCHROME2")
    picture = numpy.frombuffer(icon.PixelData, numpy.uint8).reshape(SIZE, SIZE)
    assert 0.1 < (picture > 0).mean() < 0.9


def test_iconShowsThePatientsLeftAtTheRight():
    # A ball on the patient's left, a small one far to the right of it.
    ball = trimesh.creation.icosphere(3, 20)
    small = trimesh.creation.icosphere(3, 3)
    points = numpy.concatenate([ball.vertices + (60, 0, 0), small.vertices - (60, 0, 0)])
    mesh = Mesh.fromArrays(points, numpy.concatenate([ball.faces, small.faces + len(ball.vertices)]))
    columns = numpy.nonzero(painted(mesh))[1]
    assert numpy.median(columns) > SIZE / 2


def test_stlInsideIsOnThePatientsLeft(written):
    stl = encapsulatedDocument(written.paths["object-model-dicom:2"])
    mesh = trimesh.load(io.BytesIO(stl), file_type="stl")
    assert numpy.allclose(mesh.bounds, [[30, 0, 0], [50, 10, 5]]) and mesh.volume == pytest.approx(500 / 3)
    assert stl[:80].startswith(b"SPACE=LPS UNIT=mm CASE=PH-TEST2345-0001 NOT APPROVED")


def test_pieceIsByteForByteThePartsFile(written):
    assert encapsulatedBytes(pydicom.dcmread(written.paths["model-dicom"])) == written.paths["model-stl"].read_bytes()


def test_objAndMtlAreReadAsOne(written, tmp_path):
    """Taken out with another reader's help, the pair is an assembly with colors for a third reader."""
    obj, mtl = written.datasets["assembly-dicom"], written.datasets["assembly-materials-dicom"]
    (reference,) = obj.ReferencedInstanceSequence
    assert reference.ReferencedSOPInstanceUID == mtl.SOPInstanceUID and "FrameOfReferenceUID" not in mtl
    text = encapsulatedDocument(written.paths["assembly-dicom"])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.obj").write_bytes(text)
    name = reference.RelativeURIReferenceWithinEncapsulatedDocument
    assert f"mtllib {name}\n".encode() in text
    (tmp_path / "out" / name).write_bytes(encapsulatedDocument(written.paths["assembly-materials-dicom"]))
    scene = trimesh.load(tmp_path / "out" / "a.obj")
    assert set(scene.geometry) == {"Skin", "Plate", "Guide", "Jaw"}
    for mesh in scene.geometry.values():
        assert numpy.allclose(mesh.bounds, [[30, 0, 0], [50, 10, 5]]) and mesh.volume == pytest.approx(500 / 3)
    assert list(scene.geometry["Guide"].visual.material.diffuse[:3]) == [51, 102, 230]
    assert scene.geometry["Skin"].visual.material.kwargs["d"] == ["0.350"]


def test_editedPartNamesTheModelThatItReplaces(aContent, written, tmp_path):
    """The package before holds revision 1 of the part; the same revision again replaces nothing."""
    before = written.paths["model-dicom"]
    files = [{"path": before.name, "role": "model-dicom", "part": "part-1"}]
    manifest = {"artefacts": [{"id": "part-1", "revision": 1}], "files": files}
    (written.folder / "manifest.json").write_text(json.dumps(manifest))
    case = types.SimpleNamespace(
        artefacts=[types.SimpleNamespace(kind="package")], path=lambda _artefact, name: written.folder / name
    )
    for revision, isReplaced in ((1, False), (2, True)):
        aContent.inputs.parts[0].revision = revision
        predecessor = predecessorOf(case, aContent.bodies[-1], "model-dicom")
        assert bool(predecessor) is isReplaced
    dataset = pydicom.dcmread(before)
    addEditedModel(dataset, predecessor)
    dataset.save_as(tmp_path / "edited.dcm")
    assert dicomErrors(tmp_path / "edited.dcm") == []
    (reference,) = dataset.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert reference.ReferencedSOPInstanceUID == written.datasets["model-dicom"].SOPInstanceUID


@pytest.mark.parametrize("keyword", ["MeasurementUnitsCodeSequence", "FrameOfReferenceUID", "ICCProfile"])
def test_dciodvfyMissesWhatAnObjMustHave(written, tmp_path, keyword):
    dataset = pydicom.dcmread(written.paths["assembly-dicom"])
    del dataset[keyword]
    dataset.save_as(tmp_path / "damaged.dcm")
    assert dicomErrors(tmp_path / "damaged.dcm")


def test_tooFineASurfaceIsSimplifiedToLookAt():
    ball = trimesh.creation.icosphere(7, 40)
    mesh = coarse(Mesh.fromArrays(ball.vertices, ball.faces))
    assert len(ball.faces) > MOST_TRIANGLES >= len(mesh.triangles) > 0.5 * MOST_TRIANGLES
    assert abs(numpy.linalg.norm(mesh.points, axis=1) - 40).max() < 0.05
    assert coarse(mesh) is mesh


def test_aLargeSurfaceIsReadOnlyOnce(monkeypatch):
    """What is made of it afterwards starts from what all pictures of it are made of."""
    import fast_simplification

    ball, given = trimesh.creation.icosphere(7, 40), []
    mesh = Mesh.fromArrays(ball.vertices, ball.faces)
    monkeypatch.setattr(ModelBodies, "FINEST", 200_000)
    simplify = fast_simplification.simplify

    def counted(points, triangles, **how):
        given.append(len(triangles))
        return simplify(points, triangles, **how)

    monkeypatch.setattr(fast_simplification, "simplify", counted)
    assert [len(coarse(mesh, most).triangles) for most in (50_000, 200_000, 20_000)] == [50_000, 200_000, 20_000]
    assert given == [len(ball.faces), 200_000, 200_000]
