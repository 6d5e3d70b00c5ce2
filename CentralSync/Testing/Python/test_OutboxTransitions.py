"""Who changes the register without the key is found, and what was changed is named."""

import shutil
import sqlite3

import pytest
from OutboxMaking import KEYS, STORE, assertSound, makeItems, openOutbox

from CentralSyncLib.Outbox.Outbox import FAILED, VERIFIED
from CentralSyncLib.Outbox.Verify import verifyOutbox
from PlanningHubLib.Secrets import KeyRing

TRIGGERS = ("transitionsStay", "transitionsAreKept", "entriesStay", "entriesAreKept")


@pytest.fixture
def folder(tmp_path):
    """An outbox with three entries and nine transitions: verified, failed and waiting ones."""
    with openOutbox(tmp_path / "outbox") as outbox:
        outbox.enqueue(makeItems(tmp_path / "files"), STORE, "case-1")
        first, second = outbox.claim(STORE, 2)
        outbox.mark([first], VERIFIED, "read back")
        outbox.mark([second], FAILED, "conflict")
        outbox.mark(outbox.entries(ids=[first.id]), VERIFIED, "scrub")
        outbox.retry([second.id])
    return tmp_path / "outbox"


def change(folder, *statements):
    """What somebody does who may write the file and knows SQL, but has no key."""
    db = sqlite3.connect(folder / "outbox.sqlite")
    for trigger in TRIGGERS:
        db.execute(f"DROP TRIGGER {trigger}")
    for statement in statements:
        assert db.execute(statement).rowcount > 0, "the tampering itself must have had an effect"
    db.commit()
    db.close()


def test_untouchedOneIsTrue(folder):
    assertSound(folder)


REMOVE_LAST = "DELETE FROM transitions WHERE number = 9"
MAKE_LAST_THE_HEAD = "UPDATE head SET number = 8, seal = (SELECT seal FROM transitions WHERE number = 8)"
COPY_OF_LAST = ("INSERT INTO transitions SELECT 10, entry, before, after, reason, setAt, user, process, digest, seal "
                "FROM transitions WHERE number = 9")  # fmt: skip
COPY_OF_ENTRY = (
    "INSERT INTO entries SELECT 77, store, '00', kind, '2.25.77', seriesUid, studyUid, bytes, contentSha256, replaces, "
    "caseId, caseFolder, name, state, reason, attempts, due, setAt, owner FROM entries WHERE id = 1"
)


@pytest.mark.parametrize(
    ("statements", "named"),
    [
        (["UPDATE transitions SET after = 'verified' WHERE number = 7"], "Transition 7 (of entry 2) has a false seal"),
        (["UPDATE transitions SET user = 'somebody else' WHERE number = 1"], "Transition 1 (of entry 1)"),
        (["UPDATE transitions SET setAt = setAt + 60 WHERE number = 9"], "Transition 9 (of entry 2)"),
        (["UPDATE transitions SET reason = x'00' WHERE number = 6"], "Transition 6"),
        (["DELETE FROM transitions WHERE number = 4"], "Transition 4 is missing"),
        ([REMOVE_LAST], "There are 8 transitions; the head covers 9"),
        ([REMOVE_LAST, MAKE_LAST_THE_HEAD], "The head of the transitions has a false seal"),
        (["DELETE FROM head"], "The head of the transitions is missing"),
        ([COPY_OF_LAST], "Transition 10 (of entry 2) has a false seal"),
        (["UPDATE transitions SET number = 0 - number WHERE number IN (4, 5)",
          "UPDATE transitions SET number = 9 + number WHERE number < 0"], "Transition 4 (of entry 2) has a false seal"),
        (["UPDATE entries SET state = 'verified' WHERE id = 3"], "Entry 3 is not what its last transition left"),
        (["UPDATE entries SET sha256 = '00' WHERE id = 1"], "Entry 1 is not what"),
        (["UPDATE entries SET store = '/elsewhere' WHERE id = 2"], "Entry 2 is not what"),
        (["UPDATE entries SET caseId = 'case-2' WHERE id = 2"], "Entry 2 is not what"),
        (["UPDATE entries SET caseFolder = x'00' WHERE id = 2"], "Entry 2 is not what"),
        (["UPDATE entries SET attempts = 1 WHERE id = 3"], "Entry 3 is not what"),
        (["UPDATE entries SET due = 4e9 WHERE id = 3"], "Entry 3 is not what"),
        (["DELETE FROM entries WHERE id = 2"], "Entry 2 is missing"),
        (["UPDATE cases SET caseId = 'case-2' WHERE entry = 2"], "That entry 2 is of case case-2 was changed"),
        ([COPY_OF_ENTRY], "Entry 77 was never queued by the suite"),
    ],
)  # fmt: skip
def test_tamperingIsNamed(folder, statements, named):
    change(folder, *statements)
    findings = verifyOutbox(folder, KEYS)
    assert [(one.code, one.severity) for one in findings if one.code == "outbox-tampered"] == [
        ("outbox-tampered", "reject")
    ]
    assert named in findings[0].message


