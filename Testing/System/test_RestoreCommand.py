"""Restore and browse by command: a real chain to a folder and to a real archive, and back on an empty machine."""

import shutil

import pytest
from GovernanceCalls import writeSite
from SmallCases import treeOf

from Servers.OrthancServer import OrthancServer, freePort, whyNoOrthanc

PASSPHRASE = "three blind mice\n"


@pytest.fixture(scope="module")
def orthanc():
    if whyNoOrthanc():
        pytest.skip(whyNoOrthanc())
    with OrthancServer() as server:
        yield server


@pytest.fixture(params=["folder", "orthanc"])
def aStore(request, tmp_path):
    return str(tmp_path / "store") if request.param == "folder" else request.getfixturevalue("orthanc").address


@pytest.fixture
def anApproved(ask, aFullCase, aHome):
    """(case that a surgeon has approved, options of the workstation that has its key)."""
    here = {"extraEnvironment": {"PLANNINGHUB_HOME": str(aHome)}, "stdin": PASSPHRASE}
    made = ask("approve", "--make-key", "--user", "anna", "--passphrase-stdin", **here)
    writeSite(aHome, [{"name": "anna", "roles": ["surgeon"], "publicKey": made["publicKey"]}])
    ask("approve", "--case", aFullCase, "--user", "anna", "--passphrase-stdin", **here)
    return aFullCase, here


@pytest.fixture
def anEmptyMachine(tmp_path):
    return {"extraEnvironment": {"PLANNINGHUB_HOME": str(tmp_path / "empty")}}


def test_theCaseComesBackFromTheStoreAlone(ask, refuse, anApproved, anEmptyMachine, aStore, aHome, tmp_path):
    case, here = anApproved
    assert ask("sync", "--case", case, "--store", aStore, **here)["failed"] == 0
    before = ask("status", "--case", case, **here)
    (listed,) = ask("browse", "--store", aStore, "--patient", before["name"], **anEmptyMachine)["cases"]
    assert (listed["name"], listed["side"], listed["approved"]) == (before["name"], "left", True)
    back = tmp_path / "back"
    result = ask("restore", listed["caseId"], "--store", aStore, "--out", back, process=True, **anEmptyMachine)
    codes = {finding["code"] for finding in result["findings"]}
    assert codes >= {"audit-key-missing", "approval-does-not-hold"}, "what cannot be proven here is said"
    assert treeOf(back) == treeOf(case) and result["fetched"] > 60
    verified = ask("verify", back, **anEmptyMachine)
    assert verified["ok"]
    # With the site's key and users, the same as where it was made.
    assert ask("verify", back, "--store", aStore, **here)["findings"] == []
    after = ask("status", "--case", back, **here)
    assert after.pop("folder") != before.pop("folder") and after == before
    assert after["approvals"][0]["holds"] and after["approvals"][0]["user"] == "anna"
    refuse("already-there", 3, "restore", before["name"], "--store", aStore, "--out", back, **anEmptyMachine)
    # The restored case is as good as the first: it can be gone on with.
    shutil.rmtree(case)
    assert ask("sync", "--case", back, "--store", aStore, **here)["failed"] == 0


def test_whatIsWrongIsNamed(refuse, ask, aFullCase, anEmptyMachine, tmp_path):
    store, out = tmp_path / "store", tmp_path / "back"
    result = ask("sync", "--case", aFullCase, "--store", store)
    refuse("no-such-case", 3, "restore", "PH-00000000-0000", "--store", store, "--out", out, **anEmptyMachine)
    refuse("store-unreachable", 5, "restore", "any", "--store", tmp_path / "none", "--out", out, **anEmptyMachine)
    address = f"dicomweb+http://127.0.0.1:{freePort()}/dicom-web"
    refuse("store-unreachable", 5, "restore", "any", "--store", address, "--out", out, **anEmptyMachine)
    refuse("bad-date", 2, "browse", "--store", store, "--from", "yesterday", **anEmptyMachine)
    (listed,) = ask("browse", "--store", store, "--type", "package", **anEmptyMachine)["cases"]
    refuse("no-such-state", 2, "restore", listed["name"], "--store", store, "--out", out, "--at", 1, **anEmptyMachine)
    digest = next(item["sha256"] for item in result["items"] if item["name"].endswith("00007.dcm"))
    kept = store / "objects" / digest[:2] / digest[2:]
    kept.write_bytes(kept.read_bytes()[:-1] + b"x")
    refused = refuse("content-lost", 6, "restore", listed["name"], "--store", store, "--out", out, **anEmptyMachine)
    assert refused["files"] == ["artefacts/source-1/r1/dicom/00007.dcm"]
    assert not out.exists() and not list(tmp_path.glob(".restore*"))
