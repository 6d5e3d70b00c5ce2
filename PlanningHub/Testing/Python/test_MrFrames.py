"""Multi-frame MR: frames in their places, dimensions split and never merged, frames that lie on each other refused."""

import shutil
import urllib.request

import numpy
import pydicom
import pytest
import SimpleITK
import slicer
from CaseMaking import SPACING_MM, rejections
from MrMaking import ENHANCED_CT, ENHANCED_MR, LEGACY_MR, mrVoxels, writeFrames, writeMr

from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Import import examine, importSeries
from PlanningHubLib.Volumes import loadSource
from Servers.OrthancServer import OrthancServer, whyNoOrthanc

LARGE = mrVoxels().repeat(4, axis=1).repeat(4, axis=2)


def loaded(folder, session):
    case = Case.open(folder)
    return loadSource(case, session, case.require("source"))


def voxelsOf(folder, session):
    return slicer.util.arrayFromVolume(loaded(folder, session)).copy()


@pytest.mark.parametrize("sopClassUid", [ENHANCED_MR, LEGACY_MR])
@pytest.mark.parametrize("name", [None, "RLELossless", "JPEGLSLossless", "JPEG2000Lossless"])
def test_multiFrameMrIsExactAndInPlace(tmp_path, aSession, sopClassUid, name):
    path = writeFrames(tmp_path / "mr.dcm", writeMr(tmp_path / "single", LARGE), sopClassUid,
                       syntax=name and getattr(pydicom.uid, name))  # fmt: skip
    judge = SimpleITK.ReadImage(str(path))
    assert importSeries(path, tmp_path / "case").word == "accept"
    node = loaded(tmp_path / "case", aSession)
    assert numpy.array_equal(slicer.util.arrayFromVolume(node), SimpleITK.GetArrayFromImage(judge))
    assert numpy.array_equal(slicer.util.arrayFromVolume(node), LARGE)
    assert numpy.allclose(node.GetOrigin(), numpy.multiply(judge.GetOrigin(), (-1, -1, 1)))
    assert numpy.allclose(node.GetSpacing(), judge.GetSpacing()) and numpy.allclose(node.GetSpacing(), SPACING_MM)
    assert "frames.json" not in Case.open(tmp_path / "case").require("source").files


def test_framesInAnyOrderAreSortedByPlace(tmp_path, aSession):
    paths = writeMr(tmp_path / "single")
    writeFrames(tmp_path / "mr.dcm", [paths[index] for index in (3, 0, 5, 1, 4, 2)])
    importSeries(tmp_path / "mr.dcm", tmp_path / "case")
    assert numpy.array_equal(voxelsOf(tmp_path / "case", aSession), mrVoxels())


def test_rescaleOfEachFrameIsApplied(tmp_path, aSession):
    def change(image, index):
        image.RescaleSlope, image.RescaleIntercept = str(index + 1), "-5"

    writeFrames(tmp_path / "mr.dcm", writeMr(tmp_path / "single", change=change))
    importSeries(tmp_path / "mr.dcm", tmp_path / "case")
    expected = mrVoxels().astype(int) * numpy.arange(1, 7)[:, None, None] - 5
    assert numpy.array_equal(voxelsOf(tmp_path / "case", aSession), expected)


def test_filesOfOneFrameEachAreOneVolume(tmp_path, aSession):
    for index, path in enumerate(writeMr(tmp_path / "single")):
        writeFrames(tmp_path / "mr" / f"{index}.dcm", [path])
    importSeries(tmp_path / "mr", tmp_path / "case")
    assert numpy.array_equal(voxelsOf(tmp_path / "case", aSession), mrVoxels())


# Dimensions

DIMENSIONS = {
    "temporal position": ("FrameContentSequence", "TemporalPositionIndex", [1, 2, 3]),
    "stack": ("FrameContentSequence", "StackID", ["1", "2", "3"]),
    "b-value": ("MRDiffusionSequence", "DiffusionBValue", [0.0, 500.0, 1000.0]),
    "echo time": ("MREchoSequence", "EffectiveEchoTime", [5.0, 10.0, 15.0]),
    "inversion time": ("MRModifierSequence", "InversionTimes", [[100.0], [400.0], [900.0]]),
    "flip angle": ("MRTimingAndRelatedParametersSequence", "FlipAngle", [3.0, 10.0, 18.0]),
    "complex component": ("MRImageFrameTypeSequence", "ComplexImageComponent", ["MAGNITUDE", "PHASE", "REAL"]),
    "image type": ("MRImageFrameTypeSequence", "FrameType", [["ORIGINAL", "PRIMARY", "M", one] for one in "ABC"]),
    "trigger time": ("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime", [0.0, 300.0, 600.0]),
}


