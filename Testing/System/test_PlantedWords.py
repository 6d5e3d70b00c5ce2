"""A planted patient name and planted secrets, through faults and crashes: found nowhere they should not be."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pydicom
import pytest
from Consenting import CONSENT
from LeakSearch import contains, leaks

from PlanningHubLib.ArchiveAccess import Credentials, remember
from Servers.LyingServer import LyingServer
from Servers.ShippedStore import ShippedStore, whyNoStore

pytestmark = [pytest.mark.skipif(bool(whyNoStore()), reason=whyNoStore() or "the store is there"), pytest.mark.slow]

NAMES = ("Plantowsky", "Gwendelyn", "PLANTED-4711", "19510203")
PASSPHRASE, WRONG = "planted-passphrase-of-the-file", "planted-wrong-password"
USER = "an.engineer"
# Patched into the command before it starts: what a fault of our own, or of the machine, would do.
CRASH = """
from CentralSyncLib.Stores import Http
def crash(self, method, url, headers, body=None):
    {what}
Http.Http.request = crash
"""
RAISES = "raise RuntimeError('a fault of our own')"
DIES = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"


@pytest.fixture(scope="module")
def plantedSeries(smallHead, tmp_path_factory):
    """The small head, of a patient whose name is looked for."""
    folder = tmp_path_factory.mktemp("planted") / "ct"
    folder.mkdir()
    for path in sorted(smallHead.iterdir()):
        dataset = pydicom.dcmread(path)
        dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "Plantowsky^Gwendelyn", *NAMES[2:]
        dataset.save_as(folder / path.name)
    return folder


@pytest.fixture(scope="module")
def store():
    with ShippedStore({USER: ["engineer"]}) as running:
        yield running


class Workstation:
    """Settings, state and temporary folder of one workstation, and the command run on it while it is watched."""

    def __init__(self, folder, environment):
        self.folder = folder
        self.said = folder / "said"
        for name in ("home", "state", "tmp", "said"):
            (folder / name).mkdir(parents=True)
        self.passphraseFile = folder.parent / "passphrase"
        self.passphraseFile.touch(mode=0o600)
        self.passphraseFile.write_text(PASSPHRASE)
        self.environment = {
            **environment, "PLANNINGHUB_HOME": str(folder / "home"), "XDG_STATE_HOME": str(folder / "state"),
            "TMPDIR": str(folder / "tmp"), "PLANNINGHUB_PASSPHRASE_FILE": str(self.passphraseFile),
        }  # fmt: skip

    def run(self, *arguments, before=""):
        """Run the command, after some lines of Python; return its exit code and its JSON object."""
        code = f"{before}\nfrom PlanningHubCommand import Main\nraise SystemExit(Main.main())"
        number = len(list(self.said.iterdir()))
        out, err, seen = (self.said / f"{number:03d}.{kind}" for kind in ("out", "err", "process"))
        seenWords = set()
        with open(out, "wb") as outFile, open(err, "wb") as errFile:
            command = [sys.executable, "-c", code, *map(str, arguments), "--json"]
            process = subprocess.Popen(command, stdout=outFile, stderr=errFile, env=self.environment)
            while process.poll() is None:
                seenWords.update(processWords(process.pid))
                time.sleep(0.02)
        seen.write_bytes(b"\n".join(seenWords))
        text = out.read_text()
        return process.returncode, json.loads(text) if text else None


def processWords(number):
    """What others may see of a process and its children: arguments and environment."""
    words = []
    for folder in [Path(f"/proc/{number}"), *childrenOf(number)]:
        for name in ("cmdline", "environ", "comm"):
            try:
                words.append((folder / name).read_bytes())
            except OSError:
                continue
    return words


def childrenOf(number):
    try:
        listed = Path(f"/proc/{number}/task/{number}/children").read_text().split()
    except OSError:
        return []
    return [Path("/proc") / one for one in listed]


@pytest.fixture(scope="module")
def workstation(command, store, plantedSeries, tmp_path_factory):
    """A workstation with a ready case of the planted patient, in a folder beside its own."""
    folder = tmp_path_factory.mktemp("workstation")
    made = Workstation(folder / "own", command.environment)
    site = {
        "format": "planninghub-site", "version": 1, "users": [], "approvals": [],
        "stores": [{"name": "hospital", "address": store.address, "certificateAuthority": str(store.authorityFile)}],
    }  # fmt: skip
    (folder / "own/home/site.json").write_text(json.dumps(site))
    exitCode, result = made.run("run", plantedSeries, "--out", folder / "work", "--side", "left", *CONSENT)
    assert exitCode == 0, result
    made.case = folder / "work" / "case"
    return made


@pytest.fixture
def login(workstation, monkeypatch):
    """Remember a password for a store, as a user has it remembered."""
    for name in ("PLANNINGHUB_HOME", "PLANNINGHUB_PASSPHRASE_FILE", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, workstation.environment[name])

    def run(address, password):
        remember(address.removeprefix("dicomweb+"), Credentials(USER, password))

    return run


def found(workstation, store):
    """Every planted word in what the workstation wrote outside the case, and in the store's logs."""
    secrets = (PASSPHRASE, WRONG, store.password(USER))
    places = leaks(workstation.folder, (*NAMES, *secrets))
    logs = store.logs().encode()
    return places + [("the store's logs", word) for word in (*NAMES, *secrets) if contains(logs, word)]


