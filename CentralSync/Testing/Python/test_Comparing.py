"""Recoded copies count as the same object only while every attribute and every pixel is."""

import io
import shutil
import struct
import subprocess

import numpy
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from CentralSyncLib.Stores.Comparing import compare, mostBytes
from Servers.SmallDicom import writeSmallSeries

SECRET = "Müller^Änne"


@pytest.fixture
def ours(tmp_path):
    """Bytes of a CT slice with texts, numbers, sequences and private attributes of many kinds."""
    (path,) = writeSmallSeries(tmp_path, 1)
    dataset = pydicom.dcmread(path)
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.PatientName, dataset.InstitutionName = SECRET, "Krankenhaus Süd "
    dataset.SliceLocation, dataset.WindowCenter = "1.50", ["40", "300.0"]
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "T-D1100", "SRT", "Head"
    dataset.AnatomicRegionSequence = [code]
    block = dataset.private_block(0x0071, "PLANNING HUB TEST", create=True)
    block.add_new(1, "LO", "private")
    block.add_new(2, "UL", 70000)
    block.add_new(3, "OB", b"\1\2\3\0")
    inner = Dataset()
    inner.CodeMeaning = "inside"
    block.add_new(4, "SQ", [inner])
    return written(dataset).replace(b"ARCHIVE", b"OURSELF")


def written(dataset):
    """Bytes as an archive would write them, with its own name in the header."""
    dataset.file_meta.ImplementationVersionName = "ARCHIVE"
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def read(data):
    dataset = pydicom.dcmread(io.BytesIO(data))
    # Everything is decoded, so that it can be coded anew.
    for _element in dataset.iterall():
        pass
    return dataset


def recoded(data, syntax):
    dataset = read(data)
    if syntax.is_encapsulated:
        dataset.compress(syntax, generate_instance_uid=False)
        return written(dataset)
    if not syntax.is_little_endian:
        dataset.PixelData = numpy.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.ImplementationVersionName = "ARCHIVE"
    stream = io.BytesIO()
    coding = {"implicit_vr": syntax.is_implicit_VR, "little_endian": syntax.is_little_endian}
    pydicom.dcmwrite(stream, dataset, **coding, force_encoding=True)
    return stream.getvalue()


def compared(ours, kept):
    return compare(ours, kept)


SYNTAXES = [
    ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless, JPEGLSLossless, JPEG2000Lossless,
]  # fmt: skip


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.keyword)
def test_everyLosslessCodingIsTheSameObject(ours, syntax):
    kept = recoded(ours, syntax)
    assert kept != ours
    result = compared(ours, kept)
    assert result.isSame, result.reason
    assert syntax.name in result.reason and "every pixel" in result.reason
    # And the other way round: what was compressed may be kept uncompressed.
    assert compared(kept, ours).isSame


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, *SYNTAXES], ids=lambda syntax: syntax.keyword)
def test_onePixelIsSeenInEveryCoding(ours, syntax):
    changed = read(ours)
    pixels = bytearray(changed.PixelData)
    pixels[1000] ^= 1
    changed.PixelData = bytes(pixels)
    result = compared(ours, recoded(written(changed), syntax))
    assert (result.isSame, result.reason) == (False, "it differs in PixelData")


def test_otherCharacterSetAndFileMetaAreTheSame(ours):
    dataset = read(ours)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.file_meta.ImplementationVersionName = "ARCHIVE"
    dataset.file_meta.SourceApplicationEntityTitle = "ARCHIVE"
    kept = written(dataset)
    assert SECRET.encode() in kept and SECRET.encode("latin-1") in ours
    assert compared(ours, kept).isSame


def test_characterSetThatWasOnlyRenamedIsADifference(ours):
    theirs = ours.replace(b"OURSELF", b"ARCHIVE")
    # The letters are the same in both of these.
    assert compared(ours, theirs.replace(b"ISO_IR 100", b"ISO_IR 101")).isSame
    kept = theirs.replace(b"ISO_IR 100", b"ISO_IR 144")
    result = compared(ours, kept)
    assert not result.isSame and "PatientName" in result.reason


def test_numbersMayBeWrittenOtherwise(ours):
    dataset = read(ours)
    dataset.SliceLocation, dataset.WindowCenter = "1.5", ["40.0", "300"]
    assert compared(ours, written(dataset)).isSame
    dataset.SliceLocation = "1.500001"
    assert compared(ours, written(dataset)).reason == "it differs in SliceLocation"


