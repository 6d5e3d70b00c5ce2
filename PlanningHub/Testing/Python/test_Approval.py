"""Approval: only by who may, bound to every byte, locked until reopened, void as soon as anything differs."""

import dataclasses
import json

import pytest
from ApprovalMaking import ROLES, RULES, keyOf, writeSite
from CaseMaking import commit, commitChain, newCase

from PlanningHubLib import Approval, Signing
from PlanningHubLib.Case import Case
from PlanningHubLib.CaseFormat import FILE_NAME, encode
from PlanningHubLib.Errors import GateRefused, InputRefused, UsageError, VerificationFailed
from PlanningHubLib.Prescription import statePrescription
from PlanningHubLib.Site import Site

ABOVE = ("source", "segmentation", "part")


@pytest.fixture(autouse=True)
def aSite(ownHome):
    return writeSite()


@pytest.fixture
def anApproved(aCase):
    """The artefacts of ``aCase``, whose part anna has approved."""
    made = commitChain(aCase)
    Approval.approve(aCase, keyOf("anna"))
    return made


def refusal(function, *arguments, kind=GateRefused):
    with pytest.raises(kind) as error:
        function(*arguments)
    return error.value.code


def held(case, made):
    return [one["id"] for one in Approval.holding(case, [made[kind] for kind in ABOVE])]


def test_anApprovalHoldsForExactlyWhatItCovers(aCase, anApproved):
    assert held(aCase, anApproved) == ["approval-1"]
    statement = aCase.governance["approvals"][0]["statement"]
    assert {one["id"]: one["content"] for one in statement["artefacts"]} == {
        anApproved[kind].id: anApproved[kind].content for kind in ABOVE
    }
    assert Approval.holding(aCase, [anApproved["package"]]) == []
    assert Case.open(aCase.folder).verify() == []


@pytest.mark.parametrize("user, code", [("cleo", "role-missing"), ("bela", "role-missing"), ("dora", "not-a-user")])
def test_onlyWhoMayApproves(aCase, user, code):
    commitChain(aCase)
    assert refusal(Approval.approve, aCase, keyOf(user)) == code
    assert aCase.governance["approvals"] == []


def test_anotherKeyUnderAKnownNameIsRefused(aCase):
    commitChain(aCase)
    assert refusal(Approval.approve, aCase, dataclasses.replace(keyOf("bela"), user="anna")) == "key-differs"


def test_aRoleThatTheUserDoesNotHaveIsRefused(aCase):
    commitChain(aCase)
    assert refusal(Approval.approve, aCase, keyOf("anna"), "part", "engineer") == "role-missing"


def test_withoutASiteNobodyApproves(aCase, aSite):
    commitChain(aCase)
    aSite.unlink()
    assert refusal(Approval.approve, aCase, keyOf("anna")) == "not-a-user"


def test_staleOrDamagedIsNotApproved(aCase):
    made = commitChain(aCase)
    commit(aCase, "segmentation", b"other", [made["source"]])
    assert refusal(Approval.approve, aCase, keyOf("anna")) == "stale-part"
    aCase.path(aCase.latest("segmentation"), "note.txt").write_text("x")
    assert refusal(Approval.approve, aCase, keyOf("anna"), "segmentation") == "damaged-segmentation"


def test_approvedIsLockedWithEverythingAbove(aCase, anApproved):
    for kind in ABOVE:
        with pytest.raises(GateRefused) as error:
            commit(aCase, kind, b"other")
        assert error.value.code == "approved-locked" and "anna" in error.value.message
    assert held(aCase, anApproved) == ["approval-1"]
    commit(aCase, "package", b"again", [anApproved[kind] for kind in ABOVE])


def test_whatIsPrescribedIsLockedWithWhatWasMadeForIt(aCase):
    def prescribe(thicknessMm):
        who = {"name": "A. Prescriber", "qualification": "surgeon", "institution": "A hospital"}
        return statePrescription(aCase, "Plate", who, [{"kind": "plate-thickness", "value": thicknessMm}])

    commitChain(aCase)
    prescribe(3.0)
    Approval.approve(aCase, keyOf("anna"))
    assert refusal(prescribe, 1.0) == "approved-locked"
    Approval.reopen(aCase, keyOf("anna"), "thinner")
    assert prescribe(1.0)["revision"] == 2


