"""Sending a package: who may get it, what is in it, what is recorded, and what a stop in the middle leaves."""

import io
import json
import stat
import tarfile

import pyrage
import pytest
from ExchangeMaking import PARTNER, PASSPHRASE, aPartner, makeCase, opened, send, treeOf, writeSite
from LeakSearch import leaks

from CentralSyncLib.Exchange import Archives, Sending
from CentralSyncLib.Exchange.Keys import makeKey
from PlanningHubLib.Case import Case
from PlanningHubLib.Consent import departures, withdrawConsent
from PlanningHubLib.Errors import Cancelled, GateRefused, InputRefused, UsageError
from PlanningHubLib.Files import sha256, sha256Bytes

IDENTIFIERS = ["Test^Object", "PH-"]


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "home"


@pytest.fixture
def identity(home):
    identity = pyrage.x25519.Identity.generate()
    writeSite(home, aPartner(identity))
    return identity


@pytest.fixture
def aCase(identity, tmp_path):
    return makeCase(tmp_path / "case")


@pytest.fixture
def stick(tmp_path):
    (tmp_path / "stick").mkdir()
    return tmp_path / "stick"


def filesIn(data):
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        return {one.name.partition("/")[2]: archive.extractfile(one).read() for one in archive}


def commit(case, kind, parents, files):
    with case.staging(kind) as stage:
        for name, data in files.items():
            (stage.folder / name).write_bytes(data)
        return stage.commit(parents=parents, facts={"solids": {}})


def test_thePackageIsListedWithHashesAndOpensWithoutUs(aCase, identity, stick):
    made = send(aCase, stick, asked=["implant", "plan"], answerBy="2999-12-31")
    files = filesIn(opened(next(stick.iterdir()), identity))
    manifest = json.loads(files.pop("manifest.json"))
    assert (manifest["code"], manifest["side"], manifest["asked"]) == (made["code"], "left", ["implant", "plan"])
    assert (manifest["unit"], manifest["frame"], manifest["answerBy"]) == ("mm", "LPS", "2999-12-31")
    readme = files.pop("README.txt").decode()
    assert all(word in readme for word in (made["code"], "left", "2999-12-31", "implant, plan", "answer.json"))
    assert {one["path"]: (one["sha256"], one["bytes"]) for one in manifest["files"]} == {
        name: (sha256Bytes(data), len(data)) for name, data in files.items()
    }
    assert len([name for name in files if name.endswith(".dcm")]) == 3 and "copy/report.json" in files


def test_theFilesNameIsTheCodeAlone(aCase, stick):
    made = send(aCase, stick)
    assert [path.name for path in stick.iterdir()] == [f"{made['code']}-1.tar.age"]
    assert made["sha256"] == sha256(next(stick.iterdir())) and made["findings"][-1]["code"] == "no-answer-key"
    again = send(aCase, stick)
    assert again["file"].endswith(f"{made['code']}-2.tar.age") and again["manifest_sha256"] != made["manifest_sha256"]


@pytest.mark.parametrize("name", ["TEST.age", "my-object.age", "Test_Object.tar.age", "{case}.age"])
def test_aNameThatTellsIsRefusedBeforeAnythingIsWritten(aCase, stick, name):
    with Case.open(aCase) as case:
        name = name.format(case=case.name)
    with pytest.raises(UsageError) as caught:
        send(aCase, stick / name)
    assert caught.value.code == "telling-file-name" and not list(stick.iterdir())
    assert send(aCase, stick / "package.age")["file"] == str(stick / "package.age")


def test_whatLeavesIsRecordedAndKept(aCase, stick):
    before = len((aCase / "audit.log").read_text().splitlines())
    made = send(aCase, stick)
    with Case.open(aCase) as case:
        (left,) = departures(case)
        assert (left["purpose"], left["scope"], left["proven"]) == ("treatment-partner", "manufacturer", False)
        assert PARTNER in left["destination"] and made["file"] in left["destination"]
        kept = case.latest("exchange")
        assert kept.id == made["artefact"] and kept.facts["departure"] == left["number"] == made["departure"]
        assert kept.facts["packageSha256"] == made["sha256"]
        assert sha256(case.path(kept, "manifest.json")) == kept.facts["manifestSha256"] == made["manifest_sha256"]
        assert [link.id for link in kept.parents] == ["source-1"] and case.verify() == []
    lines = (aCase / "audit.log").read_text().splitlines()[before:]
    assert [json.loads(line)["action"] for line in lines] == ["released", "deidentified-copy", "artefact-committed"]


def test_noNameLeaves(aCase, identity, stick, tmp_path):
    assert leaks(aCase, IDENTIFIERS)
    send(aCase, stick)
    for name, data in filesIn(opened(next(stick.iterdir()), identity)).items():
        (tmp_path / "plain" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "plain" / name).write_bytes(data)
    assert leaks(tmp_path / "plain", IDENTIFIERS) == [] and leaks(stick, IDENTIFIERS) == []


