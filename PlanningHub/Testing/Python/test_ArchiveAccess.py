"""An archive that asks who one is: the right password imports, a wrong one is named, and it stands nowhere in clear."""

import http.server
import json
import logging
import os
import stat
import subprocess
import sys
import threading

import pytest
from CaseMaking import childEnvironment, tree, writeSmallSeries

from PlanningHubLib import ArchiveAccess, Secrets
from PlanningHubLib.ArchiveAccess import Credentials
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import GateRefused, InputRefused, StoreFailed, UsageError
from PlanningHubLib.Import import examine, importSeries, importVerdictIntoNewFolder
from Servers.OrthancServer import OrthancServer, whyNoOrthanc

USER, PASSWORD = "anna", "Qzpäss wörd:1"
BASE = "https://archive.example/dicom-web"


@pytest.fixture(scope="module")
def aGuardedArchive(tmp_path_factory):
    """An Orthanc that wants a user and a password, with one series."""
    if whyNoOrthanc():
        pytest.skip(whyNoOrthanc())
    folder = tmp_path_factory.mktemp("series")
    with OrthancServer(user=(USER, PASSWORD)) as server:
        for path in writeSmallSeries(folder):
            server.ask("/instances", path.read_bytes()).close()
        yield f"dicomweb:{server.url}/dicom-web?patient=PHANTOM-1", folder


@pytest.fixture
def aPassphrase(tmp_path, monkeypatch):
    """Makes this machine one that can keep secrets."""
    path = tmp_path / "passphrase"
    path.write_text("a long passphrase\n")
    path.chmod(0o600)
    monkeypatch.setenv("PLANNINGHUB_PASSPHRASE_FILE", str(path))
    return path


def command(*arguments, secret="", **environment):
    done = subprocess.run(
        [sys.executable, "-m", "PlanningHubCommand", *map(str, arguments), "--json"], input=secret.encode(),
        capture_output=True, timeout=300, env=childEnvironment(PYTHONUTF8="1", **environment),
    )  # fmt: skip
    assert b"Traceback" not in done.stderr and b"Qzp" not in done.stdout + done.stderr
    return done.returncode, json.loads(done.stdout)


def test_theRightPasswordImports(aGuardedArchive, tmp_path, caplog):
    address, folder = aGuardedArchive
    with caplog.at_level(logging.DEBUG):
        verdict = examine(address, side="left", credentials=Credentials(USER, PASSWORD))
        made = importVerdictIntoNewFolder(verdict, tmp_path / "cases", side="left")
    importSeries(folder, tmp_path / "copied")
    assert Case.open(made).latest("source").content == Case.open(tmp_path / "copied").latest("source").content
    written = b"".join(data or b"" for data in tree(tmp_path).values()) + caplog.text.encode()
    for word in ("Qzp", "anna", "Authorization", "YW5uY"):
        assert word.encode() not in written


@pytest.mark.parametrize(("credentials", "code"), [
    (None, "archive-login-needed"), (Credentials(USER, "Qzpwrong"), "archive-login-refused"),
    (Credentials("", "Qzptoken"), "archive-login-refused"),
])  # fmt: skip
def test_aWrongOneIsRefusedByName(aGuardedArchive, tmp_path, credentials, code):
    with pytest.raises(StoreFailed) as failed:
        importSeries(aGuardedArchive[0], tmp_path / "case", credentials=credentials)
    assert failed.value.code == code and failed.value.action and "Qzp" not in str(failed.value)
    assert tree(tmp_path) == {}


def test_rememberedOnceItIsUsed(aGuardedArchive, aPassphrase, tmp_path, ownHome):
    address = aGuardedArchive[0]
    base = address[len("dicomweb:") :].split("?")[0]
    ArchiveAccess.remember(base, Credentials(USER, "Qzpwrong"))
    with pytest.raises(StoreFailed) as failed:
        examine(address)
    assert failed.value.code == "archive-login-refused" and "remembered" in failed.value.message
    ArchiveAccess.remember(base, Credentials(USER, PASSWORD))
    assert examine(address).word == "accept"
    (path,) = ownHome.glob("archive-*")
    assert b"Qzp" not in path.read_bytes() and b"anna" not in path.read_bytes()
    assert os.name == "nt" or stat.S_IMODE(path.stat().st_mode) == 0o600


def test_byCommand(aGuardedArchive, aPassphrase, tmp_path, ownHome):
    address = aGuardedArchive[0]
    importing = ("import", address, "--archive-user", USER)
    exitCode, result = command("import", address, "--case", tmp_path / "a")
    assert (exitCode, result["findings"][0]["code"]) == (5, "archive-login-needed")
    exitCode, result = command(*importing, "--case", tmp_path / "a")
    assert (exitCode, result["findings"][0]["code"]) == (2, "no-archive-secret")
    wrong = (*importing, "--case", tmp_path / "a", "--archive-secret-stdin", "--archive-remember")
    exitCode, result = command(*wrong, secret="Qzpwrong\n")
    assert (exitCode, result["findings"][0]["code"]) == (5, "archive-login-refused")
    # What did not work is not remembered.
    assert not (tmp_path / "a").exists() and not list(ownHome.glob("archive-*"))
    assert command(*wrong, secret=f"{PASSWORD}\n")[0] == 0
    assert command("import", address, "--case", tmp_path / "b")[0] == 0
    written = b"".join(data or b"" for name, data in tree(tmp_path).items())
    assert b"Qzp" not in written and b"anna" not in written