def test_asSecondPartBesideTheApprovedOneIsNotApproved(aCase, anApproved):
    with aCase.staging("part", artefactId="part-2") as stage:
        (stage.folder / "file").write_text("x")
        other = stage.commit(parents=[anApproved["segmentation"]])
    assert Approval.holding(aCase, [anApproved["source"], anApproved["segmentation"], other]) == []


@pytest.mark.parametrize("kind", ABOVE)
def test_oneByteChangedVoidsTheApproval(aCase, anApproved, kind):
    path = aCase.path(anApproved[kind], "below/content.bin")
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert held(aCase, anApproved) == []
    with pytest.raises(GateRefused) as error:
        Approval.requireHolding(aCase, [anApproved[one] for one in ABOVE])
    assert error.value.code == "not-approved" and anApproved[kind].id in error.value.message
    path.write_bytes(content)
    assert held(aCase, anApproved) == ["approval-1"]


@pytest.mark.parametrize("change", [
    {"user": "bela"}, {"role": "engineer"}, {"when": "2020-01-01T00:00:00Z"}, {"target": "segmentation-1"},
    {"neededSignatures": 0},
])  # fmt: skip
def test_changedStatementIsFalse(aCase, anApproved, change):
    approval = aCase.governance["approvals"][0]
    assert Signing.isTrue(approval)
    approval["statement"].update(change)
    assert not Signing.isTrue(approval)
    assert Approval.faults(aCase, approval, Site.forThisInstallation()) == ["its signature is false"]


@pytest.mark.parametrize("place", range(0, 128, 9))
def test_everyChangedDigitOfTheSignatureIsSeen(aCase, anApproved, place):
    approval = aCase.governance["approvals"][0]
    digits = approval["signature"]
    approval["signature"] = digits[:place] + ("0" if digits[place] != "0" else "1") + digits[place + 1 :]
    assert not Signing.isTrue(approval)


def test_approvalOfAnotherCaseDoesNotHold(aCase, anApproved, tmp_path):
    with newCase(tmp_path / "other", side="left", procedure="Cranioplasty") as other:
        made = commitChain(other)
        governance = other.governance
        governance["approvals"] = aCase.governance["approvals"]
        other.changeGovernance(governance, "approved", {})
        assert [one.content for one in made.values()] == [one.content for one in anApproved.values()]
        assert held(other, made) == []


def test_approvalWrittenIntoTheFileByHandIsFound(aCase, anApproved):
    aCase.close()
    path = aCase.folder / FILE_NAME
    values = json.loads(path.read_text())
    values["governance"]["approvals"][0]["statement"]["user"] = "bela"
    path.write_bytes(encode(values))
    with pytest.raises(VerificationFailed):
        Case.open(aCase.folder)


def test_userWhoLostRoleOrKeyNoLongerApproves(aCase, anApproved):
    writeSite(users={**ROLES, "anna": ["clerk"]})
    assert held(aCase, anApproved) == []
    writeSite(users={"bela": ["surgeon"]})
    assert held(aCase, anApproved) == []
    path = writeSite()
    path.write_text(path.read_text().replace(keyOf("anna").publicKey, keyOf("other").publicKey))
    assert held(aCase, anApproved) == []


def test_fourEyesNeedTwoPeopleWithTwoKeys(tmp_path):
    with newCase(tmp_path / "tumor", side="left", procedure="tumor") as case:
        made = commitChain(case)
        Approval.approve(case, keyOf("anna"))
        assert held(case, made) == []
        assert refusal(Approval.approve, case, keyOf("anna")) == "already-approved"
        assert refusal(Approval.approve, case, keyOf("anna"), "part", "surgeon") == "already-approved"
        Approval.approve(case, keyOf("bela"))
        assert held(case, made) == ["approval-1", "approval-2"]
        assert Approval.signers(case.governance["approvals"][:1] * 2) == 1


