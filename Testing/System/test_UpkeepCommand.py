"""Scrub and retract as an operator types them: exit codes, the JSON object, the report."""

import json
import shutil

import pytest


@pytest.fixture(scope="module")
def synced(command, aPackagedCase, tmp_path_factory):
    """(case, store): a case that was sent to a folder store, from a workstation with an outbox of its own."""
    folder = tmp_path_factory.mktemp("upkeep")
    shutil.copytree(aPackagedCase / "case", folder / "case")
    exitCode, result = command("sync", "--case", folder / "case", "--store", folder / "store")
    assert exitCode == 0, result
    return folder / "case", folder / "store"


def objectOf(store, sha256):
    return store / "objects" / sha256[:2] / sha256[2:]


def partFile(case):
    record = json.loads((case / "case.json").read_text())
    (part,) = [one for one in record["artefacts"] if one["kind"] == "part"]
    return next(values["sha256"] for name, values in part["files"].items() if name.endswith(".stl"))


def test_aWholeStoreIsExitCode0_andNothingIsDueTheNextDay(command, synced):
    _case, store = synced
    exitCode, result = command("scrub", "--store", store)
    assert exitCode == 0 and result["checked"] == result["verified"] > 60 and result["findings"] == []
    assert result["bytes_read"] > 1e6 and result["items"] == [] and result["next_due"] > result["started"]
    exitCode, result = command("scrub", "--store", store, "--due")
    assert exitCode == 0 and result["checked"] == 0


def test_rotIsRepairedAndReported_aLossIsExitCode6(command, synced, tmp_path):
    case, store = synced
    kept = objectOf(store, partFile(case))
    good = kept.read_bytes()
    kept.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    exitCode, result = command("scrub", "--store", store, "--all", "--report", tmp_path / "scrub.txt")
    assert exitCode == 0 and (result["repaired"], result["lost"]) == (1, 0) and kept.read_bytes() == good
    assert [finding["code"] for finding in result["findings"]] == ["store-copy-corrupt"]
    assert "rotten, repaired: part-1/" in (tmp_path / "scrub.txt").read_text()
    hidden = case.with_name("elsewhere")
    case.rename(hidden)
    kept.unlink()
    exitCode, result = command("scrub", "--store", store, "--report", tmp_path / "scrub.json")
    assert exitCode == 6 and result["lost"] == 1 and result["findings"][0]["code"] == "no-local-copy"
    assert json.loads((tmp_path / "scrub.json").read_text())["lost"] == 1
    hidden.rename(case)
    exitCode, result = command("scrub", "--store", store, "--due")
    assert exitCode == 0 and result["repaired"] == 1 and kept.read_bytes() == good


def test_aStoreThatIsAwayIsExitCode5(command, synced):
    _case, store = synced
    store.parent.rename(store.parent.with_name("away"))
    exitCode, result = command("scrub", "--store", store)
    store.parent.with_name("away").rename(store.parent)
    assert exitCode == 5 and [finding["code"] for finding in result["findings"]] == ["scrub-unfinished"]


def test_wrongUsageIsExitCode2(command, synced, tmp_path):
    _case, store = synced
    assert command("scrub", "--store", store, "--due", "--all")[0] == 2
    assert command("scrub", "--store", "ftp://host/path")[0] == 2
    assert command("scrub", "--store", store, "--report", tmp_path / "no" / "folder.txt")[0] == 3


def test_whatWasRetractedIsNamedInTheStore_andNotSentAgain(command, synced):
    case, store = synced
    asked = ("retract", "--case", case, "--store", store, "--artefact", "package-1", "--reason", "safety")
    before = {path for path in store.rglob("*") if path.is_file()}
    exitCode, result = command(*asked, "--text", "The guide does not fit")
    assert exitCode == 0 and result["title"] == "Rejected for Patient Safety Reasons" and result["verified"] == 2
    assert before < {path for path in store.rglob("*") if path.is_file()}
    exitCode, result = command("sync", "--case", case, "--store", store)
    assert exitCode == 4 and result["findings"][0]["code"] == "retracted-package"
    assert command(*asked[:-1], "annoyance", "--text", "why")[0] == 2
    assert command("verify", case)[0] == 0
    exitCode, result = command("scrub", "--store", store, "--due")
    assert exitCode == 0
