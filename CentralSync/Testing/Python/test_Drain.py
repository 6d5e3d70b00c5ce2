"""The drain: what waits for a store that fails, what speaks against an object, and what stops the others: nothing."""

import collections
import json

import pytest
from Clocks import LeapingClock

from CentralSyncLib.Items import itemOf
from CentralSyncLib.Outbox.Backoff import LONGEST_SECONDS, MOST_ASKED_SECONDS, Breaker, backoffSeconds
from CentralSyncLib.Outbox.Drain import Drain
from CentralSyncLib.Outbox.Outbox import DEAD_LETTER, FAILED, QUEUED, SENT, VERIFIED, WITHDRAWN, Outbox
from CentralSyncLib.Outbox.Push import Push
from CentralSyncLib.Results import QUEUED as SHOWN_QUEUED
from CentralSyncLib.Stores.CentralStore import ABSENT, CONFLICT, REFUSED, SAME, UNFIT, UNREACHED, Answer
from CentralSyncLib.Stores.CentralStore import SENT as TAKEN
from PlanningHubLib.Case import Case
from PlanningHubLib.Consent import recordConsent, withdrawConsent
from PlanningHubLib.Errors import Cancelled
from PlanningHubLib.Secrets import KeyRing


class MemoryStore:
    """A store that can be told to fail. ``trouble`` maps an item's name to what its sending comes to."""

    address, description, keepsWholeCase = "/store", "a store in memory", True

    def __init__(self):
        self.kept, self.sendings, self.trouble = {}, [], {}
        self.reachable, self.full, self.waitSeconds = True, False, 0.0
        self.down = 0

    def declines(self, item):
        return ""

    def keepsElsewhere(self, item):
        return False

    def check(self, items, progress):
        progress(0.0, "Reading back")
        if self.down:
            # Somebody starts it again before it is asked the fourth time.
            self.down -= 1
        if not self.reachable or self.down:
            return {item.sha256: Answer(UNREACHED, "The store is down.", self.waitSeconds) for item in items}
        return {item.sha256: self._check(item) for item in items}

    def _check(self, item):
        kept = self.kept.get(item.sha256)
        return Answer(ABSENT) if kept is None else kept

    def send(self, items, progress):
        progress(0.0, "Sending")
        self.sendings.append([item.name for item in items])
        if self.full:
            return {item.sha256: Answer(TAKEN, "The store answered 200.") for item in items}
        answers = {}
        for item in items:
            answers[item.sha256] = self._send(item, [one.name for one in items])
        progress(1.0, "Sending")
        return answers

    def _send(self, item, names):
        if self.down or "kills" in {self.trouble.get(name) for name in names}:
            self.down = self.down or 4
            return Answer(UNREACHED, "The connection was lost.")
        trouble = self.trouble.get(item.name)
        if trouble in ("refused", "vanishes", "breaks off"):
            outcome = {"refused": REFUSED, "vanishes": TAKEN, "breaks off": UNREACHED}[trouble]
            return Answer(outcome, f"It {trouble}.")
        if trouble == "unfit":
            return Answer(UNFIT, "The copy in the queue changed.")
        with item.open() as file:
            assert len(file.read()) == item.bytes
        self.kept[item.sha256] = Answer(CONFLICT, "Other bytes.") if trouble == "corrupt" else Answer(SAME)
        return Answer(TAKEN, "The store answered 200.")


@pytest.fixture
def timer():
    return LeapingClock()


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def outbox(tmp_path, timer):
    with Outbox(tmp_path / "outbox", KeyRing(b"k" * 32), timer.time) as made:
        yield made


@pytest.fixture
def items(tmp_path):
    return makeItems(tmp_path, 12)


def makeItems(folder, count):
    made = []
    for number in range(count):
        path = folder / f"{number}.bin"
        path.write_bytes(f"content {number}".encode())
        made.append(itemOf(path))
    return made


def drain(outbox, store, timer, patienceSeconds=0.0, ids=None, progress=lambda fraction, text: None):
    return Drain(outbox, store, timer, lambda: 1.0).drain(ids, patienceSeconds, progress)


