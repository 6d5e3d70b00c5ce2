"""``planninghub verify`` on the folder of an outbox: true, tampered with, under another key, damaged."""

import sqlite3

import pytest

from CentralSyncLib.Items import itemOf
from CentralSyncLib.Outbox.Outbox import Outbox


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return {"PLANNINGHUB_HOME": str(tmp_path / "home"), "XDG_STATE_HOME": str(tmp_path / "state")}


@pytest.fixture
def folder(home, tmp_path):
    """This workstation's outbox, with one item that waits."""
    (tmp_path / "part.stl").write_bytes(b"solid part\nendsolid part\n")
    with Outbox.forThisWorkstation() as outbox:
        outbox.enqueue([itemOf(tmp_path / "part.stl")], str(tmp_path / "store"))
        return outbox.folder


def verify(command, folder, environment):
    code, values = command("verify", folder, extraEnvironment=environment)
    return code, values["what"], values["ok"], [one["code"] for one in values["findings"]]


def test_outboxIsVerifiedFromItsFolder(command, folder, home):
    assert verify(command, folder, home) == (0, "outbox", True, [])


def test_tamperingEndsWithTheCodeForIt(command, folder, home):
    db = sqlite3.connect(folder / "outbox.sqlite")
    db.execute("UPDATE entries SET state = 'verified'")
    db.commit()
    db.close()
    assert verify(command, folder, home) == (6, "outbox", False, ["outbox-tampered"])


def test_withoutTheKeyItWarns(command, folder, home, tmp_path):
    other = {**home, "PLANNINGHUB_HOME": str(tmp_path / "other")}
    assert verify(command, folder, other) == (0, "outbox", True, ["outbox-key-missing"])


def test_damagedDatabaseIsSaidAndLeftWhereItIs(command, folder, home):
    (folder / "outbox.sqlite").write_bytes(b"no database")
    assert verify(command, folder, home) == (6, "outbox", False, ["outbox-damaged"])
    assert (folder / "outbox.sqlite").read_bytes() == b"no database"


def test_missingDatabaseIsSaid(command, folder, home):
    (folder / "outbox.sqlite").unlink()
    assert verify(command, folder, home) == (6, "outbox", False, ["outbox-damaged"])
