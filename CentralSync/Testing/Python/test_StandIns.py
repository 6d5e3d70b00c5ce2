"""What stands in for an object of which the archive keeps a corrupt copy, through the outbox and a real Orthanc."""

import io

import pydicom
import pytest

from CentralSyncLib.Items import itemOf
from CentralSyncLib.Outbox.Health import healthOf
from CentralSyncLib.Outbox.Outbox import FAILED, VERIFIED, Outbox
from CentralSyncLib.Outbox.Push import Push
from CentralSyncLib.Records.Wrapping import NotWrapped, unwrap
from CentralSyncLib.Results import SyncResult
from CentralSyncLib.Stores.Addresses import openStore
from PlanningHubLib.Files import sha256Bytes
from PlanningHubLib.Secrets import KeyRing
from Servers.FaultProxy import FaultProxy
from Servers.OrthancServer import OrthancServer, whyNoOrthanc
from Servers.SmallDicom import writeSmallSeries


@pytest.fixture(scope="module")
def orthanc():
    if whyNoOrthanc():
        pytest.skip(whyNoOrthanc())
    with OrthancServer() as server:
        yield server


@pytest.fixture
def outbox(tmp_path):
    with Outbox(tmp_path / "outbox", KeyRing(b"k" * 32)) as made:
        yield made


def seriesOf(folder, seed):
    return [itemOf(path) for path in writeSmallSeries(folder / "series", 4, kilobytes=1, seed=seed)]


def push(outbox, store, items):
    pushing = Push(outbox, store, "case", "", 20)
    return SyncResult(tuple(pushing.push(items)), alarms=tuple(pushing.alarms))


def flipAPixel(proxy, item):
    """Let the network flip a bit of this object's pixels, the first time that it is sent."""
    passOn, pixels, done = proxy._passOn, item.path.read_bytes()[-64:], []

    def flipped(request):
        if request.startswith(b"POST") and pixels in request and not done:
            done.append(True)
            request = request.replace(pixels, bytes([pixels[0] ^ 1]) + pixels[1:])
        return passOn(request)

    proxy._passOn = flipped


def contentsIn(orthanc):
    found = set()
    for data in orthanc.storedBytes():
        try:
            found.add(sha256Bytes(unwrap(data)[1]))
        except NotWrapped:
            continue
    return found


def assertStoodInFor(result, item, orthanc):
    (standIn,) = [one for one in result.items if one.replaces]
    assert standIn.replaces == (item.sha256, item.sopInstanceUid) and standIn.state == VERIFIED
    assert standIn.asDict()["replaces"] == {"sha256": item.sha256, "sop_instance_uid": item.sopInstanceUid}
    assert [alarm.code for alarm in result.alarms] == ["store-copy-corrupt"] == [
        alarm["code"] for alarm in result.asDict()["alarms"]
    ]
    # The original bytes and the note that rejects the corrupt copy came along, and are not in its place.
    assert result.complete and len(result.items) == 6 and result.items.index(standIn) < 4
    kept = {sha256Bytes(data): data for data in orthanc.storedBytes()}
    assert all(one.sha256 in kept for one in result.items) and item.sha256 not in kept
    assert item.sha256 in contentsIn(orthanc)
    there, was = pydicom.dcmread(io.BytesIO(kept[standIn.sha256])), pydicom.dcmread(item.path)
    assert there.PixelData == was.PixelData and there.SOPInstanceUID != was.SOPInstanceUID


def test_aCopyThatWentWrongOnTheWayIsStoodInFor_andStaysAsItIs(orthanc, outbox, tmp_path, caplog):
    items = seriesOf(tmp_path, 31)
    with FaultProxy(orthanc.httpPort, rate=0.0) as proxy:
        flipAPixel(proxy, items[1])
        store = openStore(proxy.address)
        result = push(outbox, store, items)
        assertStoodInFor(result, items[1], orthanc)
        assert "corrupt copy" in caplog.text and items[1].sopInstanceUid in caplog.text
        assert healthOf(outbox, store.address).alarms == 1
        (entry,) = [one for one in outbox.entries() if one.sha256 == items[1].sha256]
        assert entry.state == FAILED and "3 other objects stand in for it" in entry.reason
        # Again: the same objects, nothing new, and it is said again.
        before = len(orthanc.instances())
        again = push(outbox, store, items)
        assert len(orthanc.instances()) == before
        assert {one.sha256 for one in again.items} == {one.sha256 for one in result.items}
        assertStoodInFor(again, items[1], orthanc)


def test_anObjectThatADamagedCopyInAnotherSeriesHidesIsStoodInFor(orthanc, outbox, tmp_path):
    items = seriesOf(tmp_path, 32)[:3]
    stray = pydicom.dcmread(items[2].path)
    stray.SeriesInstanceUID = "2.25.99"
    stray.save_as(tmp_path / "stray.dcm")
    store = openStore(orthanc.address)
    store.send([itemOf(tmp_path / "stray.dcm")], lambda fraction, text: None)
    # Together the series gives them all back; alone, this archive finds two of that UID and gives none.
    result = push(outbox, store, items[2:])
    (standIn,) = [one for one in result.items if one.replaces]
    assert standIn.replaces[0] == items[2].sha256 and result.complete and "in another series" in standIn.reason
    assert items[2].sha256 in contentsIn(orthanc)


def test_whatOthersKeepUnderOurUidIsAConflictAndNoAlarm(orthanc, outbox, tmp_path):
    items = seriesOf(tmp_path, 33)
    other = pydicom.dcmread(items[0].path)
    other.PatientName, other.SeriesDescription = "Somebody^Else", "Something else"
    other.save_as(tmp_path / "other.dcm")
    store = openStore(orthanc.address)
    store.send([itemOf(tmp_path / "other.dcm")], lambda fraction, text: None)
    result = push(outbox, store, items)
    assert [one.state for one in result.items] == [FAILED, VERIFIED, VERIFIED, VERIFIED] and result.alarms == ()
    assert result.items[0].reason.startswith("Conflict, nothing was sent") and outbox.counts() == {
        FAILED: 1, VERIFIED: 3,
    }  # fmt: skip