def states(outbox):
    return [entry.state for entry in outbox.entries()]


def stateOf(outbox, name):
    (entry,) = [entry for entry in outbox.entries() if entry.name == name]
    return entry.state, entry.reason


def test_everyObjectIsSentTogetherAndProven(outbox, store, timer, items):
    ids = outbox.enqueue(items, store.address)
    assert drain(outbox, store, timer).reason == ""
    assert states(outbox) == [VERIFIED] * 12 and len(store.sendings) == 1
    steps = [(one["from_"], one["to"]) for one in outbox.history(ids[0])]
    assert steps == [("", QUEUED), (QUEUED, "sending"), ("sending", SENT), (SENT, VERIFIED)]


def test_whatTheStoreHasIsNotSent(outbox, store, timer, items):
    store.kept[items[3].sha256] = Answer(SAME)
    outbox.enqueue(items, store.address)
    drain(outbox, store, timer)
    assert states(outbox) == [VERIFIED] * 12 and items[3].name not in store.sendings[0]


def test_storeThatIsDownForADayCostsNoObjectAnAttempt(outbox, store, timer, items):
    outbox.enqueue(items, store.address)
    store.reachable, timer.leap = False, 250.0
    begin = timer.now
    assert "down" in drain(outbox, store, timer, 24 * 3600).reason
    assert timer.now - begin > 23 * 3600 and store.sendings == []
    assert {(entry.state, entry.attempts, entry.reason) for entry in outbox.entries()} == {
        (QUEUED, 0, "The store is down.")
    }
    store.reachable = True
    assert drain(outbox, store, timer, LONGEST_SECONDS).reason == "" and states(outbox) == [VERIFIED] * 12


def test_withoutPatienceAStoreIsAskedOnce(outbox, store, timer, items):
    outbox.enqueue(items, store.address)
    store.reachable, begin = False, timer.now
    drain(outbox, store, timer)
    assert timer.now == begin and states(outbox) == [QUEUED] * 12


def test_storeIsLeftAloneAsLongAsItAsks(outbox, store, timer, items):
    outbox.enqueue(items, store.address)
    store.reachable, store.waitSeconds = False, 120.0
    asked, check = [], store.check
    store.check = lambda *arguments: asked.append(timer.now) or check(*arguments)
    drain(outbox, store, timer, 400)
    assert len(asked) == 4 and min(later - sooner for sooner, later in zip(asked, asked[1:], strict=False)) >= 120


def test_fullStoreThatSaysItTookEverythingCostsNobodyHisPlace(outbox, store, timer, items):
    outbox.enqueue(items, store.address)
    store.full, timer.leap = True, 250.0
    drain(outbox, store, timer, 4 * 3600)
    assert set(states(outbox)) == {QUEUED}
    assert {name for names in store.sendings for name in names} == {item.name for item in items}
    assert all("does not keep it" in entry.reason and entry.attempts <= 1 for entry in outbox.entries())
    store.full = False
    drain(outbox, store, timer, 3600)
    assert set(states(outbox)) == {VERIFIED}


@pytest.mark.parametrize(
    ("trouble", "words", "most"),
    [("kills", "stopped answering", 5), ("refused", "It refused", 5), ("vanishes", "does not keep it", 100),
     ("breaks off", "It breaks off", 100)],
)  # fmt: skip
def test_poisonIsFoundGivenUpAndStopsNothingElse(outbox, store, timer, items, trouble, words, most):
    outbox.enqueue(items, store.address)
    store.trouble = {"5.bin": trouble}
    while QUEUED in states(outbox):
        # Somebody starts a store that was killed; others keep on working.
        drain(outbox, store, timer, LONGEST_SECONDS)
        timer.now += 1
        if stateOf(outbox, "5.bin")[0] != DEAD_LETTER:
            outbox.enqueue(makeItems(outbox.folder.parent, len(states(outbox)) + 1)[-1:], store.address)
        assert len(store.sendings) < 200
    state, reason = stateOf(outbox, "5.bin")
    assert state == DEAD_LETTER and "Given up after" in reason
    assert set(states(outbox)) == {DEAD_LETTER, VERIFIED} and states(outbox).count(DEAD_LETTER) == 1
    sent = [names for names in store.sendings if "5.bin" in names]
    assert 1 < len(sent) <= most and all(names == ["5.bin"] for names in sent[1:])
    assert words in " ".join(one["reason"] for one in outbox.history(6))


