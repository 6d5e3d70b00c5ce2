"""The outbox as its callers use it: states, what may follow what, due times, pause, and what it says of itself."""

import threading

import pytest
from OutboxMaking import (
    KEYS,
    NOON,
    OTHER_STORE,
    STORE,
    Clock,
    assertSound,
    contentOf,
    makeItem,
    makeItems,
    openOutbox,
    payloadNames,
)  # fmt: skip

from CentralSyncLib.Outbox.Entries import FOLLOWING, STATES
from CentralSyncLib.Outbox.Outbox import (
    DEAD_LETTER,
    FAILED,
    QUEUED,
    SENDING,
    SENT,
    VERIFIED,
    WITHDRAWN,
    Outbox,
)  # fmt: skip
from PlanningHubLib.Errors import Cancelled, GateRefused, UsageError


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def outbox(tmp_path, clock):
    with openOutbox(tmp_path / "outbox", clock) as outbox:
        yield outbox
    assertSound(tmp_path / "outbox")


@pytest.fixture
def items(tmp_path):
    return makeItems(tmp_path / "files")


def statesOf(outbox, store=STORE):
    return [entry.state for entry in outbox.entries(store)]


def test_itemsWaitWithAllThatIsKnownOfThem(outbox, items):
    ids = outbox.enqueue(items, STORE, "case-1", "/cases/one")
    entries = outbox.entries()
    assert [entry.id for entry in entries] == ids
    for entry, item in zip(entries, items, strict=True):
        assert (entry.store, entry.caseId, entry.caseFolder) == (STORE, "case-1", "/cases/one")
        assert (entry.sha256, entry.name, entry.kind, entry.bytes) == (item.sha256, item.name, item.kind, item.bytes)
        assert (entry.sopInstanceUid, entry.state, entry.reason) == (item.sopInstanceUid, QUEUED, "")
        assert (entry.attempts, entry.replaces, entry.changed) == (0, None, "2027-01-15T08:00:00Z")
        assert contentOf(outbox, entry) == item.path.read_bytes()
        assert outbox.itemOf(entry).sha256 == item.sha256 and outbox.itemOf(entry).bytes == item.bytes


def test_fromQueuedToVerifiedWithEachStepOnRecord(outbox, items, clock):
    ids = outbox.enqueue(items, STORE)
    claimed = outbox.claim(STORE, 2)
    assert [entry.id for entry in claimed] == ids[:2] and {entry.state for entry in claimed} == {SENDING}
    clock.now += 60
    outbox.mark(claimed, SENT, ["first", "second"])
    clock.now += 60
    outbox.mark(claimed, VERIFIED, {claimed[0].id: "read back"})
    assert statesOf(outbox) == [VERIFIED, VERIFIED, QUEUED]
    history = outbox.history(ids[0])
    assert [(one["from_"], one["to"], one["reason"]) for one in history] == [
        ("", QUEUED, ""), (QUEUED, SENDING, ""), (SENDING, SENT, "first"), (SENT, VERIFIED, "read back")
    ]  # fmt: skip
    assert [one["when"][11:16] for one in history] == ["08:00", "08:00", "08:01", "08:02"]
    assert all(one["user"] and one["process"] for one in history)
    assert outbox.counts() == {VERIFIED: 2, QUEUED: 1} and outbox.counts(OTHER_STORE) == {}


def test_queuingTwiceIsQueuingOnce(outbox, items):
    ids = outbox.enqueue(items, STORE)
    assert outbox.enqueue([*items, items[0]], STORE) == [*ids, ids[0]]
    outbox.mark(outbox.claim(STORE, 9), VERIFIED)
    assert outbox.enqueue(items, STORE) == ids
    assert statesOf(outbox) == [VERIFIED] * 3 and len(outbox.history(ids[0])) == 3
    # Another store has entries of its own.
    assert not set(outbox.enqueue(items, OTHER_STORE)) & set(ids)
    assert outbox.stores() == sorted([STORE, OTHER_STORE])


def test_scanOfTwoCasesIsSentOnceAndBelongsToBoth(outbox, items):
    ids = outbox.enqueue(items, STORE, "left", "/cases/left")
    outbox.mark(outbox.claim(STORE, 9), VERIFIED)
    assert outbox.enqueue(items[:2], STORE, "right", "/cases/right") == ids[:2]
    assert [entry.id for entry in outbox.entries(caseId="left")] == ids
    found = outbox.entries(STORE, "right", VERIFIED)
    assert [entry.id for entry in found] == ids[:2] == [entry.id for entry in outbox.entries(caseId="right", ids=ids)]
    assert {(entry.caseId, entry.caseFolder) for entry in found} == {("right", "/cases/right")}
    outbox.enqueue(items[:2], STORE, "right", "/moved/right")
    assert {entry.caseFolder for entry in outbox.entries(caseId="right")} == {"/moved/right"}
    assert {entry.caseFolder for entry in outbox.entries()} == {"/cases/left"}
    assert outbox.entries(caseId="another") == []


