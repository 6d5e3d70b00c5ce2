"""Bad input by command: a named error, the contract's exit code, and nothing left behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from Phantom.Faults import damagedCopy
from Servers.LyingServer import LyingServer
from Servers.OrthancServer import freePort


def refused(command, expectedCode, expectedExit, *arguments, **options):
    exitCode, result = command(*arguments, **options)
    assert exitCode == expectedExit, result
    assert expectedCode in [finding["code"] for finding in result["findings"]], result["findings"]
    return result


def assertImportRefused(command, source, code, tmp_path):
    result = refused(command, code, 3, "import", source, "--case", tmp_path / "cases" / "case")
    assert result["verdict"] == "reject"
    finding = next(finding for finding in result["findings"] if finding["code"] == code)
    assert finding["message"]
    assert finding["action"]
    assert not (tmp_path / "cases").exists()


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("twoPatients", "two-patients"),
        ("missingSlice", "missing-slice"),
        ("truncatedSlice", "truncated-slice"),
        ("textFile", "no-dicom"),
        ("emptyFolder", "no-dicom"),
    ],
)
def test_faultySeries(command, smallHead, tmp_path, fault, code):
    """The import's own tests go through every fault; here the command names them."""
    damagedCopy(fault, smallHead, tmp_path / "ct")
    assertImportRefused(command, tmp_path / "ct", code, tmp_path)


def test_sourceThatDoesNotExist(command, tmp_path):
    assertImportRefused(command, tmp_path / "nowhere", "no-source", tmp_path)


def test_aTextFileInPlaceOfAFolder(command, tmp_path):
    (tmp_path / "notes.txt").write_text("no DICOM")
    assertImportRefused(command, tmp_path / "notes.txt", "no-dicom", tmp_path)


def test_anonymisedAbdomenIsRefusedInWords(command, testData, tmp_path):
    assertImportRefused(command, testData("ct_abdomen_j2k"), "missing-uid", tmp_path)


def test_unwritableCaseFolder(command, smallHead, tmp_path):
    (tmp_path / "file").write_text("in the way")
    refused(command, "cannot-write", 3, "import", smallHead, "--case", tmp_path / "file" / "case")
    assert (tmp_path / "file").read_text() == "in the way"


