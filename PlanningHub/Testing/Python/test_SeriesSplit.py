"""Several volumes in one series are split, never merged; multi-frame files and every compression are exact."""

import copy
import shutil

import numpy
import pydicom
import pytest
import slicer
from CaseMaking import ORIGIN_LPS, SPACING_MM, asymmetricVoxels, writeSmallSeries

from Phantom.DicomSeries import byPosition, uidFor
from Phantom.Faults import editAll
from PlanningHubLib.Case import Case
from PlanningHubLib.DicomScan import scanSource
from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Import import examine, importSeries
from PlanningHubLib.Segmentation import segmentBone
from PlanningHubLib.Volumes import loadSource

SERIES = "1.2.826.0.1.3680043.10.7"
# JPEG 2000's usual number of resolutions needs some pixels.
LARGE = asymmetricVoxels().repeat(4, axis=1).repeat(4, axis=2)
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"


def voxelsOf(folder, session):
    case = Case.open(folder)
    return slicer.util.arrayFromVolume(loadSource(case, session, case.require("source"))).copy()


def phases(folder, keyword, values, sopClassUid=None):
    """One series of as many volumes as values, at the same places; phase n is n HU brighter."""
    for number, value in enumerate(values):
        part = folder / str(number)
        writeSmallSeries(part, asymmetricVoxels() + numpy.int16(number), seriesUid=SERIES)

        def change(image, *_rest, number=number, value=value):
            image.SOPInstanceUID = uidFor("phase", number, image.SOPInstanceUID)
            image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
            setattr(image, keyword, value)
            if sopClassUid:
                image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = sopClassUid

        editAll(part, change)
    return folder


KEYS = {
    "TemporalPositionIdentifier": ([1, 2, 3], "temporal position"),
    "NominalPercentageOfCardiacPhase": ([0.0, 40.0, 70.0], "cardiac phase"),
    "AcquisitionNumber": ([1, 2, 3], "acquisition number"),
    "TriggerTime": ([0, 300, 600], "trigger time"),
    "ConvolutionKernel": (["BONE", "SOFT", "SHARP"], "kernel"),
    "ImageType": ([["DERIVED", "PRIMARY", "AXIAL", one] for one in ("MONO40", "MONO70", "MONO100")], "image type"),
}


@pytest.mark.parametrize("keyword", KEYS)
def test_phasesAreSplitAndEachIsExact(tmp_path, aSession, keyword):
    values, name = KEYS[keyword]
    phases(tmp_path / "ct", keyword, values)
    verdict = examine(tmp_path / "ct")
    assert verdict.word == "reject" and len(verdict.series) == 3
    findings = {finding.code: finding for finding in verdict.findings}
    assert name in findings["series-split"].message and "several-series" in findings
    brightness = set()
    for number in (1, 2, 3):
        importSeries(tmp_path / "ct", tmp_path / f"case{number}", seriesUid=f"{SERIES}#{number}")
        difference = voxelsOf(tmp_path / f"case{number}", aSession).astype(int) - asymmetricVoxels()
        brightness.add((int(difference.min()), int(difference.max())))
        assert Case.open(tmp_path / f"case{number}").latest("source").facts["seriesUid"] == SERIES
    assert brightness == {(0, 0), (1, 1), (2, 2)}
    with pytest.raises(InputRefused) as refused:
        importSeries(tmp_path / "ct", tmp_path / "case", seriesUid=SERIES)
    assert refused.value.code == "several-series" and not (tmp_path / "case").exists()


def test_diffusionValuesOfMrAreSplit(tmp_path):
    phases(tmp_path / "mr", "DiffusionBValue", [0.0, 500.0, 1000.0], "1.2.840.10008.5.1.4.1.1.4")
    series, findings = scanSource(tmp_path / "mr")
    assert [len(one.headers) for one in series] == [6, 6, 6]
    assert [{header.diffusionBValue for header in one.headers} for one in series] == [{0.0}, {500.0}, {1000.0}]
    assert [finding.code for finding in findings] == ["series-split"] and "b-value" in findings[0].message


def test_gradientDirectionsOfMrAreSplit_andOneThatIsThereTwiceIsRefused(tmp_path):
    directions = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    phases(tmp_path / "mr", "DiffusionGradientOrientation", directions, "1.2.840.10008.5.1.4.1.1.4")
    series, findings = scanSource(tmp_path / "mr")
    split = [{tuple(header.diffusionDirection) for header in one.headers} for one in series]
    assert [len(one.headers) for one in series] == [6, 6, 6] and set.union(*split) == set(map(tuple, directions))
    assert "gradient direction: #1 0 0 1; #2 0 1 0; #3 1 0 0." in findings[0].message
    phases(tmp_path / "twice", "DiffusionGradientOrientation", directions[:1] * 2, "1.2.840.10008.5.1.4.1.1.4")
    assert [finding.code for finding in examine(tmp_path / "twice").findings if finding.severity == "reject"] == [
        "duplicate-slice"
    ]


