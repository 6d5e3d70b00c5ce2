"""Where the plan moves a fragment, the registration takes it from the scan to its model, read by others than us."""

import json
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest
from Judges import dicomErrors, encapsulatedDocument, entityErrors, run

from ORExportLib import Manifest
from ORExportLib.Content import Content
from ORExportLib.Dicom import DerivedImages, ModelObjects, SpatialRegistration
from ORExportLib.Dicom.SpatialRegistration import buildSpatialRegistration
from ORExportLib.Inputs import requireInputs
from ORExportLib.Package import exportPackage, makePackage
from PlanningHubLib import Pictures
from PlanningHubLib.Planning.Document import newDocument
from PlanningHubLib.Planning.Plan import makePlan, readSolid
from PlanningHubLib.Session import Session

STEPS = [
    {"do": "placement", "name": "First", "turnDegrees": [10, -25, 40], "center": [30, -20, -300],
     "shiftMm": [4.5, -3, 7.25]},
    {"do": "placement", "name": "Second", "turnDegrees": [0, 0, -15], "shiftMm": [0, 2, 0]},
    {"do": "move", "name": "Once", "solid": "Bone", "by": ["First"]},
    {"do": "move", "name": "Moved", "solid": "Once", "by": ["Second", "First"]},
    {"do": "line", "name": "Screw", "start": [38, -27, -309], "end": [33, -29, -304]},
]  # fmt: skip


def stlBytes(mesh):
    """Return a binary STL of a mesh."""
    data = np.zeros(len(mesh.triangles), [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("unused", "<u2")])
    data["corners"] = mesh.points[mesh.triangles]
    return b"SPACE=LPS".ljust(80) + np.uint32(len(data)).tobytes() + data.tobytes()


def cornersOf(stl):
    return np.frombuffer(stl[84:], [("n", "<f4", 3), ("corners", "<f4", (3, 3)), ("u", "<u2")])["corners"]


@pytest.fixture(scope="module")
def packaged(tmp_path_factory, makeReadyCase):
    """The exported package of a part that two steps move, the case's slices, and the scanned bone, LPS."""
    folder = tmp_path_factory.mktemp("moved")
    with Session.start() as session, makeReadyCase(folder, session) as case, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pictures, "requireRendering", _refuse)
        plan = makePlan(case, session, {**newDocument("Moved bone"), "steps": STEPS})
        solid = readSolid(case, session, plan, "Moved")
        with case.staging("part", "part-2") as stage:
            (stage.folder / f"{case.name}.stl").write_bytes(stlBytes(solid.mesh.rasLpsSwapped()))
            (stage.folder / f"{case.name}.3mf").write_bytes(b"stands in for a 3MF")
            facts = {"volumeMl": 1.0, "triangles": 4, "object": {"name": "Moved", **solid.flags()}}
            stage.commit(parents=[plan], parameters={"maximumDeviationMm": 0.05}, facts=facts)
        with Content(case, session, requireInputs(case), None) as content:
            bone = next(body.mesh for body in content.bodies if body.origin == "segment")
            slices = content.sourcePaths
        exportPackage(case, makePackage(case, session), folder / "package")
        yield folder / "package", slices, bone


def _refuse():
    raise Pictures.PicturesUnavailable("not needed here")


def recordsOf(folder, role):
    files = json.loads((folder / Manifest.FILE_NAME).read_bytes())["files"]
    return [folder / record["path"] for record in files if Manifest.baseRole(record["role"]) == role]


def matrices(dataset):
    """Frame of reference → matrix into the registration's own one."""
    return {
        str(item.FrameOfReferenceUID): np.array(
            item.MatrixRegistrationSequence[0].MatrixSequence[0].FrameOfReferenceTransformationMatrix, float
        ).reshape(4, 4)
        for item in dataset.RegistrationSequence
    }