def severalVolumes(tmp_path, sequence, name, values, interleaved=True, sopClassUid=ENHANCED_MR):
    """One file of as many volumes as values, at the same places, slice by slice or volume by volume."""
    parts = [writeMr(tmp_path / f"part{number}", mrVoxels() + numpy.uint16(number)) for number in range(len(values))]
    places = [(number, index) for number in range(len(values)) for index in range(6)]
    if interleaved:
        places.sort(key=lambda place: place[::-1])
    extras = [{sequence: {name: values[number]}} for number, _index in places]
    paths = [parts[number][index] for number, index in places]
    writeFrames(tmp_path / "mr.dcm", paths, sopClassUid, extras)
    for number in range(len(values)):
        shutil.rmtree(tmp_path / f"part{number}")
    return tmp_path / "mr.dcm"


@pytest.mark.parametrize("name", DIMENSIONS)
def test_volumesOfOneFileAreSplitAndEachIsExact(tmp_path, aSession, name):
    path = severalVolumes(tmp_path, *DIMENSIONS[name])
    verdict = examine(path)
    assert rejections(verdict.findings) == ["several-series"] and len(verdict.series) == 3
    assert name in next(one for one in verdict.findings if one.code == "series-split").message
    uid = verdict.series[0].uid.split("#")[0]
    brightness = set()
    for number in (1, 2, 3):
        folder = tmp_path / f"case{number}"
        importSeries(path, folder, seriesUid=f"{uid}#{number}")
        difference = voxelsOf(folder, aSession).astype(int) - mrVoxels()
        assert difference.min() == difference.max()
        brightness.add(int(difference.min()))
        assert "frames.json" in Case.open(folder).require("source").files
    assert brightness == {0, 1, 2}
    with pytest.raises(InputRefused) as refused:
        importSeries(path, tmp_path / "case", seriesUid=uid)
    assert refused.value.code == "several-series"


def test_phasesOfEnhancedCtAreSplitAndEachIsExact(tmp_path, aSession):
    """Also volume by volume, and of another class."""
    path = severalVolumes(tmp_path, *DIMENSIONS["temporal position"], interleaved=False)
    image = pydicom.dcmread(path)
    image.SOPClassUID, image.Modality = ENHANCED_CT, "CT"
    group = image.SharedFunctionalGroupsSequence[0]
    group.PixelValueTransformationSequence = [pydicom.Dataset()]
    values = group.PixelValueTransformationSequence[0]
    values.RescaleSlope, values.RescaleIntercept, values.RescaleType = "1", "-1000", "HU"
    image.save_as(path)
    uid = examine(path).series[0].uid.split("#")[0]
    for number in (1, 2, 3):
        importSeries(path, tmp_path / f"case{number}", seriesUid=f"{uid}#{number}")
        assert numpy.array_equal(voxelsOf(tmp_path / f"case{number}", aSession), mrVoxels().astype(int) + number - 1001)


def test_diffusionDirectionsWithoutADifferenceAreRefused(tmp_path):
    """Where nothing tells the directions of one b-value apart. The volume without diffusion is not refused."""
    values = [0.0, 1000.0, 1000.0]
    path = severalVolumes(tmp_path, "MRDiffusionSequence", "DiffusionBValue", values)
    verdict = examine(path)
    assert [one.geometry is not None for one in verdict.series] == [True, False]
    assert rejections(verdict.series[1].findings) == ["duplicate-slice"]
    assert [finding.code for finding in verdict.findings if finding.code == "other-series-refused"]
    assert len(verdict.chosen.headers) == 6


def test_directionsOfOneBValueAreSplitAndEachIsExact(tmp_path, aSession):
    values = [(0.0, None), (1000.0, (1.0, 0.0, 0.0)), (1000.0, (0.0, 0.6, 0.8))]
    path = severalVolumes(tmp_path, "MRDiffusionSequence", "DiffusionBValue", [b for b, _direction in values])
    image = pydicom.dcmread(path)
    for number, group in enumerate(image.PerFrameFunctionalGroupsSequence):
        direction = values[number % 3][1]
        if direction:
            item = pydicom.Dataset()
            item.DiffusionGradientOrientation = list(direction)
            group.MRDiffusionSequence[0].DiffusionGradientDirectionSequence = [item]
    image.save_as(path)
    verdict = examine(path)
    message = next(one.message for one in verdict.findings if one.code == "series-split")
    assert "b-value and gradient direction: #1 0, none; #2 1000, 0 0.6 0.8; #3 1000, 1 0 0." in message
    uid = verdict.series[0].uid.split("#")[0]
    for number, offset in ((1, 0), (2, 2), (3, 1)):
        importSeries(path, tmp_path / f"case{number}", seriesUid=f"{uid}#{number}")
        assert numpy.array_equal(voxelsOf(tmp_path / f"case{number}", aSession), mrVoxels() + numpy.uint16(offset))


