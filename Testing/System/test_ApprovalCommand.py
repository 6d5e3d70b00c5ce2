"""Approval by command: four eyes, locking and reopening, a package that proves it alone."""

import shutil
import subprocess

import pytest
from GovernanceCalls import writeSite

PASSPHRASE = "three blind mice\n"


# Approval


@pytest.fixture
def aSite(ask, aHome):
    """Options with a site of two users who have made their keys, anna a surgeon and bela an engineer."""
    options = {"extraEnvironment": {"PLANNINGHUB_HOME": str(aHome)}, "stdin": PASSPHRASE}
    users = []
    for name, role in (("anna", "surgeon"), ("bela", "engineer")):
        made = ask("approve", "--make-key", "--user", name, "--passphrase-stdin", **options)
        users.append({"name": name, "roles": [role], "publicKey": made["publicKey"]})
    writeSite(aHome, users)
    return options


def test_fourEyesByTheProceduresTemplateUpToAPackageThatProvesIt(call, ask, refuse, aFullCase, aSite, tmp_path):
    """The site has no rule of its own: the procedure's counts, one signature is too few, one person's two are too."""
    ask("request", "--case", aFullCase, "--procedure", "cranioplasty", "--anatomy", "skull", "--design", "standard")
    approve = ("approve", "--case", aFullCase, "--passphrase-stdin")
    package = ("package", "--case", aFullCase, "--approved", "--out", tmp_path / "out")
    refuse("not-approved", 4, *package, **aSite)
    (made,) = ask(*approve, "--user", "anna", process=True, **aSite)["approvals"]
    assert made["holds"] and (made["user"], made["role"], made["target"]) == ("anna", "surgeon", "part-1")
    refuse("not-approved", 4, *package, **aSite)
    refuse("already-approved", 4, *approve, "--user", "anna", **aSite)
    refuse("not-approved", 4, *package, **aSite)
    assert not (tmp_path / "out").exists()
    assert len(ask(*approve, "--user", "bela", **aSite)["approvals"]) == 2
    ask(*package, **aSite)
    _verifiableWithThePackageAlone(call, tmp_path)
    _lockedUntilReopened(ask, refuse, aFullCase, aSite, package)
    ask("verify", aFullCase)


def _verifiableWithThePackageAlone(call, tmp_path):
    """On a machine that has neither case nor site nor key, and where it can be had, without a network."""
    moved = shutil.copytree(tmp_path / "out", tmp_path / "stick")
    noNetwork = ("unshare", "-rn") if isPossible("unshare", "-rn", "true") else ()
    elsewhere = {"PLANNINGHUB_HOME": str(tmp_path / "elsewhere")}
    alone = {"extraEnvironment": elsewhere, "process": True, "prefix": noNetwork}
    exitCode, result = call("verify", moved, **alone)
    said = " ".join(one["message"] for one in result["findings"] if one["code"] == "approved-by")
    assert exitCode == 0 and "anna (surgeon)" in said and "bela (engineer)" in said
    (approvals,) = moved.glob("*-approvals.json")
    approvals.write_text(approvals.read_text().replace('"anna"', '"olga"'))
    exitCode, result = call("verify", moved, **alone)
    assert exitCode == 6 and "signature-false" in {one["code"] for one in result["findings"]}
    assert not (tmp_path / "elsewhere").exists()


def isPossible(*words):
    return bool(shutil.which(words[0])) and subprocess.run(words, capture_output=True).returncode == 0


def _lockedUntilReopened(ask, refuse, case, site, package):
    """A plan that is changed after approval cannot leave as approved, at any moment of the way."""
    change = ("segment", "--case", case, "--closing-voxels", "0")
    assert "anna" in refuse("approved-locked", 4, *change)["message"]
    reopen = ("approve", "--case", case, "--user", "anna", "--passphrase-stdin", "--reopen")
    refuse("no-reason", 2, *reopen, **site)
    voided = ask(*reopen, "--reason", "screw moved", **site)
    assert voided["reopened"] == ["approval-1", "approval-2"]
    assert [one["holds"] for one in voided["approvals"]] == [False, False]
    steps = {one["kind"]: one["state"] for one in ask("status", "--case", case, **site)["steps"]}
    assert steps["package"] == "stale" and steps["part"] == "done"
    assert "screw moved" in refuse("not-approved", 4, *package[:-1], f"{package[-1]}-2", **site)["message"]
    refuse("stale-package", 4, "sync", "--case", case, "--store", f"{package[-1]}-2", **site)
    ask(*change, **site)
    refuse("stale-part", 4, *package[:-1], f"{package[-1]}-2", **site)


def test_whoMayNotSignIsToldWhy(refuse, ask, aFullCase, aSite, aHome, tmp_path):
    approve = ("approve", "--case", aFullCase, "--passphrase-stdin", "--user")
    refuse("role-missing", 4, *approve, "bela", **aSite)
    refuse("role-missing", 4, *approve, "anna", "--kind", "segmentation", **aSite)
    refuse("no-plan", 4, *approve, "anna", "--kind", "plan", **aSite)
    refuse("wrong-passphrase", 4, *approve, "anna", **{**aSite, "stdin": "guessed\n"})
    refuse("no-signing-key", 3, *approve, "olga", **aSite)
    refuse("key-exists", 4, "approve", "--make-key", "--user", "anna", "--passphrase-stdin", **aSite)
    refuse("usage", 2, "approve", "--case", aFullCase, **aSite)
    refuse("nothing-approved", 4, *approve, "anna", "--reopen", "--reason", "x", **aSite)
    writeSite(aHome)
    refuse("not-a-user", 4, *approve, "anna", **aSite)
    assert ask("status", "--case", aFullCase)["approvals"] == []