@pytest.mark.parametrize(
    "statement",
    ["UPDATE transitions SET user = 'x'", "DELETE FROM transitions", "DELETE FROM entries WHERE id = 1",
     "UPDATE entries SET sha256 = '00'", "UPDATE entries SET store = '/elsewhere'"],
)  # fmt: skip
def test_databaseItselfRefusesToForget(folder, statement):
    db = sqlite3.connect(folder / "outbox.sqlite")
    with pytest.raises(sqlite3.IntegrityError, match="never"):
        db.execute(statement)
    db.close()
    assertSound(folder)


def test_sealsOfAnotherKeyAreFalse(folder, tmp_path):
    """Somebody makes a whole outbox of his own, and puts its transitions in this one's place."""
    forger = KeyRing(b"forger" * 6)
    with openOutbox(tmp_path / "forged", keys=forger) as outbox:
        outbox.enqueue(makeItems(tmp_path / "files"), STORE, "case-1")
    shutil.copy(tmp_path / "forged" / "outbox.sqlite", folder / "outbox.sqlite")
    db = sqlite3.connect(folder / "outbox.sqlite")
    db.execute("UPDATE facts SET value = ? WHERE name = 'key'", (KEYS.keyId,))
    db.commit()
    db.close()
    assert "Transition 1 (of entry 1) has a false seal" in verifyOutbox(folder, KEYS)[0].message


def test_withoutTheKeyItSaysWhatCannotBeChecked(folder):
    for keys in (None, KeyRing(b"another" * 5)):
        assert [(one.code, one.severity) for one in verifyOutbox(folder, keys)] == [("outbox-key-missing", "warn")]


def test_whatWaitsIsReadAsWell(folder):
    paths = sorted((folder / "payloads").glob("*/*"))
    data = bytearray(paths[0].read_bytes())
    data[100] ^= 1
    paths[0].write_bytes(data)
    paths[1].unlink()
    findings = verifyOutbox(folder, KEYS)
    assert sorted(one.code for one in findings) == ["payload-damaged", "payload-missing"]
    assert {one.severity for one in findings} == {"reject"}


def test_itIsVerifiedWhileItIsUsed(folder, tmp_path):
    with openOutbox(folder) as outbox:
        outbox.enqueue(makeItems(tmp_path / "more", 5, name="more"), STORE)
        claimed = outbox.claim(STORE, 2)
        assert verifyOutbox(folder, KEYS) == []
        assert [entry.id for entry in outbox.mark(claimed, VERIFIED)] == [entry.id for entry in claimed]


def test_textChangedOnTheDiskHoldsNothingUp(folder):
    change(folder, "UPDATE entries SET name = x'0011' WHERE id = 3")
    with openOutbox(folder) as outbox:
        assert [entry.name for entry in outbox.claim(STORE, 9, [3])] == ["(unreadable: changed on the disk)"]