def test_framesAtOnePlaceWithoutADifferenceAreRefused(tmp_path):
    path = severalVolumes(tmp_path, "FrameContentSequence", "FrameComments", ["a", "b"])
    with pytest.raises(InputRefused) as refused:
        importSeries(path, tmp_path / "case")
    assert refused.value.code == "duplicate-slice" and not (tmp_path / "case").exists()


def test_stacksOfOtherOrientationsAreEachAVolume(tmp_path, aSession):
    first = writeMr(tmp_path / "first")

    def turned(image, index):
        image.ImageOrientationPatient = ["1", "0", "0", "0", "0", "-1"]
        image.ImagePositionPatient = ["0", f"{2.0 * index}", "50"]

    second = writeMr(tmp_path / "second", change=turned)
    extras = [{"FrameContentSequence": {"StackID": stack}} for stack in ["1"] * 6 + ["2"] * 6]
    writeFrames(tmp_path / "mr.dcm", first + second, extras=extras)
    verdict = examine(tmp_path / "mr.dcm")
    assert rejections(verdict.findings) == ["several-series"] and len(verdict.series) == 2
    uid = verdict.series[0].uid.split("#")[0]
    importSeries(tmp_path / "mr.dcm", tmp_path / "case", seriesUid=f"{uid}#2")
    matrix = slicer.util.arrayFromVTKMatrix(_matrixOf(loaded(tmp_path / "case", aSession)))
    assert numpy.allclose(abs(matrix[:3, 2]), (0, 2.0, 0))
    assert numpy.array_equal(numpy.sort(voxelsOf(tmp_path / "case", aSession), axis=None),
                             numpy.sort(mrVoxels(), axis=None))  # fmt: skip


def _matrixOf(node):
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return matrix


# Faults


def test_aMissingFrameIsNamed(tmp_path):
    paths = writeMr(tmp_path / "single")
    writeFrames(tmp_path / "mr.dcm", [path for index, path in enumerate(paths) if index != 2])
    assert rejections(examine(tmp_path / "mr.dcm").findings) == ["missing-slice"]


def test_aSideCodedInFramesIsRead(tmp_path):
    extras = [{"FrameAnatomySequence": {"FrameLaterality": "R"}}] * 6
    writeFrames(tmp_path / "mr.dcm", writeMr(tmp_path / "single"), extras=extras)
    assert rejections(examine(tmp_path / "mr.dcm", side="left").findings) == ["other-laterality"]
    assert rejections(examine(tmp_path / "mr.dcm", side="right").findings) == []


@pytest.mark.parametrize(("change", "code"), [
    (lambda image: setattr(image, "NumberOfFrames", 9), "bad-frames"),
    (lambda image: delattr(image, "PerFrameFunctionalGroupsSequence"), "bad-frames"),
    (lambda image: setattr(image, "PixelData", image.PixelData[:-1000]), "truncated-slice"),
    (lambda image: [delattr(one, "PlanePositionSequence") for one in image.PerFrameFunctionalGroupsSequence],
     "no-position"),
    (lambda image: setattr(image, "PatientID", ""), "no-patient-id"),
])  # fmt: skip
def test_damagedFramesAreRefusedByName(tmp_path, change, code):
    path = writeFrames(tmp_path / "mr.dcm", writeMr(tmp_path / "single"))
    image = pydicom.dcmread(path)
    change(image)
    image.save_as(path)
    with pytest.raises(InputRefused) as refused:
        importSeries(path, tmp_path / "case")
    assert refused.value.code == code and not (tmp_path / "case").exists()


def test_mrFromAnArchive(tmp_path, aSession):
    """The bytes that a real Orthanc gives back; an MR has to be asked for by its modality or UID."""
    if whyNoOrthanc():
        pytest.skip(whyNoOrthanc())
    path = writeFrames(tmp_path / "mr" / "mr.dcm", writeMr(tmp_path / "single"))
    with OrthancServer() as server:
        request = urllib.request.Request(f"{server.url}/instances", path.read_bytes(), method="POST")
        urllib.request.urlopen(request, timeout=30).close()
        address = f"dicomweb:{server.url}/dicom-web?patient=PHANTOM-1"
        with pytest.raises(InputRefused) as refused:
            importSeries(address, tmp_path / "none")
        assert refused.value.code == "no-match"
        importSeries(f"{address}&modality=MR", tmp_path / "case")
    assert numpy.array_equal(voxelsOf(tmp_path / "case", aSession), mrVoxels())