def change(keyword, value):
    return lambda dataset: setattr(dataset, keyword, value)


CHANGES = [
    (change("PatientName", "Mueller^Anne"), "PatientName"),
    (change("PatientID", ""), "PatientID"),
    (change("SOPInstanceUID", "1.2.3"), "SOPInstanceUID"),
    (change("SeriesInstanceUID", "1.2.3"), "SeriesInstanceUID"),
    (change("RescaleIntercept", "-1024"), "RescaleIntercept"),
    (change("WindowCenter", ["40"]), "WindowCenter"),
    (change("BitsStored", 12), "BitsStored"),
    (change("LossyImageCompression", "00"), "LossyImageCompression"),
    (lambda dataset: delattr(dataset, "PatientID"), "PatientID"),
    (lambda dataset: delattr(dataset, "PixelData"), "PixelData"),
    (lambda dataset: delattr(dataset, "StudyDate"), "StudyDate"),
    (lambda dataset: delattr(dataset, "AnatomicRegionSequence"), "AnatomicRegionSequence"),
    (lambda dataset: dataset.AnatomicRegionSequence.append(Dataset()), "AnatomicRegionSequence"),
    (lambda dataset: setattr(dataset.AnatomicRegionSequence[0], "CodeValue", "T"), "AnatomicRegionSequence/CodeValue"),
    (lambda dataset: dataset.pop(0x00711002), "(0071,1002)"),
    (lambda dataset: setattr(dataset[0x00711001], "value", "other"), "(0071,1001)"),
    (lambda dataset: setattr(dataset[0x00711003], "value", b"\1\2\4\0"), "(0071,1003)"),
    (lambda dataset: setattr(dataset[0x00711004].value[0], "CodeMeaning", "x"), "(0071,1004)/CodeMeaning"),
]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian], ids=lambda syntax: syntax.keyword)
@pytest.mark.parametrize(("change", "name"), CHANGES, ids=[f"{n}-{name}" for n, (_change, name) in enumerate(CHANGES)])
def test_everyChangeIsNamedAndNoValueIs(ours, change, name, syntax):
    dataset = read(ours)
    change(dataset)
    result = compared(ours, recoded(written(dataset), syntax))
    assert (result.isSame, result.reason) == (False, f"it differs in {name}")


def test_manyDifferencesAreNamedUpToAFew(ours):
    other = Dataset()
    other.file_meta = read(ours).file_meta
    other.SOPClassUID, other.SOPInstanceUID = read(ours).SOPClassUID, read(ours).SOPInstanceUID
    result = compared(ours, written(other))
    assert result.reason.endswith("and more") and result.reason.count(",") == 7 and "ller" not in result.reason


@pytest.mark.filterwarnings("ignore:Failed to decode")
def test_undecodableTextIsNotTakenForEqual(ours):
    dataset = read(ours)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    utf8 = written(dataset)
    broken, otherwise = (utf8.replace("ü".encode(), bytes([0xFF, last])) for last in (0xFE, 0xFD))
    assert not compared(broken, otherwise).isSame


def test_whatIsNoDicomOrWouldExplodeIsRefused(ours):
    for kept in (b"", b"<html>", ours[:200], ours[:-1000]):
        assert not compared(ours, kept).isSame
    dataset = read(ours)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    result = compared(ours, written(dataset))
    assert not result.isSame and SECRET not in result.reason