def test_acquisitionNumbersOfOneVolumeDoNotSplitIt(aSeries):
    def change(image, index, _count):
        image.AcquisitionNumber, image.TriggerTime, image.TemporalPositionIdentifier = index // 2, index, index

    editAll(aSeries, change)
    assert examine(aSeries).word == "accept"


def test_phasesOfTwoPatientsAreNotSortedOut(tmp_path):
    phases(tmp_path / "ct", "AcquisitionNumber", [1, 2])

    def change(image, *_rest):
        image.PatientID = "PHANTOM-2"

    editAll(tmp_path / "ct" / "1", change)
    assert "two-patients" in [finding.code for finding in examine(tmp_path / "ct").findings]


def test_doseReportInTheSeriesIsNoSlice(aSeries, tmp_path):
    report = pydicom.dcmread(byPosition(aSeries)[0])
    report.SOPClassUID = report.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    report.SOPInstanceUID = report.file_meta.MediaStorageSOPInstanceUID = uidFor("screen")
    report.save_as(aSeries / "screen.dcm")
    verdict = importSeries(aSeries, tmp_path / "case")
    assert [finding.code for finding in verdict.findings] == ["series-split"] and verdict.word == "accept"


# Multi-frame


def enhanced(folder, voxels, order=None, syntax=None):
    """An Enhanced CT image of the voxels, its frames in any order, geometry in functional groups only."""
    from pydicom.dataset import Dataset

    writeSmallSeries(folder / "single", voxels)
    paths = byPosition(folder / "single")
    paths = paths if order is None else [paths[index] for index in order]
    images = [pydicom.dcmread(path) for path in paths]
    whole = pydicom.dcmread(paths[0])
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness",
                    "SliceLocation", "RescaleSlope", "RescaleIntercept"):  # fmt: skip
        delattr(whole, keyword)
    whole.SOPClassUID = whole.file_meta.MediaStorageSOPClassUID = ENHANCED_CT
    whole.NumberOfFrames = len(images)

    def group(image, *names):
        item = Dataset()
        for name in names:
            setattr(item, name, image[name].value)
        return [item]

    shared = Dataset()
    shared.PlaneOrientationSequence = group(images[0], "ImageOrientationPatient")
    shared.PixelMeasuresSequence = group(images[0], "PixelSpacing", "SliceThickness")
    shared.PixelValueTransformationSequence = group(images[0], "RescaleSlope", "RescaleIntercept")
    whole.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for image in images:
        frame = Dataset()
        frame.PlanePositionSequence = group(image, "ImagePositionPatient")
        frames.append(frame)
    whole.PerFrameFunctionalGroupsSequence = frames
    whole.PixelData = b"".join(image.PixelData for image in images)
    if syntax:
        whole.compress(syntax)
    path = folder / "enhanced.dcm"
    whole.save_as(path)
    shutil.rmtree(folder / "single")
    return path


@pytest.mark.parametrize("name", [None, "RLELossless", "JPEGLSLossless", "JPEG2000Lossless"])
def test_enhancedCtIsExactAndInPlace(tmp_path, aSession, name):
    order = [3, 0, 5, 1, 4, 2]
    path = enhanced(tmp_path / "enhanced", LARGE, order, name and getattr(pydicom.uid, name))
    verdict = importSeries(path, tmp_path / "case")
    assert verdict.word == "accept"
    assert numpy.array_equal(voxelsOf(tmp_path / "case", aSession), LARGE)
    source = Case.open(tmp_path / "case").latest("source")
    assert list(source.files) == ["dicom/00001.dcm"] and source.facts["shape"] == [6, 80, 96]
    assert numpy.allclose(source.facts["spacingMm"], SPACING_MM)
    assert numpy.allclose(verdict.chosen.geometry.ijkToLps[:3, 3], ORIGIN_LPS)


def test_enhancedCtWithAMissingFrameIsRefused(tmp_path):
    path = enhanced(tmp_path / "enhanced", asymmetricVoxels(), [0, 1, 3, 4, 5])
    with pytest.raises(InputRefused) as refused:
        importSeries(path, tmp_path / "case")
    assert refused.value.code == "missing-slice"


def test_enhancedCtThatStatesOtherFramesIsRefused(tmp_path):
    path = enhanced(tmp_path / "enhanced", asymmetricVoxels())
    image = pydicom.dcmread(path)
    image.NumberOfFrames = 9
    image.save_as(path)
    with pytest.raises(InputRefused) as refused:
        importSeries(path, tmp_path / "case")
    assert refused.value.code == "bad-frames" and not (tmp_path / "case").exists()