def test_byCommandFromAFile(aGuardedArchive, tmp_path):
    (tmp_path / "secret").write_text(PASSWORD + "\n", encoding="utf-8")
    (tmp_path / "secret").chmod(0o644)
    importing = ("import", aGuardedArchive[0], "--case", tmp_path / "a", "--archive-user", USER,
                 "--archive-secret-file", tmp_path / "secret")  # fmt: skip
    exitCode, result = command(*importing)
    assert os.name == "nt" or (exitCode, result["findings"][0]["code"]) == (4, "key-file-open-to-others")
    (tmp_path / "secret").chmod(0o600)
    assert command(*importing)[0] == 0
    exitCode, result = command("import", aGuardedArchive[1], "--case", tmp_path / "b", "--archive-user", USER)
    assert (exitCode, result["findings"][0]["code"]) == (2, "usage")


def test_aPasswordAsArgumentIsUnknown(tmp_path):
    exitCode, _result = command("import", "dicomweb:https://x.example/?patient=1", "--case", tmp_path / "a",
                                "--archive-secret", "abc")  # fmt: skip
    assert exitCode == 2


def test_whereNothingCanBeKeptItIsSaidBeforeAnythingIsAsked(tmp_path, monkeypatch):
    monkeypatch.delenv("PLANNINGHUB_PASSPHRASE_FILE", raising=False)
    exitCode, result = command(
        "import", f"dicomweb:{BASE}?patient=1", "--case", tmp_path / "a", "--archive-user", USER,
        "--archive-secret-stdin", "--archive-remember", secret="Qzpassword\n",
    )  # fmt: skip
    assert (exitCode, result["findings"][0]["code"]) == (2, "no-passphrase")


def test_eachArchiveHasItsOwn(aPassphrase):
    ArchiveAccess.remember(BASE, Credentials(USER, PASSWORD))
    assert ArchiveAccess.recall("https://Archive.example/dicom-web/") == Credentials(USER, PASSWORD)
    for other in ("https://archive.example", "https://other.example/dicom-web", "http://archive.example/dicom-web"):
        assert ArchiveAccess.recall(other) is None


def test_whatIsKeptForAnotherArchiveOrIsNoneIsNotUsed(aPassphrase, ownHome):
    ArchiveAccess.remember(BASE, Credentials(USER, PASSWORD))
    (path,) = ownHome.glob("archive-*")
    path.rename(path.with_name(f"{ArchiveAccess._name('https://other.example')}.enc.json"))
    with pytest.raises(InputRefused) as refused:
        ArchiveAccess.recall("https://other.example")
    assert refused.value.code == "bad-key-file"
    Secrets.writeSecret(ArchiveAccess._name(BASE), b"[]")
    with pytest.raises(InputRefused):
        ArchiveAccess.recall(BASE)


def test_withoutItsPassphraseItIsNamed(aPassphrase, monkeypatch):
    ArchiveAccess.remember(BASE, Credentials(USER, PASSWORD))
    monkeypatch.delenv("PLANNINGHUB_PASSPHRASE_FILE")
    with pytest.raises(GateRefused) as refused:
        ArchiveAccess.recall(BASE)
    assert refused.value.code == "no-passphrase"


@pytest.mark.parametrize(("user", "secret"), [
    ("anna", ""), ("an:na", "Qzp"), ("anna\r\nX-Other: 1", "Qzp"), ("anna", "Qzp\nX"), ("", ""), ("", "Qzp tok"),
    ("", "Qzp\r\nX-Other: 1"), ("", "Qzpö"),
])  # fmt: skip
def test_whatNoHeaderCanHoldIsRefused(user, secret):
    with pytest.raises(UsageError) as refused:
        Credentials(user, secret)
    assert refused.value.code == "bad-archive-credentials" and "Qzp" not in str(refused.value)


def test_aTokenIsSentAsBearerAndNowhereElse(tmp_path):
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append((self.path, self.headers["Authorization"]))
            self.send_response(302 if len(seen) == 1 else 403)
            self.send_header("Location", f"http://127.0.0.1:{other.server_address[1]}/")
            self.end_headers()

        def log_message(self, *_arguments):
            pass

    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server,
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as other,
    ):
        for one in (server, other):
            threading.Thread(target=one.serve_forever, daemon=True).start()
        codes = []
        for _time in range(2):
            with pytest.raises(StoreFailed) as failed:
                examine(f"dicomweb:http://127.0.0.1:{server.server_address[1]}/x?study=1.2",
                        credentials=Credentials("", "Qzp.tok-en=="))  # fmt: skip
            codes.append(failed.value.code)
        for one in (server, other):
            one.shutdown()
    assert codes == ["archive-answer", "archive-forbidden"]
    assert len(seen) == 2 and {header for _path, header in seen} == {"Bearer Qzp.tok-en=="}
    assert not any("Qzp" in path for path, _header in seen)


def test_thePasswordIsNotInTheNameOfTheObject():
    assert "Qzp" not in repr(Credentials(USER, PASSWORD))
