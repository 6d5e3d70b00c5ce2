"""A partner's answer finds the one case that it answers, by code and hash; everything else is refused by name."""

import shutil
import stat

import pyrage
import pytest
from ExchangeMaking import PASSPHRASE, PLATE, STL, aPartner, makeCase, send, treeOf, writeAnswer, writeSite

from CentralSyncLib.Exchange.Documents import encode
from CentralSyncLib.Exchange.Keys import identitiesOf, makeKey
from CentralSyncLib.Exchange.Opening import makeAnswer, openPackage
from CentralSyncLib.Exchange.Overview import exchangeLines
from CentralSyncLib.Exchange.Receiving import receiveAnswer
from PlanningHubLib.Case import Case
from PlanningHubLib.Consent import withdrawConsent
from PlanningHubLib.Errors import PlanningError
from PlanningHubLib.Files import sha256Bytes
from PlanningHubLib.Received import receivedModel
from PlanningHubLib.Signing import createKey

SHAPE = {"kind": "implant", "unit": "mm", "frame": "LPS"}


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
def root(identity, tmp_path):
    """A folder with two cases of one patient, and what each sent: the code is the same, the hash is not."""
    for name in ("one", "two"):
        makeCase(tmp_path / "root" / name)
    (tmp_path / "root" / "no case").mkdir()
    return tmp_path / "root"


@pytest.fixture
def made(root, tmp_path):
    return send(root / "one", tmp_path / "one.age")


def refused(root, path, **options):
    before = treeOf(root)
    with pytest.raises(PlanningError) as caught:
        receiveAnswer(path, **(options or {"root": root}))
    assert treeOf(root) == before
    return caught.value.code


def test_theAnswerFindsItsCase(root, made, tmp_path):
    other = send(root / "two", tmp_path / "two.age")
    assert other["code"] == made["code"]
    result = receiveAnswer(writeAnswer(tmp_path / "answer", made), root=root)
    assert (result["case"], result["artefact"], result["answers"]) == (str(root / "one"), "external-1", "exchange-1")
    with Case.open(root / "one") as case:
        kept = case.latest("external")
        assert case.path(kept, "plate.stl").read_bytes() == STL and case.state(kept) == "current"
        assert [one.id for one in kept.parents] == ["exchange-1"] and case.verify() == []
        assert stat.S_IMODE(case.path(kept, "plate.stl").stat().st_mode) & 0o111 == 0
        model = receivedModel(case, "external-1", "plate.stl")
        assert (model.kind, model.unit, model.frame, model.sha256) == ("implant", "mm", "LPS", sha256Bytes(STL))
        (line,) = exchangeLines(case)
        assert [(one["id"], one["models"], one["state"]) for one in line["answers"]] == [
            ("external-1", ["plate.stl"], "current")
        ]  # fmt: skip
    with Case.open(root / "two") as case:
        assert case.latest("external") is None


def test_anEncryptedAnswerIsOpenedWithOurKey(root, identity, tmp_path):
    makeKey(PASSPHRASE)
    made = send(root / "one", tmp_path / "one.age")
    openPackage(made["file"], tmp_path / "opened", [identity])
    (tmp_path / "plate.stl").write_bytes(STL)
    sealed = makeAnswer(
        tmp_path / "opened", [("implant", tmp_path / "plate.stl")], "left", tmp_path / "answer.age", "mm", "LPS"
    )
    with pytest.raises(PlanningError) as caught:
        receiveAnswer(sealed["file"], lambda: [identity], root=root)
    assert caught.value.code == "wrong-key"
    result = receiveAnswer(sealed["file"], lambda: identitiesOf(passphrase=PASSPHRASE), root=root)
    assert result["case"] == str(root / "one") and result["models"] == ["plate.stl"]


def test_whatAnswersNoPackageIsUnmatched(root, made, tmp_path):
    strangers = {"manifestSha256": "0" * 64}, {"code": "DX-00000000-0000"}
    for number, changes in enumerate(strangers):
        assert refused(root, writeAnswer(tmp_path / str(number), made, **changes)) == "answer-unmatched"
    # The right answer, held against another case of the same patient.
    answer = writeAnswer(tmp_path / "answer", made)
    assert refused(root, answer, caseFolder=root / "two") == "answer-unmatched"