def test_poisonIsFoundOverRestartsToo(outbox, store, timer, items):
    outbox.enqueue(items, store.address)
    store.trouble = {"5.bin": "kills"}
    for _start in range(30):
        store.down = 0
        drain(outbox, store, timer)
        timer.now += LONGEST_SECONDS
    assert stateOf(outbox, "5.bin")[0] == DEAD_LETTER and states(outbox).count(VERIFIED) == 11
    assert sum("5.bin" in names for names in store.sendings) <= 5


def test_whatWasGivenUpBeginsAnewWhenAPersonSaysSo(outbox, store, timer, items):
    ids = outbox.enqueue(items, store.address)
    store.trouble = {"5.bin": "refused"}
    drain(outbox, store, timer, 3600)
    assert stateOf(outbox, "5.bin")[0] == DEAD_LETTER
    outbox.retry([ids[5]])
    drain(outbox, store, timer)
    assert stateOf(outbox, "5.bin")[0] == QUEUED
    store.trouble = {}
    drain(outbox, store, timer, 3600)
    assert stateOf(outbox, "5.bin")[0] == VERIFIED


def test_aConflictIsReadSeveralTimesBeforeItCounts(outbox, store, timer, items):
    outbox.enqueue(items, store.address)
    store.kept[items[1].sha256] = Answer(CONFLICT, "Other bytes.")
    store.kept[items[2].sha256] = Answer(CONFLICT, "Other bytes.")
    reads, look = collections.Counter(), store._check

    def flipped(item):
        reads[item.name] += 1
        return Answer(SAME) if (item.name, reads[item.name]) == ("2.bin", 2) else look(item)

    store._check = flipped
    drain(outbox, store, timer)
    assert stateOf(outbox, "1.bin")[0] == FAILED and reads["1.bin"] == 4
    assert "nothing was sent" in stateOf(outbox, "1.bin")[1]
    assert stateOf(outbox, "2.bin")[0] == VERIFIED and states(outbox).count(VERIFIED) == 11


def test_aCopyThatChangedInTheQueueFailsByName(outbox, store, timer, items):
    outbox.enqueue(items, store.address)
    store.trouble = {"0.bin": "unfit"}
    drain(outbox, store, timer)
    assert stateOf(outbox, "0.bin") == (FAILED, "The copy in the queue changed.")


def test_anArchiveThatOnlySaysItHasItIsNeverProof(outbox, store, timer, items):
    outbox.enqueue(items[:1], store.address)
    store.kept[items[0].sha256] = Answer(TAKEN, "Committed; it cannot be read back.")
    assert drain(outbox, store, timer, 60).reason
    (entry,) = outbox.entries()
    assert (entry.state, entry.reason) == (QUEUED, "Committed; it cannot be read back.") and store.sendings == []
    assert entry.due == pytest.approx(timer.now + MOST_ASKED_SECONDS)


# Cancel, pause, consent


@pytest.mark.parametrize("moment", range(1, 6))
def test_cancelPutsEverythingBack(outbox, store, timer, items, moment):
    outbox.enqueue(items, store.address)
    calls = []

    def cancel(fraction, text):
        calls.append(text)
        if len(calls) == moment:
            raise Cancelled()

    with pytest.raises(Cancelled):
        drain(outbox, store, timer, progress=cancel)
    assert set(states(outbox)) == {QUEUED}
    drain(outbox, store, timer)
    assert set(states(outbox)) == {VERIFIED}


