"""The scrub on a folder store: what is rotten, gone or lost is found, sent again from the case, or loudly named."""

import datetime
import json
import shutil

import pytest
from UpkeepFixtures import Upkeep, codes

from CentralSyncLib.Items import itemOf, itemsOf
from CentralSyncLib.Outbox.Outbox import FAILED, VERIFIED, WITHDRAWN, Outbox
from CentralSyncLib.Stores.CentralStore import UNREACHED, Answer
from CentralSyncLib.Stores.FolderStore import FolderStore
from PlanningHubLib.Errors import Cancelled
from PlanningHubLib.Secrets import KeyRing

DAY = datetime.timedelta(days=1)


def placeOf(upkeep, name):
    (entry,) = [entry for entry in upkeep.outbox.entries() if entry.name == name]
    return upkeep.store.objectPath(entry.sha256)


def test_aWholeStoreIsSaidToBeWhole_andTheNextScrubIsDueAMonthLater(kept):
    report = kept.scrub()
    sizes = sum(entry.bytes for entry in kept.outbox.entries())
    assert (report.registered, report.checked, report.whole, report.bytesRead) == (6, 6, 6, sizes)
    assert report.exitCode == 0 and report.findings == [] and report.missed == ()
    (last,) = {entry.changed for entry in kept.outbox.entries()}
    due = datetime.datetime.fromisoformat(last) + 30 * DAY
    assert report.nextDue == due.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_aFlippedByteIsFound_andReplacedFromTheCase(kept):
    path = placeOf(kept, "part-1/part.stl")
    data = path.read_bytes()
    path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    report = kept.scrub()
    (missed,) = report.missed
    assert (missed.name, missed.asDict()["found"], missed.state) == ("part-1/part.stl", "rotten", "repaired")
    assert report.exitCode == 0 and codes(report) == ["store-copy-corrupt"]
    assert path.read_bytes() == data and len(list((kept.store.folder / "damaged").iterdir())) == 1
    assert kept.scrub().findings == []


def test_aDeletedObjectIsSentAgain(kept):
    placeOf(kept, "source-1/dicom/00002.dcm").unlink()
    report = kept.scrub()
    assert [(one.name, one.state) for one in report.missed] == [("source-1/dicom/00002.dcm", "repaired")]
    assert report.exitCode == 0 and codes(report) == ["store-object-missing"]
    assert placeOf(kept, "source-1/dicom/00002.dcm").is_file() and set(kept.states().values()) == {VERIFIED}


def test_withoutALocalCopyTheLossIsLoud_everyTime_untilItIsAccepted(kept):
    name = "segmentation-1/bone.seg.nrrd"
    placeOf(kept, name).unlink()
    kept.case.path(kept.case.latest("segmentation"), "bone.seg.nrrd").write_bytes(b"something else")
    for _time in range(2):
        report = kept.scrub()
        assert report.exitCode == 6 and report.count("lost") == 1
        assert codes(report)[0] == "no-local-copy" and report.findings[0].files == (name,)
        assert "LOST 1" in report.text() and kept.states()[name] == FAILED
    (entry,) = kept.outbox.entries(states=[FAILED])
    kept.outbox.withdraw([entry.id], "accepted")
    assert kept.scrub().exitCode == 0 and kept.states()[name] == WITHDRAWN


def test_whatWasLostAndIsThereAgainIsVerifiedAgain(kept):
    name = "segmentation-1/bone.seg.nrrd"
    path, local = placeOf(kept, name), kept.case.path(kept.case.latest("segmentation"), "bone.seg.nrrd")
    data = path.read_bytes()
    path.unlink()
    local.unlink()
    assert kept.scrub().exitCode == 6
    path.write_bytes(data)
    report = kept.scrub(onlyDue=True)
    assert report.exitCode == 0 and report.checked == 1 and kept.states()[name] == VERIFIED


def test_aCaseOfWhichNothingIsLeftIsNamed(kept):
    shutil.rmtree(kept.store.folder / "objects")
    report = kept.scrub()
    assert report.count("repaired") == 6 and report.exitCode == 0
    assert "store-study-gone" in codes(report) and len(report.gone) == 2


def test_theListOfACaseBelongsToIt(kept):
    for path in kept.store.snapshots(kept.case.caseId):
        path.write_text("{")
    report = kept.scrub()
    assert report.exitCode == 6 and codes(report) == ["store-list-missing"]


def test_anOlderCopyOfTheStoreIsRecognized(kept, tmp_path):
    shutil.copytree(kept.store.folder, tmp_path / "backup")
    with kept.case.staging("part", "part-2") as stage:
        for number in range(2):
            (stage.folder / f"guide{number}.stl").write_bytes(b"guide %d" % number)
        stage.commit()
    known = {entry.sha256 for entry in kept.outbox.entries()}
    kept.push([item for item in itemsOf(kept.case) if item.sha256 not in known])
    assert len(kept.outbox.entries(states=[VERIFIED])) == 8
    shutil.rmtree(kept.store.folder)
    shutil.copytree(tmp_path / "backup", kept.store.folder)
    report = kept.scrub()
    assert report.count("repaired") == 2 and "store-rolled-back" in codes(report) and report.exitCode == 0


def test_aStoreThatIsAwayCostsNothing(kept, tmp_path):
    before = kept.states()
    away = FolderStore(tmp_path / "not" / "mounted")
    away.address = kept.store.address
    report = Upkeep(away, kept.outbox, kept.case).scrub()
    assert report.exitCode == 5 and codes(report) == ["scrub-unfinished"] and report.checked == 0
    assert kept.states() == before


