"""Who one is at a store, and what the client refuses before anything leaves."""

import json

import pytest

from CentralSyncLib import Access
from CentralSyncLib.Server import Roles
from CentralSyncLib.Stores.Addresses import openStore
from CentralSyncLib.Sync import syncCase
from PlanningHubLib.ArchiveAccess import Credentials
from PlanningHubLib.Case import Case
from PlanningHubLib.Consent import recordConsent
from PlanningHubLib.Errors import GateRefused
from PlanningHubLib.Site import Site
from Servers.LyingServer import LyingServer

STORE = "dicomweb+https://store.example/dicom-web"
USERS = {
    "surgeon.one": ["surgeon"], "radiologist.one": ["radiologist"], "engineer.one": ["engineer"],
    "signer.one": ["quality"], "teacher.one": ["teacher"], "both.one": ["teacher", "engineer"], "guest.one": ["guest"],
}  # fmt: skip
APPROVALS = [{"kind": "part", "roles": ["quality"], "signatures": 1}]


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A site whose users have roles of its own and of the store."""
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path))
    users = [{"name": name, "roles": roles, "publicKey": f"{number:064x}"}
             for number, (name, roles) in enumerate(USERS.items())]  # fmt: skip
    stores = [{"name": "hospital", "address": STORE}]
    values = {"format": "planninghub-site", "version": 1, "users": users, "approvals": APPROVALS, "stores": stores}
    (tmp_path / "site.json").write_text(json.dumps(values))
    return Site.forThisInstallation()


def test_rolesOfTheSiteBecomeThoseOfTheStore(site):
    assert {name: Roles.rolesOf(name, site) for name in USERS} == {
        "surgeon.one": ["clinician"], "radiologist.one": ["clinician"], "engineer.one": ["engineer"],
        "signer.one": ["approver"], "teacher.one": ["teacher"], "both.one": ["engineer", "teacher"], "guest.one": [],
    }  # fmt: skip
    assert Roles.rolesOf("nobody", site) is None


ALLOWED = {
    "surgeon.one": {"push", "read", "search", "restore", "scrub", "retract", "publish-teaching", "read-teaching"},
    "engineer.one": {"push", "read", "search", "restore", "scrub", "retract"},
    "signer.one": {"read", "search", "restore"},
    "teacher.one": {"read-teaching"},
    "both.one": {"push", "read", "search", "restore", "scrub", "retract", "read-teaching"},
    "guest.one": set(),
}


@pytest.mark.parametrize("user", ALLOWED)
def test_whatARoleDoesNotAllowIsRefusedWithTheRolesThatDo(site, user):
    for action in Roles.actionNames():
        auth = Credentials(user, "secret-word")
        if action in ALLOWED[user]:
            assert Access.require(openStore(STORE, auth), action, site=site).user == user
            assert Access.require("hospital", action, auth, site).user == user
        else:
            with pytest.raises(GateRefused):
                Access.require(STORE, action, auth, site)
            with pytest.raises(GateRefused) as caught:
                Access.require(openStore("hospital", auth), action, site=site)
            assert caught.value.code == "role-missing" and caught.value.exitCode == 4
            assert user in caught.value.message and Roles.rolesFor(action)[0] in caught.value.message
            assert "secret-word" not in str(caught.value)


def test_everyActionHasWordsAndARoleThatMayDoIt():
    assert set(Access.WORDS) == set(Roles.actionNames())
    assert all(Roles.rolesFor(action) for action in Roles.actionNames())


def test_nobodyMayDoWhatIsNoAction(site):
    with pytest.raises(KeyError):
        Access.require(openStore(STORE, Credentials("surgeon.one", "secret-word")), "delete", site=site)


@pytest.mark.parametrize("address", ["/srv/store", "dicom://ARCHIVE@127.0.0.1:104"])
def test_aStoreThatAsksForNoLoginIsLeftToItself(site, address):
    assert Access.require(openStore(address), "push", site=site) == Access.Standing()
    assert Access.require(address, "push", Credentials("teacher.one", "secret-word"), site) == Access.Standing()


@pytest.mark.parametrize("auth", [None, Credentials("", "abcdef"), Credentials("stranger", "secret-word")])
def test_whomTheSiteDoesNotKnowIsLeftToTheStore(site, auth):
    assert Access.require(openStore(STORE, auth), "push", site=site).mayDo("push") is None


def test_rememberedCredentialsSayWhoComes(site, tmp_path, monkeypatch):
    from PlanningHubLib.ArchiveAccess import remember

    phrase = tmp_path / "phrase"
    phrase.touch(mode=0o600)
    phrase.write_text("a long enough phrase\n")
    monkeypatch.setenv("PLANNINGHUB_PASSPHRASE_FILE", str(phrase))
    remember("https://store.example/dicom-web", Credentials("teacher.one", "secret-word"))
    found = Access.Standing("teacher.one", ("teacher",))
    assert Access.standing("hospital") == Access.standing(openStore("hospital")) == found
    with pytest.raises(GateRefused, match="teacher.one may not send results"):
        Access.require(openStore("hospital"), "push")


def test_aSyncWithoutTheRoleAsksTheStoreNothingAndRecordsNothing(site, tmp_path):
    with LyingServer() as server, Case.create(tmp_path / "case", "5a" * 32) as case:
        recordConsent(case, "treatment", "2026-01-31", "test 1")
        before = (tmp_path / "case/case.json").read_bytes()
        with pytest.raises(GateRefused) as caught:
            syncCase(case, openStore(server.address, Credentials("teacher.one", "secret-word")))
        assert caught.value.code == "role-missing" and server.requests == []
        assert (tmp_path / "case/case.json").read_bytes() == before
        # With the role, it is the case that is not ready yet.
        with pytest.raises(GateRefused) as caught:
            syncCase(case, openStore(server.address, Credentials("engineer.one", "secret-word")))
        assert caught.value.code == "no-package"