def test_aCancelledPushIsWithdrawn(outbox, store, items):
    def cancel(fraction, text):
        if "Sending" in text:
            raise Cancelled()

    with pytest.raises(Cancelled):
        Push(outbox, store).push(items, cancel)
    assert set(states(outbox)) == {WITHDRAWN}


def test_pauseStopsWhatIsOnItsWay_andResumeGoesOn(outbox, store, timer, items, tmp_path):
    outbox.enqueue(items, store.address)
    send = store.send

    def paused(*arguments):
        # Another process.
        with Outbox(tmp_path / "outbox", KeyRing(b"k" * 32), timer.time) as another:
            another.pause(store.address)
        timer.now += 2
        return send(*arguments)

    store.send = paused
    assert "paused" in drain(outbox, store, timer, 3600).reason and set(states(outbox)) == {QUEUED}
    store.send = send
    assert "paused" in drain(outbox, store, timer, 3600).reason and store.sendings == []
    outbox.resume(store.address)
    drain(outbox, store, timer)
    assert set(states(outbox)) == {VERIFIED}


def test_afterAWithdrawalNothingLeaves_andWithoutItsCaseItGoesOn(outbox, store, timer, items, tmp_path, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    with Case.create(tmp_path / "case", "5a" * 32) as case:
        recordConsent(case, "treatment", "2026-01-31", "test 1")
        caseId = case.caseId
        outbox.enqueue(items[:4], store.address, caseId, case.folder)
        outbox.enqueue(items[4:8], store.address, "another case", case.folder)
        outbox.enqueue(items[8:], store.address, caseId, tmp_path / "gone")
        withdrawConsent(case, "treatment")
    drain(outbox, store, timer)
    assert states(outbox) == [FAILED] * 4 + [VERIFIED] * 8
    reason = stateOf(outbox, "0.bin")[1]
    assert reason.startswith("Nothing was sent.") and "withdrawn" in reason
    assert sorted(store.sendings[0]) == sorted(item.name for item in items[4:])


# Pushes


def test_whatTheStoreLostSinceIsSentAgain(outbox, store, items):
    assert {one.state for one in Push(outbox, store).push(items)} == {VERIFIED}
    del store.kept[items[2].sha256]
    assert {one.state for one in Push(outbox, store).push(items)} == {VERIFIED}
    assert [len(names) for names in store.sendings] == [12, 1]
    reasons = [one["reason"] for one in outbox.history(3)]
    assert any("not in the store any more" in reason for reason in reasons)


def test_aStoreThatCannotBeAskedAgainIsNoProof(outbox, store, items):
    Push(outbox, store).push(items)
    store.reachable = False
    results = Push(outbox, store).push(items)
    assert {(one.state, one.reason) for one in results} == {(SHOWN_QUEUED, "The store is down.")}


def test_twoContentsUnderOneUidAreNeitherSent(outbox, store, items):
    import dataclasses

    twins = [dataclasses.replace(item, sopInstanceUid="2.25.1") for item in items[:2]]
    results = Push(outbox, store).push([*twins, items[2]])
    assert [one.state for one in results] == [FAILED, FAILED, VERIFIED] and store.sendings == [["2.bin"]]


# Back-off


def test_backoffGrowsWithFullJitterAndHeedsTheStore():
    assert [backoffSeconds(failures, chance=lambda: 1.0) for failures in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert backoffSeconds(60, chance=lambda: 1.0) == LONGEST_SECONDS
    assert backoffSeconds(5, chance=lambda: 0.0) == 0.0
    assert backoffSeconds(1, 90.0, lambda: 0.5) == 90.0
    assert backoffSeconds(1, 1e9, lambda: 0.5) == MOST_ASKED_SECONDS


def test_aClockThatJumpsBackDoesNotLockTheStoreOut():
    timer = LeapingClock()
    breaker = Breaker(timer, lambda: 1.0)
    breaker.failed("down")
    assert breaker.isOpen
    timer.now -= 10 * 24 * 3600
    assert not breaker.isOpen
    breaker.succeeded()
    assert json.dumps([breaker.reason, breaker.isOpen]) == '["", false]'