def test_caseFolderThatHoldsSomethingElse(command, smallHead, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.jpg").write_bytes(b"jpg")
    refused(command, "already-there", 3, "import", smallHead, "--case", tmp_path / "photos")
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["holiday.jpg"]


@pytest.fixture
def aSmallDisk(tmp_path):
    """A folder on a file system of 6 MB, smaller than the series."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no small file system can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_fullDiskAtImport(command, smallHead, aSmallDisk):
    refused(command, "disk-full", 3, "import", smallHead, "--case", aSmallDisk / "case")
    assert list(aSmallDisk.iterdir()) == []


def test_fullDiskAtExportLeavesNoHalfPackage(command, aPackagedCase, aSmallDisk, tmp_path):
    shutil.copytree(aPackagedCase / "case", tmp_path / "case")
    refused(command, "disk-full", 3, "package", "--case", tmp_path / "case", "--out", aSmallDisk / "package")
    assert list(aSmallDisk.iterdir()) == []
    assert command("verify", tmp_path / "case")[0] == 0


def test_storeDownKeepsTheWorkQueued(command, aPackagedCase, tmp_path):
    case = tmp_path / "case"
    shutil.copytree(aPackagedCase / "case", case)
    address = f"dicomweb+http://127.0.0.1:{freePort()}/dicom-web"

    exitCode, result = command("sync", "--case", case, "--store", address, "--wait", "0")

    assert exitCode == 5
    assert result["verified"] == 0
    assert {item["state"] for item in result["items"]} == {"queued"}
    assert all(item["reason"] for item in result["items"])
    _, status = command("status", "--case", case)
    assert status["next"] == "receipt"


# A store that keeps nothing may be full, and is tried again; what it keeps otherwise stays as it is.
@pytest.mark.parametrize(
    "lie, code, state", [("keepsNothing", 5, "queued"), ("truncates", 6, "failed"), ("flipsBit", 6, "failed")]
)
def test_storeThatAnswers200AndLies(command, aPackagedCase, tmp_path, lie, code, state):
    case = tmp_path / "case"
    shutil.copytree(aPackagedCase / "case", case)
    with LyingServer(send=lie) as server:
        exitCode, result = command("sync", "--case", case, "--store", server.address, "--wait", "0")
    assert exitCode == code
    assert result["verified"] == 0
    assert result[state] > 60
    _, status = command("status", "--case", case)
    assert status["next"] == "receipt"


def test_plainHttpToAnotherMachineIsRefused(command, aPackagedCase, tmp_path):
    case = tmp_path / "case"
    shutil.copytree(aPackagedCase / "case", case)
    refused(command, "plain-http", 2, "sync", "--case", case, "--store", "dicomweb+http://store.example/dicom-web")


@pytest.mark.parametrize(
    "arguments",
    [[], ["fly"], ["run"], ["import", "x"], ["segment", "--case", "x", "--threshold-hu", "bone"], ["status"]],
    ids=["nothing", "unknown", "noSource", "noCase", "noNumber", "noPlace"],
)
def test_wrongUsage(command, arguments):
    refused(command, "usage", 2, *arguments)


def test_stepsWithoutACase(command, tmp_path):
    for step in (["segment"], ["print"], ["package", "--out", tmp_path / "p"], ["sync", "--store", tmp_path / "s"]):
        refused(command, "not-a-case", 3, step[0], "--case", tmp_path, *step[1:])
    refused(command, "nothing-to-verify", 3, "verify", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_stepsInTheWrongOrder(command, smallHead, tmp_path):
    case = tmp_path / "case"
    assert command("import", smallHead, "--case", case)[0] == 0
    refused(command, "no-segmentation", 4, "print", "--case", case)
    refused(command, "no-segmentation", 4, "package", "--case", case, "--out", tmp_path / "p")
    refused(command, "no-package", 4, "sync", "--case", case, "--store", tmp_path / "s")
    refused(command, "no-bone", 3, "segment", "--case", case, "--threshold-hu", "2999")
    assert command("verify", case)[0] == 0


def hearInterrupts():
    """Where tests run in the background, a shell may have told all their children to ignore interrupts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(os.name == "nt", reason="signals to a process group are POSIX")
def test_interruptedStepLeavesTheCaseAsItWas(command, aPackagedCase, tmp_path):
    case = tmp_path / "case"
    shutil.copytree(aPackagedCase / "case", case)
    before = (case / "case.json").read_bytes()
    program = [sys.executable, "-m", "PlanningHubCommand", "print", "--case", str(case), "--json"]
    process = subprocess.Popen(
        program, env=command.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=hearInterrupts
    )
    deadline = time.monotonic() + 60
    while not list(case.glob("artefacts/part-1/.aside-*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)

    assert process.returncode == 130, stderr
    assert b"Traceback" not in stderr
    assert (case / "case.json").read_bytes() == before
    assert [path.name for path in (case / "artefacts/part-1").iterdir()] == ["r1"]
    assert command("verify", case)[0] == 0


def test_nothingLeavesWithoutConsent(command, smallHead, aPackagedCase, tmp_path):
    """By every road: the whole chain, a package, a push; and after a withdrawal again."""
    home = tmp_path / "home"
    home.mkdir()
    site = {"format": "planninghub-site", "version": 1, "treatmentConsent": "recorded", "users": [], "approvals": []}
    (home / "site.json").write_text(json.dumps(site))
    strict = {"extraEnvironment": {"PLANNINGHUB_HOME": str(home)}}
    refused(command, "no-consent", 4, "run", smallHead, "--out", tmp_path / "out", **strict)
    assert not (tmp_path / "out").exists()
    case = tmp_path / "case"
    shutil.copytree(aPackagedCase / "case", case)
    exitCode, result = command("consent", "--case", case, "--scope", "treatment", "--withdraw", "--reason", "asked")
    assert exitCode == 0 and result["consent"]["treatment"] == "withdrawn"
    assert [one["destination"] for one in result["left"]] == [f"folder {aPackagedCase / 'package'}"]
    refused(command, "no-consent", 4, "package", "--case", case, "--out", tmp_path / "p")
    refused(command, "no-consent", 4, "sync", "--case", case, "--store", tmp_path / "s")
    consent = ("consent", "--case", case, "--scope", "research", "--date", "2026-01-31", "--document", "v1")
    assert command(*consent)[0] == 0
    refused(command, "no-consent", 4, "sync", "--case", case, "--store", tmp_path / "s")
    assert not (tmp_path / "p").exists() and not (tmp_path / "s").exists()
    refused(command, "no-consent-document", 2, "consent", "--case", case, "--scope", "teaching", "--date", "2026-01-31")
    assert command("verify", case)[0] == 0