def test_aCopyOfTheCaseMakesItAmbiguous(root, made, tmp_path):
    shutil.copytree(root / "one", root / "copy of one")
    answer = writeAnswer(tmp_path / "answer", made)
    assert refused(root, answer) == "answer-ambiguous"
    assert receiveAnswer(answer, caseFolder=root / "one")["case"] == str(root / "one")


def test_aWithdrawnConsentRefusesTheAnswer(root, made, tmp_path):
    with Case.open(root / "one", writable=True) as case:
        withdrawConsent(case, "manufacturer")
    assert refused(root, writeAnswer(tmp_path / "answer", made)) == "no-consent"


def test_theOtherSideIsRefused(root, made, tmp_path):
    for side in ("right", "bilateral", None):
        assert refused(root, writeAnswer(tmp_path / str(side), made, side=side)) == "answer-other-side"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"kind": "implant", "frame": "LPS"}, "no-unit"),
        ({"kind": "implant", "unit": "mm"}, "no-frame"),
        ({"kind": "implant", "unit": "inch", "frame": "LPS"}, "bad-exchange-file"),
        ({"kind": "implant", "unit": "mm", "frame": "IJK"}, "bad-exchange-file"),
        ({"kind": "document"}, "answer-file-refused"),
        ({"kind": "program"}, "bad-exchange-file"),
    ],
)
def test_aShapeWithoutUnitOrFrameIsRefused(root, made, tmp_path, said, code):
    assert refused(root, writeAnswer(tmp_path / "answer", made, {"plate.stl": (STL, said)})) == code


def test_aShapeThatSaysAnotherFrameThanTheAnswerIsRefused(root, made, tmp_path):
    data = b"SPACE=RAS".ljust(80) + STL[80:]
    assert refused(root, writeAnswer(tmp_path / "answer", made, {"plate.stl": (data, SHAPE)})) == "frame-differs"


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("plate.exe", STL, SHAPE),
        ("plate.stl", b"MZ" + bytes(200), SHAPE),
        ("plate.stl", b"\x7fELF" + bytes(200), SHAPE),
        ("plate.obj", b"#!/bin/sh\nrm -r x\n", SHAPE),
        ("plate.stl", STL + b"more", SHAPE),
        ("plate.stl", b"<html>", SHAPE),
        ("plate.ply", b"no ply", SHAPE),
        ("plate.obj", b"v 0 0 0\0", SHAPE),
        ("plate.3mf", b"no zip", {"kind": "implant", "frame": "LPS"}),
        ("plan.json", b"no json", {"kind": "plan"}),
        ("report.pdf", b"no pdf", {"kind": "document"}),
        ("macro.docm", b"PK\x03\x04", {"kind": "document"}),
        ("page.html", b"<script>", {"kind": "document"}),
        ("plate.STL.lnk", STL, SHAPE),
    ],
)
def test_programsAndWhatIsNotWhatItSaysAreRefused(root, made, tmp_path, name, data, said):
    assert refused(root, writeAnswer(tmp_path / "answer", made, {name: (data, said)})) == "answer-file-refused"


def test_whatIsWhatItSaysIsTaken(root, made, tmp_path):
    files = {
        "shapes/plate.STL": (STL, SHAPE),
        "text.stl": (b"solid plate\nendsolid plate\n", SHAPE),
        "plate.obj": (b"v 0 0 0\n", {**SHAPE, "frame": "RAS"}),
        "plate.ply": (b"ply\nformat ascii 1.0\n", SHAPE),
        "plate.3mf": (b"PK\x03\x04", {"kind": "guide", "frame": "LPS"}),
        "plan.json": (b"{}", {"kind": "plan"}),
        "report.pdf": (b"%PDF-1.7", {"kind": "document"}),
        "note.txt": (b"A note", {"kind": "document"}),
    }
    result = receiveAnswer(writeAnswer(tmp_path / "answer", made, files), root=root)
    assert len(result["files"]) == 8 and len(result["models"]) == 5