def fourEyesByProcedure(tmp_path, procedure="mandible"):
    """A case whose site has no rule of its own, so that the procedure's counts."""
    writeSite(rules=[])
    return newCase(tmp_path / "template", procedure=procedure)


def test_fourEyesWhereTheProcedureAsksAndTheSiteSaysNothing(tmp_path):
    with fourEyesByProcedure(tmp_path) as case:
        made = commitChain(case)
        assert held(case, made) == []
        Approval.approve(case, keyOf("anna"))
        assert case.governance["approvals"][0]["statement"]["neededSignatures"] == 2
        assert held(case, made) == [] and refusal(Approval.requireHolding, case, [made["part"]]) == "not-approved"
        assert refusal(Approval.approve, case, keyOf("anna")) == "already-approved"
        assert refusal(Approval.approve, case, keyOf("cleo")) == "role-missing"
        Approval.approve(case, keyOf("bela"))
        assert held(case, made) == ["approval-1", "approval-2"]


def test_twoSignaturesOfOneUserAreNoFourEyes(tmp_path):
    """Not even when the second one was written into the case by other means."""
    with fourEyesByProcedure(tmp_path) as case:
        made = commitChain(case)
        Approval.approve(case, keyOf("anna"))
        governance = case.governance
        again = {**governance["approvals"][0]["statement"], "id": "approval-2"}
        governance["approvals"].append({"id": "approval-2", **keyOf("anna").sign(again), "voided": None})
        case.changeGovernance(governance, "approved", {})
        assert [one["holds"] for one in Approval.approvalLines(case)] == [True, True]
        assert held(case, made) == []


def test_theSitesOwnRuleGoesBeforeTheProcedures(tmp_path):
    writeSite()
    with newCase(tmp_path / "case", procedure="mandible") as case:
        made = commitChain(case)
        assert Site.forThisInstallation().rule("part", "mandible")["origin"] == "site"
        Approval.approve(case, keyOf("anna"))
        assert held(case, made) == ["approval-1"]


def test_aProcedureWithoutApprovalsLeavesNobodyWhoMayApprove(tmp_path, ownHome):
    siteProcedure(ownHome, [])
    with fourEyesByProcedure(tmp_path, "ours") as case:
        commitChain(case)
        assert refusal(Approval.approve, case, keyOf("anna")) == "role-missing"


def siteProcedure(home, approvals):
    values = {"format": "planninghub-procedure", "version": 1, "name": "ours", "title": "Ours",
              "imaging": {"sliceSpacingMm": {"warnAbove": 1, "source": "ours"}}, "approvals": approvals}  # fmt: skip
    path = home / "procedures" / "ours.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(values))
    path.chmod(0o644)
    return path


def test_aSitesProcedureThatOthersCanChangeDecidesNothing(tmp_path, ownHome):
    one = {"kind": "part", "roles": ["surgeon"], "signatures": 1, "source": "ours"}
    path = siteProcedure(ownHome, [one])
    with fourEyesByProcedure(tmp_path, "ours") as case:
        made = commitChain(case)
        path.chmod(0o666)
        assert refusal(Approval.approve, case, keyOf("anna")) == "site-file-open-to-others"
        path.chmod(0o644)
        Approval.approve(case, keyOf("anna"))
        assert held(case, made) == ["approval-1"]
        # Raised later, the older signature no longer suffices.
        path.write_text(path.read_text().replace('"signatures": 1', '"signatures": 2'))
        assert held(case, made) == []


def test_ruleRelaxedLaterDoesNotMakeUpForASignature(tmp_path):
    with newCase(tmp_path / "tumor", side="left", procedure="tumor") as case:
        made = commitChain(case)
        Approval.approve(case, keyOf("anna"))
        writeSite(rules=[{**RULES[0], "signatures": 1}])
        assert held(case, made) == []


