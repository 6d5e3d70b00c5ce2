"""Passwords and tokens for stores: kept where secrets are kept, and shown to that store alone."""

import json
import os

import pytest

from PlanningHubLib.ArchiveAccess import recall
from Servers.SmallFhir import SmallFhir

SECRET = "geheim-0815-token"


@pytest.fixture
def kept(tmp_path, ownHome, monkeypatch):
    """What the command needs to keep secrets encrypted: a passphrase file of its own."""
    path = tmp_path / "passphrase"
    path.write_text("correct horse")
    os.chmod(path, 0o600)
    monkeypatch.setenv("PLANNINGHUB_PASSPHRASE_FILE", str(path))
    monkeypatch.setenv("PLANNINGHUB_HOME", str(ownHome))
    return {"PLANNINGHUB_PASSPHRASE_FILE": str(path)}


def test_aTokenIsKeptForAnEndpointAndStandsNowhere(command, kept, ownHome):
    with SmallFhir() as server:
        code, done = command("login", server.address, "--secret-stdin", stdin=SECRET + "\n", extraEnvironment=kept)
        assert code == 0 and done["kept"] == "token" and SECRET not in json.dumps(done)
        assert recall(server.address.removeprefix("fhir+")).secret == SECRET
    assert not any(SECRET.encode() in path.read_bytes() for path in ownHome.rglob("*") if path.is_file())


def test_aPasswordFromAFileThatOthersCanReadIsRefused(command, kept, tmp_path):
    path = tmp_path / "password"
    path.write_text(SECRET)
    os.chmod(path, 0o644)
    address = "dicomweb+https://archive.example/dicom-web"
    code, done = command("login", address, "--user", "a", "--secret-file", path, extraEnvironment=kept)
    assert (code, done["findings"][0]["code"]) == (4, "key-file-open-to-others")
    os.chmod(path, 0o600)
    assert command("login", address, "--user", "a", "--secret-file", path, extraEnvironment=kept)[0] == 0
    assert recall("https://archive.example/dicom-web").user == "a"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["dicom://PACS@127.0.0.1:104", "--secret-stdin"], "usage"),
        (["/srv/store", "--secret-stdin"], "usage"),
        (["dicomweb+https://archive.example", "--client-key", "--secret-stdin"], "bad-store-settings"),
        (["dicomweb+https://archive.example"], "no-archive-secret"),
    ],
)
def test_whatCannotBeKept(command, kept, arguments, code):
    exitCode, done = command("login", *arguments, stdin=SECRET, extraEnvironment=kept)
    assert (exitCode, done["findings"][0]["code"]) == (2, code)