def test_deepNestingEndsNoCheck(ours):
    sequence, item = ("<HH2sHI", 0x0040, 0xA730, b"SQ", 0, 0xFFFFFFFF), ("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    nested = (struct.pack(*sequence) + struct.pack(*item)) * 20_000
    assert not compared(ours, ours + nested).isSame


def test_mostBytesIsThatOfTheUncompressedPixels(ours):
    dataset = read(ours)
    assert mostBytes(recoded(ours, RLELossless)) == len(dataset.PixelData)


def test_colorsMayBeKeptInAnotherPlane(ours):
    dataset = read(ours)
    pixels = numpy.random.default_rng(1).integers(0, 256, (8, 10, 3), dtype="uint8")
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 8, 10, 3
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.PhotometricInterpretation, dataset.PlanarConfiguration = "RGB", 0
    dataset.PixelData = pixels.tobytes()
    color = written(dataset).replace(b"ARCHIVE", b"OURSELF")
    assert compared(color, recoded(color, RLELossless)).isSame
    dataset.PlanarConfiguration, dataset.PixelData = 1, pixels.transpose(2, 0, 1).tobytes()
    assert compared(color, written(dataset)).isSame
    dataset.PlanarConfiguration = 0
    assert compared(color, written(dataset)).reason == "it differs in PixelData"
    renamed = read(color)
    renamed.PhotometricInterpretation = "YBR_FULL"
    assert compared(color, written(renamed)).reason == "it differs in PixelData"


@pytest.mark.skipif(shutil.which("dcmconv") is None, reason="dcmtk is not installed")
@pytest.mark.parametrize(
    "command", [["dcmconv", "+ti"], ["dcmconv", "+te"], ["dcmconv", "+tb"], ["dcmcrle"], ["dcmcjpls"]], ids="-".join
)
def test_whatDcmtkRecodesIsTheSame(ours, tmp_path, command):
    (tmp_path / "ours.dcm").write_bytes(ours)
    subprocess.run([*command, tmp_path / "ours.dcm", tmp_path / "theirs.dcm"], check=True)
    kept = (tmp_path / "theirs.dcm").read_bytes()
    assert kept != ours
    assert compared(ours, kept).isSame, compared(ours, kept).reason
    subprocess.run(["dcmodify", "-nb", "-m", "RescaleSlope=2", tmp_path / "theirs.dcm"], check=True)
    assert compared(ours, (tmp_path / "theirs.dcm").read_bytes()).reason == "it differs in RescaleSlope"


# Whether it is ours gone wrong


def flipped(data, position):
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


def test_damageLooksLikeDamage(ours):
    zeroed = ours[:-2048] + bytes(2048)
    name = ours.index(SECRET.encode("latin-1"))
    flips = [flipped(ours, position) for position in (0, 100, 180, 200, name, len(ours) - 99)]
    for kept in (*flips, ours[:-999], ours[:150], b"", zeroed):
        result = compared(ours, kept)
        assert (result.isSame, result.looksDamaged) == (False, True), result.reason


def test_ourOwnTroubleIsNoDamage(ours):
    """A picture that cannot be decoded cannot be compared either: not even with itself."""
    dataset = read(ours)
    dataset.file_meta.TransferSyntaxUID = RLELossless
    broken, kept = (
        recodedAs(dataset, encapsulate([frame])) for frame in (b"no run lengths", b"other run lengths")
    )
    result = compared(broken, kept)
    assert (result.isSame, result.looksDamaged) == (False, False) and "ours" in result.reason
    assert compared(recoded(ours, RLELossless), kept).looksDamaged


def recodedAs(dataset, pixels):
    dataset.PixelData = pixels
    dataset["PixelData"].is_undefined_length = True
    return written(dataset)


def test_picturesThatALossyOrOtherCodingChangedAreNoDamage(ours):
    dataset = read(ours)
    dataset.PixelData = bytes(len(dataset.PixelData))
    changed = written(dataset)
    assert compared(ours, changed).looksDamaged
    result = compared(ours, recoded(changed, RLELossless))
    assert (result.isSame, result.looksDamaged) == (False, False)


def test_anotherObjectAndACorrectedOneDoNot(ours, tmp_path):
    corrected = read(ours)
    corrected.PatientName = "Müller-Lüdenscheid^Änne"
    (path,) = writeSmallSeries(tmp_path / "other", 1, seed=7)
    another = read(path.read_bytes())
    another.SOPInstanceUID = read(ours).SOPInstanceUID
    samePlace = read(ours)
    samePlace.PatientID, samePlace.InstanceNumber = "SETT", 2
    assert len(written(samePlace)) == len(ours)
    for kept in map(written, (corrected, another, samePlace)):
        result = compared(ours, kept)
        assert (result.isSame, result.looksDamaged) == (False, False), result.reason


def test_aFlippedLengthOrAnEarlyEndIsDamageHoweverManyAttributesAreGone(ours, caplog, recwarn):
    place = ours.index(b"\x08\x00\x16\x00UI") + 6
    # The length of an early attribute: what follows is read as its value.
    flipped = ours[:place] + bytes([ours[place] ^ 0x80]) + ours[place + 1 :]
    for kept in (flipped, ours[: place + 40]):
        result = compare(ours, kept)
        assert (result.isSame, result.looksDamaged) == (False, True), result.reason
    # The reader's own warnings would hold what stands in the object.
    assert "Krankenhaus" not in caplog.text + " ".join(str(one.message) for one in recwarn)