def test_filesThatAreNotThoseOfTheAnswerAreRefused(root, made, tmp_path):
    changed = writeAnswer(tmp_path / "changed", made)
    (changed / "plate.stl").write_bytes(STL[:-2] + b"\1\1")
    more = writeAnswer(tmp_path / "more", made)
    (more / "more.stl").write_bytes(STL)
    fewer = writeAnswer(tmp_path / "fewer", made)
    (fewer / "plate.stl").unlink()
    assert {refused(root, path) for path in (changed, more, fewer)} == {"exchange-files-differ"}
    (fewer / "answer.json").unlink()
    (fewer / "plate.stl").write_bytes(STL)
    assert refused(root, fewer) == "no-exchange-manifest"
    linked = writeAnswer(tmp_path / "linked", made)
    (linked / "plate.stl").unlink()
    (linked / "plate.stl").symlink_to(changed / "plate.stl")
    assert refused(root, linked) == "exchange-link"
    assert refused(root, tmp_path / "absent") == "no-source"


def test_aPartnerWithAKeySigns(home, identity, root, tmp_path):
    signer, stranger = createKey("partner", PASSPHRASE), createKey("stranger", PASSPHRASE)
    writeSite(home, aPartner(identity, publicKey=signer.publicKey))
    made = send(root / "one", tmp_path / "one.age")
    assert refused(root, writeAnswer(tmp_path / "not signed", made)) == "answer-not-signed"
    assert refused(root, writeAnswer(tmp_path / "stranger", made, key=stranger)) == "answer-forged"
    changed = writeAnswer(tmp_path / "changed", made, key=signer)
    text = (changed / "answer.json").read_text()
    (changed / "answer.json").write_text(text.replace('"frame": "LPS"', '"frame": "RAS"'))
    assert refused(root, changed) == "answer-forged"
    result = receiveAnswer(writeAnswer(tmp_path / "signed", made, key=signer), root=root)
    assert result["signed"] and result["findings"] == []


def test_aSecondAnswerReplacesTheFirstAndTheSameOneIsNotTakenTwice(root, made, tmp_path):
    receiveAnswer(writeAnswer(tmp_path / "first", made), root=root)
    assert refused(root, tmp_path / "first") == "answer-known"
    better = {"plate.stl": (STL.replace(b"a plate", b"another"), SHAPE)}
    result = receiveAnswer(writeAnswer(tmp_path / "second", made, better), root=root)
    assert (result["artefact"], result["revision"]) == ("external-1", 2)
    with Case.open(root / "one") as case:
        assert [case.state(one) for one in case.artefacts if one.kind == "external"] == ["stale", "current"]


def test_anAnswerToWhatHasChangedSinceIsStale(root, made, tmp_path):
    with Case.open(root / "one", writable=True) as case, case.staging("source") as stage:
        shutil.copytree(case.artefactFolder(case.latest("source")), stage.folder, dirs_exist_ok=True)
        (stage.folder / "more.txt").write_bytes(b"another scan")
        stage.commit()
    result = receiveAnswer(writeAnswer(tmp_path / "answer", made), root=root)
    assert "answer-to-older" in [one["code"] for one in result["findings"]]
    with Case.open(root / "one") as case, pytest.raises(PlanningError) as caught:
        receivedModel(case, "external-1", "plate.stl")
    assert caught.value.code == "stale-external"


def test_whatNoPartnerSentCannotBeChosen(root, made, tmp_path):
    receiveAnswer(writeAnswer(tmp_path / "answer", made, {**PLATE, "note.txt": (b"A note", {"kind": "document"})}),
                  root=root)  # fmt: skip
    with Case.open(root / "one") as case:
        for artefact, name in (("external-1", "note.txt"), ("external-2", "plate.stl"), ("source-1", "plate.stl")):
            with pytest.raises(PlanningError, match="external-1/plate.stl") as caught:
                receivedModel(case, artefact, name)
            assert caught.value.code == "no-such-model"


def test_aCaseThatCannotBeReadIsSaidWhereNothingMatches(root, made, tmp_path):
    (root / "two" / "case.json").write_bytes(encode({"format": "planninghub-case", "version": 5}))
    assert receiveAnswer(writeAnswer(tmp_path / "answer", made), root=root)["case"] == str(root / "one")
    other = writeAnswer(tmp_path / "other", made, manifestSha256="0" * 64)
    with pytest.raises(PlanningError, match="1 cases could not be read") as caught:
        receiveAnswer(other, root=root)
    assert caught.value.code == "answer-unmatched"
