"""The command that writes a store's configuration: users of the site and others, and what it refuses."""

import json

import pytest

SITE = {
    "format": "planninghub-site", "version": 1,
    "users": [
        {"name": "a.surgeon", "roles": ["surgeon"], "publicKey": "0" * 64},
        {"name": "a.nurse", "roles": ["nurse"], "publicKey": "1" * 64},
    ],
    "approvals": [{"kind": "part", "roles": ["surgeon"], "signatures": 1}],
}  # fmt: skip


@pytest.fixture
def write(command, tmp_path):
    """Run the command with what it needs, and more; return exit code and result."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "site.json").write_text(json.dumps(SITE))
    for name in ("store.pem", "store.key"):
        (tmp_path / name).write_text("not read here")

    def run(*more):
        needed = ("--certificate", tmp_path / "store.pem", "--key", tmp_path / "store.key")
        return command("store-config", "--out", tmp_path / "out", "--host", "store.example", *needed, *more,
                       extraEnvironment={"PLANNINGHUB_HOME": str(home)})  # fmt: skip

    return run


def passwords(folder):
    return json.loads((folder / "orthanc-1/users.json").read_text())["RegisteredUsers"]


def test_usersOfTheSiteAndOthersGetRolesAndPasswords(write, tmp_path):
    exitCode, result = write("--user", "scrub.service=engineer", "--user", "monitor=operator")
    assert exitCode == 0, result
    assert result["users"] == {
        "a.surgeon": ["approver", "clinician"], "scrub.service": ["engineer"], "monitor": ["operator"],
    }  # fmt: skip
    assert result["added"] == sorted(result["users"]) and result["removed"] == []
    before = passwords(tmp_path / "out")
    assert set(before) == set(result["users"])
    assert not any(password in json.dumps(result) for password in before.values())
    exitCode, result = write("--user", "monitor=operator", "--new-password", "monitor")
    after = passwords(tmp_path / "out")
    assert (exitCode, result["added"], result["removed"]) == (0, ["monitor"], ["scrub.service"])
    assert after["a.surgeon"] == before["a.surgeon"] and after["monitor"] != before["monitor"]


def test_severalWorkersOnADatabaseWhosePasswordComesFromAFile(write, tmp_path):
    secret = tmp_path / "database-password"
    secret.touch(mode=0o600)
    secret.write_text("planted-database-word\n")
    exitCode, result = write(
        "--workers", "3", "--database", "db.example:5433/store", "--database-user", "keeper",
        "--database-secret-file", secret,
    )  # fmt: skip
    assert exitCode == 0 and "planted-database-word" not in json.dumps(result)
    index = json.loads((tmp_path / "out/orthanc-3/database.json").read_text())["PostgreSQL"]
    assert (index["Host"], index["Port"], index["Database"], index["Username"], index["Password"]) == (
        "db.example", 5433, "store", "keeper", "planted-database-word",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--user", "monitor"], "usage"), (["--user", "monitor=nobody"], "unknown-role"), (["--workers", "0"], "usage"),
        (["--workers", "2"], "needs-database"), (["--database", "db.example/store"], "usage"),
        (["--database", "db.example:5432/store"], "usage"), (["--client-ca", "missing.pem"], "bad-store-settings"),
        (["--listen", "443; include x"], "bad-store-settings"), (["--new-password", "nobody"], "no-users"),
    ],
)  # fmt: skip
def test_whatCannotBeIsRefusedAndNothingIsWritten(write, tmp_path, options, code):
    exitCode, result = write(*options)
    assert (exitCode, result["findings"][0]["code"]) == (2, code)
    assert not (tmp_path / "out").exists()
