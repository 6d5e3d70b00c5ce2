"""The written configuration of a store: what it says, what it keeps of an older one, what it refuses."""

import dataclasses
import json
import os
import stat

import pytest

from CentralSyncLib.Server.Roles import actionNames, roleNames
from CentralSyncLib.Server.Writer import Database, ServerPlan, writeServer
from PlanningHubLib.Errors import GateRefused, InputRefused, UsageError

USERS = {"a.surgeon": ["clinician"], "a.teacher": ["teacher"]}


@pytest.fixture
def plan(tmp_path):
    for name in ("server.pem", "server.key", "clients.pem"):
        (tmp_path / name).write_text("not read here")
    return ServerPlan("store.example", tmp_path / "server.pem", tmp_path / "server.key", state=tmp_path / "state")


def passwords(folder, name="orthanc-1"):
    return json.loads((folder / name / "users.json").read_text())["RegisteredUsers"]


def test_theMatrixHasTheRolesAndNoActionThatRemoves():
    assert roleNames() == ("clinician", "engineer", "approver", "teacher", "operator")
    assert not any(word in action for action in actionNames() for word in ("delete", "modify", "replace"))


def test_passwordsAreRandomAndStandInClosedFilesOnly(plan, tmp_path):
    written = writeServer(tmp_path / "out", plan, USERS)
    found = passwords(tmp_path / "out")
    assert set(found) == set(USERS) and len(set(found.values())) == 2 and min(map(len, found.values())) >= 32
    assert written["added"] == sorted(USERS)
    for name in written["files"]:
        path = tmp_path / "out" / name
        holds = any(password in path.read_text() for password in found.values())
        assert holds == (path.name == "users.json"), name
        if holds and os.name != "nt":
            assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_whatCouldLoseOrLetOutAnythingIsOff(plan, tmp_path):
    writeServer(tmp_path / "out", plan, USERS)
    for name in ("orthanc-1", "teaching"):
        settings = json.loads((tmp_path / "out" / name / "orthanc.json").read_text())
        off = (
            "RemoteAccessAllowed", "DicomServerEnabled", "OrthancExplorerEnabled", "WebDavEnabled",
            "ExecuteLuaEnabled", "RestApiWriteToFileSystemEnabled", "OverwriteInstances", "DicomAlwaysAllowStore",
            "HttpDescribeErrors",
        )  # fmt: skip
        assert not any(settings[one] for one in off)
        assert settings["AuthenticationEnabled"] and settings["SyncStorageArea"]
        assert settings["MaximumStorageSize"] == settings["MaximumPatientCount"] == 0
        assert settings["MaximumStorageCacheSize"] == 0
        assert settings["MaximumStorageMode"] == "Reject"


def test_anotherUserLeavesTheOthersTheirPasswords(plan, tmp_path):
    writeServer(tmp_path / "out", plan, USERS)
    before = passwords(tmp_path / "out")
    users = {"a.surgeon": ["clinician"], "an.engineer": ["engineer"]}
    written = writeServer(tmp_path / "out", plan, users)
    after = passwords(tmp_path / "out")
    assert (written["added"], written["removed"]) == (["an.engineer"], ["a.teacher"])
    assert set(after) == set(users) and after["a.surgeon"] == before["a.surgeon"]
    assert "a.teacher" not in (tmp_path / "out/orthanc-1/access.lua").read_text()
    renewed = writeServer(tmp_path / "out", plan, users, renewed=["a.surgeon"])
    assert renewed["added"] == ["a.surgeon"] and passwords(tmp_path / "out")["a.surgeon"] != before["a.surgeon"]


def test_severalWorkersShareIndexAndUsersAndAFewerLeaveNoPasswords(plan, tmp_path):
    database = Database("db.example", 5432, "orthanc", "orthanc", "database-word")
    several = dataclasses.replace(plan, ports=(8042, 8043, 8044), database=database)
    written = writeServer(tmp_path / "out", several, USERS)
    for number in (1, 2, 3):
        folder = tmp_path / "out" / f"orthanc-{number}"
        settings = json.loads((folder / "orthanc.json").read_text())
        index = json.loads((folder / "database.json").read_text())["PostgreSQL"]
        assert settings["HttpPort"] == 8041 + number and "PostgreSQLIndex" in settings["Plugins"][1]
        assert index["Lock"] is False and index["EnableStorage"] is False
        assert f"server 127.0.0.1:{8041 + number}" in (tmp_path / "out/nginx.conf").read_text()
        assert passwords(tmp_path / "out", folder.name) == passwords(tmp_path / "out", "teaching")
    holds = {name for name in written["files"] if "database-word" in (tmp_path / "out" / name).read_text()}
    assert holds == {f"orthanc-{number}/database.json" for number in (1, 2, 3)}
    assert "database-word" not in repr(several)
    writeServer(tmp_path / "out", plan, USERS)
    assert [path.name for path in (tmp_path / "out").glob("orthanc-[23]/*")] == []
    assert not (tmp_path / "out/orthanc-1/database.json").exists()


def refusal(folder, plan, users=None, renewed=()):
    with pytest.raises((UsageError, InputRefused, GateRefused)) as caught:
        writeServer(folder, plan, USERS if users is None else users, renewed)
    return caught.value.code


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("host", "store example"), ("host", "a;b"), ("listen", "443; include /etc/passwd"), ("listen", "somewhere"),
        ("certificate", "missing.pem"), ("revocationList", "missing.pem"), ("state", "/srv/a b"),
        ("state", "/srv/a;b"), ("teachingPort", 8042), ("ports", (8042, 8042)),
    ],
)  # fmt: skip
def test_settingsThatCannotBeAreRefusedAndNothingIsWritten(plan, tmp_path, field, value):
    assert refusal(tmp_path / "out", dataclasses.replace(plan, **{field: value})) == "bad-store-settings"
    assert not (tmp_path / "out").exists()


def test_otherRefusals(plan, tmp_path):
    out = tmp_path / "out"
    assert refusal(out, plan, {}) == "no-users"
    assert refusal(out, plan, renewed=["nobody"]) == "no-users"
    assert refusal(out, plan, {"a": ["surgeon"]}) == "unknown-role"
    assert refusal(out, plan, {'a"] = {}, ["b': ["teacher"]}) == "bad-store-settings"
    assert refusal(out, dataclasses.replace(plan, ports=(8042, 8043))) == "needs-database"
    revoked = dataclasses.replace(plan, revocationList=tmp_path / "clients.pem")
    assert refusal(out, revoked) == "bad-store-settings"
    assert not out.exists()
    out.mkdir()
    (out / "letter.txt").write_text("somebody else's")
    assert refusal(out, plan) == "already-there"
    assert [path.name for path in out.iterdir()] == ["letter.txt"]


def test_damagedOrOpenPasswordsAreNotReplaced(plan, tmp_path):
    writeServer(tmp_path / "out", plan, USERS)
    path = tmp_path / "out/teaching/users.json"
    path.write_text('{"RegisteredUsers": ')
    assert refusal(tmp_path / "out", plan) == "bad-store-config"
    if os.name != "nt":
        path.chmod(0o644)
        assert refusal(tmp_path / "out", plan) == "key-file-open-to-others"
    assert path.read_text() == '{"RegisteredUsers": '