def twoPhases(folder):
    """An Enhanced CT image of two cardiac phases at the same places, the second 1 HU brighter, frame by frame."""
    from pydicom.dataset import Dataset

    path = enhanced(folder, asymmetricVoxels())
    image = pydicom.dcmread(path)
    stored = numpy.frombuffer(image.PixelData, numpy.int16).reshape(image.NumberOfFrames, -1)
    frames = []
    for frame in image.PerFrameFunctionalGroupsSequence:
        for percent in (40.0, 70.0):
            both, phase = copy.deepcopy(frame), Dataset()
            phase.NominalPercentageOfCardiacPhase = percent
            both.CardiacSynchronizationSequence = [phase]
            frames.append(both)
    image.PerFrameFunctionalGroupsSequence = frames
    image.NumberOfFrames = len(frames)
    image.PixelData = numpy.stack([stored, stored + 1], axis=1).astype(numpy.int16).tobytes()
    image.save_as(path)
    return path


@pytest.mark.parametrize("reference", [False, True])
def test_aPhaseOfAnEnhancedCtIsTheOneThatWasChosen(tmp_path, aSession, reference):
    path = twoPhases(tmp_path / "phases")
    uids = [series.uid for series in examine(path).series]
    assert [uid.split("#")[1] for uid in sorted(uids)] == ["1", "2"]
    importSeries(path, tmp_path / "case", sorted(uids)[0], reference=reference)
    assert numpy.array_equal(voxelsOf(tmp_path / "case", aSession), asymmetricVoxels())
    with Case.open(tmp_path / "case", writable=True) as case:
        made = segmentBone(case, aSession)
        assert case.state(made) == "current"
    importSeries(path, tmp_path / "case", sorted(uids)[1], reference=reference)
    assert numpy.array_equal(voxelsOf(tmp_path / "case", aSession), asymmetricVoxels() + 1)
    # The file is the same one, the content is not.
    assert Case.open(tmp_path / "case").state(made) == "stale"


# Compressions and character sets


@pytest.mark.parametrize("name", ["JPEGLSLossless", "JPEG2000Lossless"])
def test_losslessCompressionIsExact(tmp_path, aSession, name):
    writeSmallSeries(tmp_path / "ct", LARGE)
    for path in (tmp_path / "ct").iterdir():
        image = pydicom.dcmread(path)
        image.compress(getattr(pydicom.uid, name))
        image.save_as(path)
    importSeries(tmp_path / "ct", tmp_path / "case")
    assert numpy.array_equal(voxelsOf(tmp_path / "case", aSession), LARGE)


def test_highThroughputJpeg2000IsExact(tmp_path, aSession):
    imagecodecs = pytest.importorskip("imagecodecs", reason="nothing else here encodes HTJ2K")
    writeSmallSeries(tmp_path / "ct", LARGE)
    for path in (tmp_path / "ct").iterdir():
        image = pydicom.dcmread(path)
        code = imagecodecs.htj2k_encode(numpy.ascontiguousarray(image.pixel_array), reversible=True)
        image.PixelData = pydicom.encaps.encapsulate([bytes(code)])
        image["PixelData"].VR = "OB"
        image.file_meta.TransferSyntaxUID = pydicom.uid.HTJ2KLossless
        image.save_as(path)
    importSeries(tmp_path / "ct", tmp_path / "case")
    assert numpy.array_equal(voxelsOf(tmp_path / "case", aSession), LARGE)


@pytest.mark.parametrize(("uid", "name"), [("1.2.840.10008.1.2.4.102", "MPEG-4"), ("1.2.840.10008.1.2.4.92", "Part 2"),
                                           ("1.2.3.4.5", "1.2.3.4.5")])  # fmt: skip
def test_unknownTransferSyntaxIsRefusedByItsName(aSeries, tmp_path, uid, name):
    for path in aSeries.iterdir():
        image = pydicom.dcmread(path)
        image.compress(pydicom.uid.RLELossless)
        image.save_as(path)
        # Both are padded to an even length within the same file meta.
        image.file_meta.TransferSyntaxUID = uid
        image.save_as(path, implicit_vr=False, little_endian=True)
    with pytest.raises(InputRefused) as refused:
        importSeries(aSeries, tmp_path / "case")
    assert refused.value.code == "unknown-transfer-syntax" and name in refused.value.message
    assert not (tmp_path / "case").exists()


@pytest.mark.parametrize(("charset", "name"), [
    (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    (["ISO 2022 IR 6", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
    ("GB18030", "Wang^XiaoDong=王^小东="),
    ("ISO_IR 100", "Buc^Jérôme"),
    ("ISO_IR 144", "Люкceмбypг"),
    ("ISO_IR 192", "Müller^Zoë=王^小东"),
])  # fmt: skip
def test_anyCharacterSetIsReadAndNeverTakenForAnotherPatient(aSeries, tmp_path, charset, name):
    def change(image, *_rest):
        image.SpecificCharacterSet = charset
        image.PatientName = name
        image.add_new(0x00091001, "UN", b"\xff\xfe private \x00")

    editAll(aSeries, change)
    verdict = importSeries(aSeries, tmp_path / "case")
    assert verdict.word == "accept"
    assert verdict.chosen.headers[0].patientName.rstrip("=") == name.rstrip("=")