def test_reopeningVoidsUnlocksAndMakesStaleWhatRestedOnIt(aCase, anApproved):
    approvals = [one["id"] for one in Approval.standing(aCase.governance)]
    with aCase.staging("package") as stage:
        (stage.folder / "file").write_text("x")
        package = stage.commit(parents=[anApproved[one] for one in ABOVE], facts={"approvals": approvals})
    receipt = commit(aCase, "receipt", parents=[package])
    assert aCase.state(package) == aCase.state(receipt) == "current"
    assert refusal(Approval.reopen, aCase, keyOf("cleo"), "why") == "role-missing"
    assert refusal(Approval.reopen, aCase, keyOf("anna"), " ", kind=UsageError) == "no-reason"
    assert Approval.reopen(aCase, keyOf("anna"), "screw moved") == ["approval-1"]
    assert held(aCase, anApproved) == []
    assert aCase.state(package) == aCase.state(receipt) == "stale"
    assert aCase.state(anApproved["part"]) == "current"
    commit(aCase, "part", b"other", [anApproved["segmentation"]])
    (line,) = Approval.approvalLines(aCase)
    assert not line["holds"] and "screw moved" in line["faults"][0]
    assert refusal(Approval.reopen, aCase, keyOf("anna"), "again") == "nothing-approved"


# Keys and the site's file


def test_keyIsKeptEncryptedForItsOwnerOnly(ownHome):
    key = Signing.createKey("anna", "correct horse")
    (path,) = ownHome.glob("signing-key-*")
    assert path.stat().st_mode & 0o777 == 0o600
    assert key.secret.hex() not in path.read_text() and key.secret not in path.read_bytes()
    assert Signing.loadKey("anna", "correct horse").publicKey == key.publicKey
    assert refusal(Signing.loadKey, "anna", "wrong horse!") == "wrong-passphrase"
    assert refusal(Signing.loadKey, "anna", None) == "no-passphrase"
    assert refusal(Signing.createKey, "anna", "correct horse") == "key-exists"
    assert key.secret.hex() not in repr(key)
    path.chmod(0o644)
    assert refusal(Signing.loadKey, "anna", "correct horse") == "key-file-open-to-others"


@pytest.mark.parametrize("user", ["", "../anna", "an na", "a" * 65, None])
def test_namesThatAreNoFileNamesAreRefused(user):
    assert refusal(Signing.createKey, user, "correct horse", kind=UsageError) == "bad-user-name"


def test_noKeyInPlainText(ownHome):
    for passphrase in (None, "", "short"):
        assert refusal(Signing.createKey, "anna", passphrase, kind=UsageError) == "no-passphrase"
    assert not list(ownHome.glob("signing-key-*"))
    assert refusal(Signing.loadKey, "anna", "correct horse", kind=InputRefused) == "no-signing-key"


def test_passphraseComesFromAFileOfItsOwner(ownHome, tmp_path, monkeypatch):
    path = tmp_path / "passphrase"
    path.write_text("correct horse\n")
    monkeypatch.setenv("PLANNINGHUB_PASSPHRASE_FILE", str(path))
    path.chmod(0o640)
    assert refusal(Signing.createKey, "anna") == "key-file-open-to-others"
    path.chmod(0o600)
    assert Signing.createKey("anna").publicKey == Signing.loadKey("anna", "correct horse").publicKey


def test_siteFileThatOthersCanChangeIsRefused(aSite):
    aSite.chmod(0o664)
    assert refusal(Site.forThisInstallation) == "site-file-open-to-others"


@pytest.mark.parametrize("changes", [
    {"format": "other"}, {"version": 2}, {"more": 1}, {"approvals": [{"kind": "part", "roles": [], "signatures": 1}]},
    {"approvals": [{"kind": "part", "roles": ["surgeon"], "signatures": 0}]},
])  # fmt: skip
def test_badSiteFileIsNamed(changes):
    writeSite(**changes)
    assert refusal(Site.forThisInstallation, kind=InputRefused) == "bad-site-file"


def test_oneKeyForTwoUsersIsNoFourEyes(aSite):
    user = {"name": "anna", "roles": ["surgeon"], "publicKey": keyOf("anna").publicKey}
    users = [user, {**user, "name": "bela"}]
    aSite.write_text(json.dumps({**json.loads(aSite.read_text()), "users": users}))
    assert refusal(Site.forThisInstallation, kind=InputRefused) == "bad-site-file"