def test_sameContentUnderTwoIdentitiesIsTwoEntriesAndOnePayload(outbox, tmp_path):
    first, second = (makeItem(tmp_path / "one.bin", b"content", uid) for uid in ("2.25.1", "2.25.2"))
    ids = outbox.enqueue([first, second], STORE)
    assert len(set(ids)) == 2 and payloadNames(outbox.folder) == {first.sha256}
    outbox.mark(outbox.claim(STORE, 1), VERIFIED)
    assert payloadNames(outbox.folder) == {first.sha256}
    outbox.mark(outbox.claim(STORE, 1), VERIFIED)
    assert payloadNames(outbox.folder) == set()


@pytest.mark.parametrize("state", [FAILED, DEAD_LETTER, WITHDRAWN])
def test_whatCameToNothingIsQueuedAnewWithItsNewCase(outbox, items, state):
    ids = outbox.enqueue(items, STORE, "case-1", "/cases/one")
    outbox.postpone(outbox.claim(STORE, 9), "trouble", NOON)
    outbox.mark(outbox.claim(STORE, 9), state, "why")
    assert outbox.enqueue(items, STORE, "case-1", "/moved/one") == ids
    entries = outbox.entries()
    assert {(entry.state, entry.attempts, entry.reason, entry.caseFolder) for entry in entries} == {
        (QUEUED, 0, "", "/moved/one")
    }
    assert all(contentOf(outbox, entry) for entry in entries)


def test_payloadIsKeptUntilNoStoreNeedsIt(outbox, items):
    outbox.enqueue(items, STORE)
    outbox.enqueue(items, OTHER_STORE)
    outbox.mark(outbox.claim(STORE, 9), VERIFIED)
    assert len(payloadNames(outbox.folder)) == 3
    failed, dead, last = outbox.claim(OTHER_STORE, 9)
    outbox.mark([failed], FAILED, "conflict")
    outbox.mark([dead], DEAD_LETTER, "given up")
    outbox.mark([last], VERIFIED)
    # What a person may try again keeps its payload.
    assert payloadNames(outbox.folder) == {failed.sha256, dead.sha256}
    retried = outbox.retry([failed.id, dead.id, last.id])
    assert [(one.id, one.state, one.attempts) for one in retried] == [(failed.id, QUEUED, 0), (dead.id, QUEUED, 0)]
    outbox.withdraw([failed.id], "not wanted")
    assert payloadNames(outbox.folder) == {dead.sha256}


def test_postponedWaitsUntilItIsDue(outbox, items, clock):
    outbox.enqueue(items, STORE)
    late, later = outbox.claim(STORE, 2)
    outbox.postpone([late, later], ["busy", "busier"], [NOON + 60, NOON + 30])
    assert [entry.attempts for entry in outbox.entries(ids=[late.id, later.id])] == [1, 1]
    # New ones first, then those that waited longest.
    assert len(outbox.claim(STORE, 9)) == 1
    clock.now = NOON + 29
    assert outbox.claim(STORE, 9) == [] == outbox.claim(STORE, 9, [late.id])
    clock.now = NOON + 60
    assert [entry.id for entry in outbox.claim(STORE, 9)] == [later.id, late.id]


@pytest.mark.parametrize("ids", [None, "given"])
@pytest.mark.parametrize("jump", [-40, -3600, -10 * 365 * 86400, 3600])
def test_clockThatJumpsHoldsNothingUp(outbox, items, clock, jump, ids):
    made = outbox.enqueue(items, STORE)
    outbox.postpone(outbox.claim(STORE, 2), "busy", NOON + 60)
    clock.now = NOON + jump
    assert len(outbox.claim(STORE, 9, made if ids else None)) == 3


@pytest.mark.parametrize("ids", [None, "given"])
def test_dueTimeFromAWrongClockCountsAsNow(outbox, items, ids):
    made = outbox.enqueue(items, STORE)
    outbox.mark(outbox.claim(STORE, 9), QUEUED, "", due=NOON + 10 * 365 * 86400)
    assert len(outbox.claim(STORE, 9, made if ids else None)) == 3