def test_theScannedBoneGoesWhereTheModelIs(packaged):
    folder, _slices, bone = packaged
    registrations = {one.FrameOfReferenceUID: one for one in map(pydicom.dcmread, recordsOf(folder, "registration"))}
    (model,) = map(pydicom.dcmread, recordsOf(folder, ModelObjects.MODEL))
    source = pydicom.dcmread(recordsOf(folder, "segmentation-dicom")[0])
    registration = registrations[model.FrameOfReferenceUID]
    matrix = matrices(registration)[source.FrameOfReferenceUID]
    np.testing.assert_array_equal(matrices(registration)[model.FrameOfReferenceUID], np.eye(4))
    corners = cornersOf(encapsulatedDocument(recordsOf(folder, ModelObjects.MODEL)[0]))
    scanned = bone.points[bone.triangles]
    assert corners.shape == scanned.shape and np.abs(corners - scanned).max() > 5
    planned = scanned @ matrix[:3, :3].T + matrix[:3, 3]
    np.testing.assert_allclose(planned, corners, atol=0.01)
    # The other object has another motion, and so a registration of its own; a third one places both.
    assert len(registrations) == 3 and source.FrameOfReferenceUID not in registrations
    (together,) = [one for one in registrations.values() if len(one.RegistrationSequence) > 2]
    frames = matrices(together)
    assert set(frames) == {source.FrameOfReferenceUID, *registrations}
    assert all(np.array_equal(matrix, np.eye(4)) for matrix in frames.values())
    (assembly,) = map(pydicom.dcmread, recordsOf(folder, "assembly-dicom"))
    assert assembly.FrameOfReferenceUID == together.FrameOfReferenceUID


def test_theJudgesReadTheWholePackage(packaged, tmp_path):
    folder, slices, _bone = packaged
    objects = sorted(folder.rglob("*.dcm"))
    derived = recordsOf(folder, DerivedImages.DERIVED_IMAGE)
    assert len(derived) == 6 and all("NOT-APPROVED" in path.name for path in derived)
    assert {str(path): dicomErrors(path) for path in objects} == {str(path): [] for path in objects}
    assert entityErrors([*slices, *objects]) == []
    path = recordsOf(folder, "registration")[0]
    dumped = run("dcmdump", "+P", "FrameOfReferenceTransformationMatrixType", path)
    assert dumped.count("[RIGID]") == 2
    broken = pydicom.dcmread(path)
    del broken.RegistrationSequence[1].MatrixRegistrationSequence[0].MatrixSequence
    broken.save_as(tmp_path / "broken.dcm")
    assert dicomErrors(tmp_path / "broken.dcm") != []


def test_registrationsSayWhatTheyMove(packaged):
    folder, _slices, _bone = packaged
    datasets = [pydicom.dcmread(path) for path in recordsOf(folder, "registration")]
    assert [one.ContentDescription.partition(" not approved: ")[2] for one in datasets] == [
        "Once", "Moved", "all as planned"
    ]  # fmt: skip
    for dataset in datasets:
        assert dataset.Modality == "REG" and len(dataset.RegistrationSequence[1].ReferencedImageSequence) == 6


def test_whatIsNotWantedIsLeftOut(aReadyCase, aSession, withoutPictures):
    package = makePackage(aReadyCase, aSession, leaveOut=["derived-ct", "views"])
    assert not [name for name in package.files if "derived" in name or "view-" in name or "registration" in name]


def test_motionsThatAreNotRigidAreNotWritten(aSource, aMaking):
    with pytest.raises(ValueError):
        buildSpatialRegistration(aSource, aMaking, "1.2.3", [("1.2.4", np.diag([1.0, 1, -1, 1]), "")], "Mirror")


def test_whatWasJoinedIsInTheArrangementOnly(aSource, aMaking):
    joined = SimpleNamespace(moved=True, matrixLps=None, part=None, name="Combined")
    content = SimpleNamespace(source=aSource, making=aMaking, bodies=[joined])
    writer = SimpleNamespace(object=lambda dataset, name, _role: written.append((name, dataset)))
    written = []
    SpatialRegistration.write(content, writer, lambda *_: None)
    assert [(name, len(one.RegistrationSequence)) for name, one in written] == [("registration-1.dcm", 3)]
    content.bodies = []
    SpatialRegistration.write(content, writer, lambda *_: None)
    assert len(written) == 1