def test_aStoreThatFallsSilentIsNotAskedOn(kept, monkeypatch):
    monkeypatch.setattr("CentralSyncLib.Upkeep.Scrub.CHUNK_ITEMS", 1)
    asked = []

    def silent(items, progress):
        asked.append(items)
        return {item.sha256: Answer(UNREACHED, "It fell silent.") for item in items}

    monkeypatch.setattr(kept.store, "check", silent)
    report = kept.scrub()
    assert len(asked) == 1 and report.unreached == "It fell silent." and report.exitCode == 5


def test_onlyWhatIsDueIsRead_andAClockThatWasPutBackPutsNothingOff(kept):
    now = datetime.datetime.now(datetime.UTC)
    assert kept.scrub(onlyDue=True, now=now + 29 * DAY).checked == 0
    assert kept.scrub(onlyDue=True, now=now + 31 * DAY).checked == 6
    assert kept.scrub(onlyDue=True, now=now - 400 * DAY).checked == 6


def test_whatIsGoneMakesTheRestOfItsStudyBeLookedAt(kept):
    for name in ("source-1/dicom/00001.dcm", "source-1/dicom/00003.dcm"):
        placeOf(kept, name).unlink()
    (first,) = [entry for entry in kept.outbox.entries() if entry.name.endswith("00001.dcm")]
    kept.outbox.mark([first], FAILED, "seen missing before")
    report = kept.scrub(onlyDue=True)
    assert {one.name[-9:] for one in report.missed} == {"00001.dcm", "00003.dcm"} and report.checked == 3


@pytest.fixture
def keptYesterday(pastSeconds, request):
    pastSeconds[0] = DAY.total_seconds()
    kept = request.getfixturevalue("kept")
    pastSeconds[0] = 0.0
    return kept


def test_aCancelledScrubGoesOnWhereItStopped(keptYesterday, monkeypatch):
    monkeypatch.setattr("CentralSyncLib.Upkeep.Scrub.CHUNK_ITEMS", 1)

    def cancelLate(fraction, text):
        if fraction > 0.4:
            raise Cancelled()

    with pytest.raises(Cancelled):
        keptYesterday.scrub(progress=cancelLate, now=datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1))
    report = keptYesterday.scrub()
    assert 0 < report.checked < 6 and report.resumedFrom
    assert keptYesterday.scrub().checked == 6, "that one had ended"


def test_anUnfinishedScrubOfLastMonthIsNotTakenUp(kept):
    def cancel(fraction, text):
        raise Cancelled()

    with pytest.raises(Cancelled):
        kept.scrub(progress=cancel, now=datetime.datetime.now(datetime.UTC) - 30 * DAY)
    report = kept.scrub()
    assert report.checked == 6 and not report.resumedFrom


def test_whatOnlyAReceiptNamesIsLookedForToo(kept, tmp_path):
    receipt = {"items": [{"sha256": entry.sha256, "sopInstanceUid": entry.sopInstanceUid, "name": entry.name}
                         for entry in kept.outbox.entries()]}  # fmt: skip
    with kept.case.staging("receipt") as stage:
        (stage.folder / "receipt.json").write_text(json.dumps(receipt))
        stage.commit(parameters={"store": kept.store.description})
    placeOf(kept, "part-1/part.stl").unlink()
    with Outbox(tmp_path / "empty", KeyRing.forThisInstallation()) as empty:
        other = Upkeep(kept.store, empty, kept.case)
        assert other.scrub().registered == 0
        report = other.scrub(caseFolders=[kept.case.folder])
        assert report.checked == 6 and [one.state for one in report.missed] == ["repaired"]
        assert placeOf(kept, "part-1/part.stl").is_file()


def test_anOlderAuditLogIsTheBeginningOfTodays(kept):
    log = kept.case.folder / "audit.log"
    (entry,) = kept.push([itemOf(log, "audit.log")])
    kept.case.record("note", {})
    kept.store.objectPath(entry.sha256).unlink()
    report = kept.scrub()
    assert [(one.name, one.state) for one in report.missed] == [("audit.log", "repaired")]


def test_whatAnotherProcessSendsAgainMeanwhileIsLeftToIt(kept, monkeypatch):
    name = "part-1/part.stl"
    placeOf(kept, name).unlink()
    (entry,) = [one for one in kept.outbox.entries() if one.name == name]
    kept.outbox.mark([entry], FAILED, "seen missing before")
    (item,) = [item for item in itemsOf(kept.case) if item.name == name]
    check = kept.store.check
    with Outbox(kept.outbox.folder, KeyRing.forThisInstallation()) as other:

        def checkWhileOthersSend(items, progress):
            ids = other.enqueue([item], kept.store.address, kept.case.caseId, str(kept.case.folder))
            other.claim(kept.store.address, 1, ids)
            return check(items, progress)

        monkeypatch.setattr(kept.store, "check", checkWhileOthersSend)
        report = kept.scrub()
    assert [(one.name, one.state) for one in report.missed] == [(name, "waiting")] and report.exitCode == 5
    assert report.whole == 5 and kept.states()[name] == "queued"


def test_theReportNamesEverything_asTextAndAsJson(kept, tmp_path):
    placeOf(kept, "part-1/part.stl").unlink()
    report = kept.scrub()
    report.write(tmp_path / "report.json")
    report.write(tmp_path / "report.txt")
    values = json.loads((tmp_path / "report.json").read_text())
    assert (values["checked"], values["verified"], values["repaired"], values["lost"]) == (6, 6, 1, 0)
    assert values["items"][0]["name"] == "part-1/part.stl" and values["next_due"] == report.nextDue
    text = (tmp_path / "report.txt").read_text()
    assert "store-object-missing" in text and "part-1/part.stl" in text and report.nextDue in text