def test_onlyTheGivenOnesAreClaimed(outbox, tmp_path):
    ids = outbox.enqueue(makeItems(tmp_path / "many", 30), STORE)
    assert [entry.id for entry in outbox.claim(STORE, 5, [ids[7]])] == [ids[7]]
    assert [entry.id for entry in outbox.claim(STORE, 5, set(ids[10:]))] == ids[10:15]
    assert outbox.claim(OTHER_STORE, 5, ids) == []


def test_pausedStoreGivesNothingUntilResumed(outbox, items, tmp_path, clock):
    outbox.enqueue(items, STORE)
    outbox.enqueue(items, OTHER_STORE)
    outbox.pause(STORE)
    assert outbox.isPaused(STORE) and not outbox.isPaused(OTHER_STORE) and not outbox.isPaused()
    assert outbox.claim(STORE, 9) == [] and len(outbox.claim(OTHER_STORE, 1)) == 1
    with openOutbox(outbox.folder, clock) as other:
        other.pause()
    assert outbox.isPaused() and outbox.claim(OTHER_STORE, 9) == []
    outbox.resume(STORE)
    assert outbox.isPaused(STORE), "all are still paused"
    outbox.resume()
    assert len(outbox.claim(STORE, 9)) == 3


def test_otherTransitionsAreRefusedAndNothingOfTheCallIsDone(outbox, items):
    outbox.enqueue(items, STORE)
    claimed = outbox.claim(STORE, 2)
    outbox.mark(claimed[1:], VERIFIED)
    with pytest.raises(UsageError) as caught:
        outbox.mark(claimed, SENT)
    assert caught.value.code == "wrong-transition"
    assert statesOf(outbox) == [SENDING, VERIFIED, QUEUED]
    with pytest.raises(UsageError):
        outbox.mark(outbox.entries(states=QUEUED), SENDING)


def test_everyStateIsNamedInTheTableOfWhatFollows():
    assert set(FOLLOWING) == {"", *STATES}
    assert {after for following in FOLLOWING.values() for after in following} == set(STATES)


def test_whatAnotherProcessSendsIsLeftToIt(outbox, items, clock):
    outbox.enqueue(items, STORE)
    with openOutbox(outbox.folder, clock) as other:
        held = other.claim(STORE, 2)
        with pytest.raises(GateRefused) as caught:
            outbox.mark(held, VERIFIED)
        assert caught.value.code == "entry-held"
        assert outbox.withdraw([entry.id for entry in held], "cancelled") == []
        assert len(outbox.claim(STORE, 9)) == 1
    # Ended without marking them: they wait again.
    assert [entry.id for entry in outbox.claim(STORE, 9)] == [entry.id for entry in held]
    assert outbox.history(held[0].id)[-2]["reason"] == "Sending was ended before it was through."


def test_whatADeadProcessHeldIsWhoeverMarksItsOwn(outbox, items, clock):
    """Marked before the next claim has put it back, as a scrub may do it."""
    outbox.enqueue(items, STORE)
    other = openOutbox(outbox.folder, clock)
    held = other.claim(STORE, 1)
    other._owner.end()
    outbox.mark(held, SENT, "seen in the store")
    assert outbox.claim(STORE, 9, [held[0].id]) == [] and statesOf(outbox)[0] == SENT
    outbox.mark(held, VERIFIED)
    other.close()
    assert statesOf(outbox)[0] == VERIFIED


def test_withdrawnOnesDoNotLeave(outbox, items):
    ids = outbox.enqueue(items, STORE)
    mine = outbox.claim(STORE, 1)
    outbox.mark(outbox.claim(STORE, 1), VERIFIED)
    withdrawn = outbox.withdraw(ids, "cancelled")
    assert [entry.id for entry in withdrawn] == [mine[0].id, ids[2]]
    assert {entry.reason for entry in withdrawn} == {"cancelled"}
    assert statesOf(outbox) == [WITHDRAWN, VERIFIED, WITHDRAWN] and outbox.claim(STORE, 9) == []


def test_whatIsLostAtTheStoreIsQueuedAnew(outbox, items):
    """As a scrub does it: verified again, or found lost and taken from the case again."""
    ids = outbox.enqueue(items, STORE)
    outbox.mark(outbox.claim(STORE, 9), VERIFIED)
    outbox.mark(outbox.entries(ids=ids[:1]), VERIFIED, "scrub")
    outbox.mark(outbox.entries(ids=ids[1:]), FAILED, "no longer in the store")
    outbox.enqueue(items, STORE)
    assert statesOf(outbox) == [VERIFIED, QUEUED, QUEUED]