def test_theSearchFindsWhatItLooksFor(workstation, store, tmp_path):
    """The case does hold the name, and a leak of each word would be seen wherever it is looked for."""
    assert {word for _place, word in leaks(workstation.case, NAMES)} == set(NAMES)
    for number, word in enumerate((*NAMES, PASSPHRASE, WRONG, store.password(USER))):
        leak = workstation.folder / "tmp" / f"{number}.txt"
        leak.write_text(f"x{word}x")
        assert found(workstation, store) == [(f"tmp/{number}.txt", word)]
        leak.unlink()
    assert any(b"python" in words for words in processWords(os.getpid()))


@pytest.mark.parametrize("lie", ["fails", "forbids", "refuses", "redirects"])
def test_faultsOfAStoreLetNothingOut(workstation, store, login, lie):
    with LyingServer(send=lie) as server:
        login(server.address, WRONG)
        exitCode, result = workstation.run("sync", "--case", workstation.case, "--store", server.address, "--wait", "0")
    assert exitCode in (5, 6), result
    assert any(path.is_file() for path in (workstation.folder / "home/outbox/payloads").rglob("*")), "nothing waits"
    assert found(workstation, store) == []


def test_aStoreThatIsDownAndAWrongPassword(workstation, store, login):
    login(store.address, WRONG)
    exitCode, result = workstation.run("sync", "--case", workstation.case, "--store", "hospital", "--wait", "0")
    assert exitCode == 5 and "401" in json.dumps(result)
    assert found(workstation, store) == []


@pytest.mark.parametrize(("what", "ends"), [(RAISES, 70), (DIES, -signal.SIGKILL)])
def test_aCrashLeavesAndSaysNothing(workstation, store, login, what, ends):
    login(store.address, store.password(USER))
    before = CRASH.format(what=what)
    exitCode, _result = workstation.run("sync", "--case", workstation.case, "--store", "hospital", "--wait", "0",
                                        before=before)  # fmt: skip
    assert exitCode == ends
    said = sorted(workstation.said.glob("*.err"))[-1].read_text()
    assert ("Traceback" in said) == (ends == 70)
    assert found(workstation, store) == []


def test_whatArrivesInTheEndIsThereAndNowhereElse(workstation, store, login):
    login(store.address, store.password(USER))
    exitCode, result = workstation.run("sync", "--case", workstation.case, "--store", "hospital", "--wait", "0")
    assert exitCode == 0, result
    assert {word for _place, word in leaks(store.state / "store", NAMES[:3])} == set(NAMES[:3])
    assert found(workstation, store) == []
    exitCode, result = workstation.run("scrub", "--store", "hospital")
    assert exitCode == 0, result
    exitCode, result = workstation.run("browse", "--store", "hospital")
    assert exitCode == 0 and len(result["cases"]) == 1, result
    back = workstation.folder.parent / "back"
    exitCode, result = workstation.run("restore", result["cases"][0]["caseId"], "--store", "hospital", "--out", back)
    assert exitCode == 0, result
    assert {word for _place, word in leaks(back, NAMES)} == set(NAMES)
    assert found(workstation, store) == []
    # The store's password is kept, sealed: the command needed nobody to type it.
    assert any((workstation.folder / "home").glob("archive-*.enc.json"))
