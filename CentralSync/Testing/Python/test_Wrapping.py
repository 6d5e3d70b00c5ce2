"""Files carried by Raw Data objects: the same content gives the same object, and comes out as it went in."""

import hashlib
import io

import pydicom
import pytest
from Judges import dicomErrors

from CentralSyncLib.Items import Item, itemOf
from CentralSyncLib.Records import Wrapping
from CentralSyncLib.Records.RawData import headerOf
from CentralSyncLib.Records.Wrapping import NotWrapped, unwrap, wrap
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import GateRefused, InputRefused
from Servers.SmallDicom import writeSmallSeries


@pytest.fixture
def aCase(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    with Case.create(tmp_path / "case", "5a" * 32) as case:
        with case.staging("source") as stage:
            writeSmallSeries(stage.folder / "dicom", 2)
            stage.commit()
        yield case


@pytest.fixture
def aPart(aCase):
    """Item of a plain file of the case."""
    with aCase.staging("part") as stage:
        (stage.folder / "part.stl").write_bytes(bytes(range(256)) * 9 + b"!")
        part = stage.commit()
    return itemOf(aCase.path(part, "part.stl"), "part-1/part.stl")


def contentOf(item):
    with item.open() as file:
        return file.read()


def slices(case):
    return [case.path(case.latest("source"), name) for name in case.latest("source").files]


def test_whatGoesInComesOut_andTheItemSaysWhatItIs(aCase, aPart):
    wrapped = wrap(aPart, headerOf(aCase))
    data = contentOf(wrapped)
    assert (wrapped.sha256, wrapped.bytes) == (hashlib.sha256(data).hexdigest(), len(data))
    assert unwrap(data) == ("artefacts/part-1/r1/part.stl", aPart.path.read_bytes())
    assert (wrapped.kind, wrapped.contentSha256, wrapped.name) == ("dicom", aPart.sha256, aPart.name)
    dataset = pydicom.dcmread(io.BytesIO(data))
    told = dataset.SOPInstanceUID, dataset.SeriesInstanceUID, dataset.StudyInstanceUID
    assert told == (wrapped.sopInstanceUid, wrapped.seriesUid, wrapped.studyUid)


@pytest.mark.parametrize("size", [0, 1, 2, (1 << 20) - 1, 3_000_001])
def test_everyLengthIsKept(aCase, tmp_path, size):
    (tmp_path / "file").write_bytes(bytes(size))
    wrapped = wrap(itemOf(tmp_path / "file"), headerOf(aCase))
    assert unwrap(contentOf(wrapped)) == ("file", bytes(size)) and wrapped.bytes % 2 == 0


def test_theSameContentGivesTheSameObject_underWhicheverNameAndLater(aCase, aPart, tmp_path):
    first = wrap(aPart, headerOf(aCase))
    copy = tmp_path / "copy"
    copy.write_bytes(aPart.path.read_bytes())
    with aCase.staging("package") as stage:
        (stage.folder / "copy.stl").write_bytes(aPart.path.read_bytes())
        stage.commit()
    with aCase.staging("source", "source-2") as stage:
        writeSmallSeries(stage.folder / "dicom", 1, seed=9)
        stage.commit()
    again = wrap(itemOf(copy, "package-1/copy.stl"), headerOf(aCase))
    assert (again.sha256, again.sopInstanceUid) == (first.sha256, first.sopInstanceUid)
    other = wrap(itemOf(slices(aCase)[0]), headerOf(aCase))
    assert other.sopInstanceUid != first.sopInstanceUid and other.seriesUid == first.seriesUid


def test_theObjectIsOneOfThePatientsStudy(aCase, aPart, tmp_path):
    path = tmp_path / "wrapped.dcm"
    path.write_bytes(contentOf(wrap(aPart, headerOf(aCase))))
    assert dicomErrors(path) == []
    dataset, image = pydicom.dcmread(path), pydicom.dcmread(slices(aCase)[0])
    for keyword in ("StudyInstanceUID", "PatientID", "PatientName"):
        assert dataset[keyword].value == image[keyword].value
    del dataset.Modality
    dataset.save_as(path)
    assert any("Modality" in line for line in dicomErrors(path)), "the judge sees what is missing"


def test_anObjectThatIsNotWholeIsNone(aCase, aPart):
    data = contentOf(wrap(aPart, headerOf(aCase)))
    flipped = data[:-100] + bytes([data[-100] ^ 1]) + data[-99:]
    for bad in (b"", b"DICM", data[:200], data[:-300], flipped, slices(aCase)[0].read_bytes()):
        with pytest.raises(NotWrapped):
            unwrap(bad)


def test_anArchiveMayHaveWrittenTheObjectAnew(aCase, aPart):
    """What it may change is the header and the transfer syntax; the content is held against its own SHA-256."""
    dataset = pydicom.dcmread(io.BytesIO(contentOf(wrap(aPart, headerOf(aCase)))))
    dataset.PatientName = "Test^Corrected"
    file = io.BytesIO()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    dataset.save_as(file, implicit_vr=True, little_endian=True)
    assert unwrap(file.getvalue())[1] == aPart.path.read_bytes()


def test_whatCannotBeWrappedIsNamed(aCase, aPart, tmp_path):
    huge = Item("0" * 64, None, "huge.nrrd", bytes=(1 << 31) + 1)
    changed = itemOf(aPart.path, sha256="0" * 64)
    gone = Item("0" * 64, tmp_path / "gone", "gone", bytes=1)
    for item, code in ((huge, "too-large-to-wrap"), (changed, "source-changed"), (gone, "source-missing")):
        with pytest.raises(InputRefused) as refusal:
            wrap(item, headerOf(aCase))
        assert refusal.value.code == code
    for path in slices(aCase):
        path.unlink()
    with pytest.raises(GateRefused) as refused:
        headerOf(aCase)
    assert refused.value.code == "no-source-image"


def test_aLargeFileIsNeverHeldInMemory(aCase, tmp_path, monkeypatch):
    asked = []
    read = Wrapping._Joined.readinto

    def watched(self, buffer):
        asked.append(len(buffer))
        return read(self, buffer)

    monkeypatch.setattr(Wrapping._Joined, "readinto", watched)
    (tmp_path / "large").write_bytes(bytes(8 << 20))
    with wrap(itemOf(tmp_path / "large"), headerOf(aCase)).open() as file:
        while file.read(1 << 18):
            pass
    assert len(asked) >= 8 and max(asked) <= 1 << 20