def test_replacementNamesTheEntryItStandsInFor(outbox, items, tmp_path):
    corrupt = outbox.enqueue(items[:1], STORE)[0]
    new = makeItem(tmp_path / "new.bin", b"same image, new identity", "2.25.9")
    made = outbox.enqueue([new], STORE, replaces={new.sha256: corrupt})
    assert [entry.replaces for entry in outbox.entries(ids=made)] == [corrupt]


def test_standInsAreFoundWithWhatTheyStandInFor(outbox, items, tmp_path):
    ids = outbox.enqueue(items, STORE)
    assert outbox.standIns(STORE) == []
    new, newer = (makeItem(tmp_path / name, name.encode(), f"2.25.{len(name)}") for name in ("new", "newer"))
    first = outbox.enqueue([new], STORE, replaces={new.sha256: ids[1]})[0]
    second = outbox.enqueue([newer], STORE, replaces={newer.sha256: first})[0]
    assert [entry.id for entry in outbox.standIns(STORE)] == [ids[1], first, second]
    assert outbox.standIns(OTHER_STORE) == []


def test_whatWasProvenLastIsFound(outbox, items, clock):
    outbox.enqueue(items, STORE)
    assert outbox.newest(STORE, VERIFIED) is None
    first, second, third = outbox.claim(STORE, 9)
    before = outbox.entries()[0].changed
    for entry in (second, first):
        clock.now += 60
        outbox.mark([entry], VERIFIED)
    assert outbox.newest(STORE, VERIFIED).id == first.id
    assert not outbox.hasArrivedSince(STORE, before), "found there, not sent"
    clock.now += 60
    outbox.mark([third], SENT)
    outbox.mark([third], VERIFIED)
    assert outbox.hasArrivedSince(STORE, before) and not outbox.hasArrivedSince(OTHER_STORE, before)
    assert not outbox.hasArrivedSince(STORE, outbox.newest(STORE, VERIFIED).changed)
    assert outbox.bytesOf() == {VERIFIED: sum(item.bytes for item in items)}


def test_cancelledQueuingLeavesNothing(outbox, tmp_path):
    def cancelInTheMiddle(fraction, _text):
        if fraction > 0.4:
            raise Cancelled()

    with pytest.raises(Cancelled):
        outbox.enqueue(makeItems(tmp_path / "many", 40, 60_000), STORE, progress=cancelInTheMiddle)
    assert outbox.entries() == [] and payloadNames(outbox.folder) == set()


def test_threadsShareOneOutbox(outbox, tmp_path):
    """Each queues ten of its own and ten that all have, and drains what it gets: every entry is handled once."""
    shared = makeItems(tmp_path / "shared", 10)
    handled, errors = [], []

    def use(number):
        try:
            own = makeItems(tmp_path / f"own{number}", 10, name=f"thread {number}")
            outbox.enqueue(own + shared, STORE)
            while claimed := outbox.claim(STORE, 3):
                handled.extend(entry.id for entry in claimed)
                assert all(contentOf(outbox, entry) for entry in claimed)
                outbox.mark(claimed, VERIFIED)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(handled) == [entry.id for entry in outbox.entries()] and len(handled) == 50
    assert outbox.counts() == {VERIFIED: 50}


def test_thisWorkstationsOutbox(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("PLANNINGHUB_OUTBOX", raising=False)
    with Outbox.forThisWorkstation() as outbox:
        assert outbox.folder == tmp_path / "home" / "outbox"
        assert outbox.folder.stat().st_mode & 0o777 == 0o700
    monkeypatch.setenv("PLANNINGHUB_OUTBOX", str(tmp_path / "elsewhere"))
    with Outbox.forThisWorkstation() as outbox:
        assert outbox.folder == tmp_path / "elsewhere"
    from CentralSyncLib.Outbox.Opening import workstationFolder

    monkeypatch.delenv("PLANNINGHUB_OUTBOX")
    monkeypatch.delenv("PLANNINGHUB_HOME")
    assert workstationFolder() == tmp_path / "state" / "planninghub" / "outbox"


def test_closingTwiceDoesNothing(tmp_path):
    outbox = Outbox(tmp_path / "outbox", KEYS)
    outbox.close()
    outbox.close()
    assert not list((tmp_path / "outbox" / "owners").iterdir())