def test_onlyThePartnerCanOpenIt(aCase, home, identity, stick):
    own = makeKey(PASSPHRASE)
    send(aCase, stick)
    data = next(stick.iterdir()).read_bytes()
    assert data[: data.index(b"\n---")].count(b"-> X25519") == 1
    assert json.loads(filesIn(opened(next(stick.iterdir()), identity))["manifest.json"])["answerTo"] == [own]


def refused(aCase, stick, kind, **options):
    before = treeOf(aCase)
    with pytest.raises(kind) as caught:
        send(aCase, stick, **options)
    assert treeOf(aCase) == before and not list(stick.iterdir())
    return caught.value.code


def test_nobodyElseGetsAnything(aCase, home, stick):
    writeSite(home, aPartner(pyrage.x25519.Identity.generate(), name="Partner Two"))
    assert refused(aCase, stick, GateRefused) == "unknown-partner"
    key = str(pyrage.x25519.Identity.generate().to_public())
    writeSite(home, {"name": PARTNER, "ageRecipients": [key[:-1] + ("q" if key[-1] != "q" else "p")]})
    assert refused(aCase, stick, UsageError) == "bad-age-key"


def test_withoutConsentNothingLeaves(aCase, stick):
    with Case.open(aCase, writable=True) as case:
        withdrawConsent(case, "manufacturer")
    assert refused(aCase, stick, GateRefused) == "no-consent"


def test_badWishesAreRefused(aCase, stick):
    for options, code in (
        ({"asked": ["money"]}, "unknown-asked"),
        ({"answerBy": "2020-01-01"}, "bad-answer-date"),
        ({"answerBy": "tomorrow"}, "bad-answer-date"),
        ({"answerBy": "29991231"}, "bad-answer-date"),
    ):
        assert refused(aCase, stick, UsageError, **options) == code


def test_aStalePlanNeverLeavesAndOneWithoutSignaturesOnlyWhenSaid(aCase, stick, monkeypatch):
    with Case.open(aCase, writable=True) as case:
        segmentation = commit(case, "segmentation", [case.latest("source")], {"bone.seg.nrrd": b"labels"})
        commit(case, "part", [segmentation], {"part.stl": b"triangles"})
    assert refused(aCase, stick, GateRefused) == "not-approved"
    with Case.open(aCase, writable=True) as case:
        plan = commit(case, "plan", [segmentation], {"plan.json": b"{}"})
        commit(case, "part", [plan], {"part.stl": b"triangles"})
    assert refused(aCase, stick, GateRefused) == "not-approved"
    with Case.open(aCase, writable=True) as case:
        commit(case, "segmentation", [case.latest("source")], {"bone.seg.nrrd": b"other labels"})
    assert refused(aCase, stick, GateRefused, notApproved=True) == "stale-plan"


def test_whatIsThereIsNeverOverwritten(aCase, stick):
    (stick / "package.age").write_bytes(b"mine")
    with pytest.raises(InputRefused) as caught:
        send(aCase, stick / "package.age")
    assert caught.value.code == "already-there" and (stick / "package.age").read_bytes() == b"mine"


def test_plainTextLiesInAPrivateFolderOnlyWhileItIsPacked(aCase, stick, monkeypatch, tmp_path):
    seen = []

    def watched(entries, progress):
        (folder,) = [path for path in aCase.iterdir() if path.name.startswith(".aside-")]
        seen.append((stat.S_IMODE(folder.stat().st_mode), leaks(stick, ["DX-"])))
        assert not [path for path in folder.rglob("*") if path.suffix == ".tar"]
        return Archives.tarPieces(entries, progress)

    monkeypatch.setattr(Sending, "tarPieces", watched)
    send(aCase, stick)
    assert seen == [(0o700, [])]
    assert not [path for path in aCase.rglob(".aside-*")] and len(list(stick.iterdir())) == 1


def test_cancelledAtAnyMomentItLeavesNothingButTheRecordOfTheDeparture(aCase, stick):
    artefacts, count = treeOf(aCase / "artefacts"), 0
    while True:
        count += 1
        left = [count]

        def progress(_fraction, _text, left=left):
            left[0] -= 1
            if left[0] == 0:
                raise Cancelled

        try:
            send(aCase, stick, progress=progress)
            break
        except Cancelled:
            assert treeOf(aCase / "artefacts") == artefacts and not list(stick.iterdir())
            assert not list(aCase.glob(".aside-*"))
    assert count > 5 and len(list(stick.iterdir())) == 1


def test_whatAKillLeavesIsRemovedWhenTheCaseIsOpenedNext(aCase, stick):
    leftover = aCase / f".aside-exchange-{'0' * 32}"
    (leftover / "copy").mkdir(parents=True)
    (leftover / "copy" / "image.dcm").write_bytes(b"plain")
    Case.open(aCase, writable=True).close()
    assert not leftover.exists()
