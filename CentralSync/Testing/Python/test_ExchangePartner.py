"""The partner's side and the way back of receipts: what is opened is whole, what comes back is ours, or a refusal."""

import io
import json
import shutil
import tarfile

import pyrage
import pytest
from ExchangeMaking import PARTNER, PASSPHRASE, STL, aPartner, makeCase, opened, send, treeOf, writeSite

from CentralSyncLib.Exchange.Documents import encode, signed
from CentralSyncLib.Exchange.Keys import identitiesOf, makeKey
from CentralSyncLib.Exchange.Opening import makeAnswer, openPackage
from CentralSyncLib.Exchange.Overview import exchangeLines
from CentralSyncLib.Exchange.Receipts import takeReceipt
from PlanningHubLib.Case import Case
from PlanningHubLib.Consent import departures
from PlanningHubLib.Errors import GateRefused, InputRefused, UsageError, VerificationFailed
from PlanningHubLib.Files import sha256
from PlanningHubLib.Signing import createKey


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "home"


@pytest.fixture
def identity(home):
    return pyrage.x25519.Identity.generate()


@pytest.fixture
def signer(home):
    return createKey("partner", PASSPHRASE)


@pytest.fixture
def aCase(home, identity, signer, tmp_path):
    writeSite(home, aPartner(identity, publicKey=signer.publicKey))
    makeKey(PASSPHRASE)
    return makeCase(tmp_path / "case")


@pytest.fixture
def aPackage(aCase, tmp_path):
    return send(aCase, tmp_path / "package.age", asked=["implant"])


@pytest.fixture
def anOpened(aPackage, identity, signer, tmp_path):
    return openPackage(aPackage["file"], tmp_path / "opened", [identity], signer)


def receiptWith(anOpened, path, signer, **changes):
    statement = json.loads(open(anOpened["receipt"]).read())["statement"]
    path.write_bytes(encode(signed({**statement, **changes}, signer)))
    return path


def test_anOpenedPackageIsWholeAndPrivate(aPackage, anOpened, identity, tmp_path):
    assert anOpened["sha256"] == aPackage["sha256"] and anOpened["manifest_sha256"] == aPackage["manifest_sha256"]
    assert (anOpened["code"], anOpened["side"], anOpened["asked"]) == (aPackage["code"], "left", ["implant"])
    folder = tmp_path / "opened"
    assert folder.stat().st_mode & 0o777 == 0o700
    data = opened(tmp_path / "package.age", identity)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        wanted = {one.name.partition("/")[2]: archive.extractfile(one).read() for one in archive}
    there = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert {name: data for name, data in there.items() if name != "receipt.json"} == wanted
    assert not list(folder.rglob(".aside-*"))


def test_aDamagedPackageOrAnotherKeyLeavesNothing(aPackage, identity, tmp_path):
    data = (tmp_path / "package.age").read_bytes()
    (tmp_path / "bad.age").write_bytes(data[:-40] + bytes([data[-40] ^ 1]) + data[-39:])
    with pytest.raises(VerificationFailed) as caught:
        openPackage(tmp_path / "bad.age", tmp_path / "out", [identity])
    assert caught.value.code == "encrypted-file-damaged"
    with pytest.raises(GateRefused) as caught:
        openPackage(tmp_path / "package.age", tmp_path / "out", [pyrage.x25519.Identity.generate()])
    assert caught.value.code == "wrong-key" and not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".aside-*"))


def repacked(path, identity, change):
    """Encrypt the package anew with its files changed: who has the public key can do that."""
    with tarfile.open(fileobj=io.BytesIO(opened(path, identity))) as archive:
        files = {one.name: archive.extractfile(one).read() for one in archive}
    files = change(files)
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    path.with_name("repacked.age").write_bytes(pyrage.encrypt(made.getvalue(), [identity.to_public()]))
    return path.with_name("repacked.age")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda files: {name: data[:-1] if name.endswith("00002.dcm") else data for name, data in files.items()},
         "exchange-files-differ"),
        (lambda files: {name: data for name, data in files.items() if not name.endswith("00002.dcm")},
         "exchange-files-differ"),
        (lambda files: {**files, next(iter(files)).partition("/")[0] + "/more.dcm": b"x"}, "exchange-files-differ"),
        (lambda files: {name: data for name, data in files.items() if not name.endswith("-1/manifest.json")},
         "no-exchange-manifest"),
        (lambda files: {name: b"{}" if name.endswith("-1/manifest.json") else data for name, data in files.items()},
         "bad-exchange-file"),
    ],
)  # fmt: skip
def test_aPackageThatIsNotAsItsManifestSaysIsRefused(aPackage, identity, tmp_path, change, code):
    path = repacked(tmp_path / "package.age", identity, change)
    with pytest.raises((VerificationFailed, InputRefused)) as caught:
        openPackage(path, tmp_path / "out", [identity])
    assert caught.value.code == code and not (tmp_path / "out").exists()


def test_theReceiptProvesTheDeparture(aCase, aPackage, anOpened):
    with Case.open(aCase, writable=True) as case:
        (line,) = exchangeLines(case)
        assert (line["opened"], line["receiptSigned"], line["answers"]) == (None, False, [])
        kept = takeReceipt(case, anOpened["receipt"])
        assert kept.kind == "delivery" and kept.facts["signed"] and [one.id for one in kept.parents] == ["exchange-1"]
        assert [one["proven"] for one in departures(case)] == [True] and case.verify() == []
        (line,) = exchangeLines(case)
        assert (line["recipient"], line["receiptSigned"]) == (PARTNER, True)
        assert line["opened"] == kept.facts["opened"]
        with pytest.raises(GateRefused) as caught:
            takeReceipt(case, anOpened["receipt"])
        assert caught.value.code == "receipt-known"


def refusedReceipt(aCase, path):
    before = treeOf(aCase)
    with Case.open(aCase, writable=True) as case, pytest.raises((GateRefused, InputRefused)) as caught:
        takeReceipt(case, path)
    assert treeOf(aCase) == before
    return caught.value.code


def test_forgedAndForeignReceiptsAreRefusedByName(aCase, anOpened, signer, tmp_path):
    path = tmp_path / "forged.json"
    stranger = createKey("stranger", PASSPHRASE)
    assert refusedReceipt(aCase, receiptWith(anOpened, path, signer, packageSha256="0" * 64)) == "receipt-foreign"
    for changes in ({"manifestSha256": "0" * 64}, {"code": "DX-00000000-0000"}, {"files": 1}):
        assert refusedReceipt(aCase, receiptWith(anOpened, path, signer, **changes)) == "receipt-forged"
    assert refusedReceipt(aCase, receiptWith(anOpened, path, stranger)) == "receipt-forged"
    assert refusedReceipt(aCase, receiptWith(anOpened, path, None)) == "receipt-not-signed"
    document = json.loads(open(anOpened["receipt"]).read())
    document["statement"]["opened"] = "2020-01-01T00:00:00Z"
    path.write_bytes(encode(document))
    assert refusedReceipt(aCase, path) == "receipt-forged"
    for data in (b"", b"[]", b"no json", b'{"statement": {}}', b"[" * 100_000):
        path.write_bytes(data)
        assert refusedReceipt(aCase, path) == "bad-exchange-file"
    assert refusedReceipt(aCase, tmp_path / "absent.json") == "cannot-read"


def test_theReceiptOfAnotherCaseIsForeign(aCase, anOpened, tmp_path):
    other = makeCase(tmp_path / "other")
    send(other, tmp_path / "other.age")
    assert refusedReceipt(other, anOpened["receipt"]) == "receipt-foreign"


def test_ofAPartnerWithoutAKeyAnUnsignedReceiptIsTakenAsSuch(home, identity, tmp_path):
    writeSite(home, aPartner(identity))
    folder = makeCase(tmp_path / "case")
    made = send(folder, tmp_path / "package.age")
    receipt = openPackage(made["file"], tmp_path / "opened", [identity])["receipt"]
    with Case.open(folder, writable=True) as case:
        assert takeReceipt(case, receipt).facts["signed"] is False


def test_theAnswerIsEncryptedToTheHospitalAlone(anOpened, signer, identity, tmp_path):
    (tmp_path / "plate.stl").write_bytes(STL)
    made = makeAnswer(
        tmp_path / "opened", [("implant", tmp_path / "plate.stl")], "left", tmp_path, "mm", "LPS", signer
    )
    path = tmp_path / f"{anOpened['code']}-answer.tar.age"
    assert made["file"] == str(path) and made["sha256"] == sha256(path)
    with pytest.raises(pyrage.DecryptError):
        opened(path, identity)
    with tarfile.open(fileobj=io.BytesIO(opened(path, *identitiesOf(passphrase=PASSPHRASE)))) as archive:
        files = {one.name.partition("/")[2]: archive.extractfile(one).read() for one in archive}
    statement = json.loads(files["answer.json"])["statement"]
    assert files["plate.stl"] == STL and statement["manifestSha256"] == anOpened["manifest_sha256"]
    assert statement["files"][0]["unit"] == "mm" and statement["files"][0]["frame"] == "LPS"


def test_whatTheHospitalWouldNotTakeIsNotPacked(anOpened, tmp_path):
    (tmp_path / "plate.stl").write_bytes(STL)
    (tmp_path / "plate.exe").write_bytes(b"MZ")
    plate, stated = [("implant", tmp_path / "plate.stl")], ("mm", "LPS")
    for files, side, said, code in (
        (plate, "right", stated, "other-side"),
        (plate, None, stated, "other-side"),
        (plate, "left", (None, "LPS"), "no-unit"),
        (plate, "left", ("mm", None), "no-frame"),
        ([("implant", tmp_path / "plate.exe")], "left", stated, "answer-file-refused"),
        ([*plate, *plate], "left", stated, "same-file-name"),
        ([], "left", stated, "no-answer-files"),
        ([("implant", tmp_path / "absent.stl")], "left", stated, "cannot-read"),
    ):
        with pytest.raises((InputRefused, UsageError)) as caught:
            makeAnswer(tmp_path / "opened", files, side, tmp_path / "answer.age", *said)
        assert caught.value.code == code and not (tmp_path / "answer.age").exists()


def test_withoutAKeyOfTheHospitalNoAnswerCanBeEncrypted(anOpened, tmp_path):
    folder = shutil.copytree(tmp_path / "opened", tmp_path / "other")
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_bytes(encode({**manifest, "answerTo": []}))
    (tmp_path / "plate.stl").write_bytes(STL)
    with pytest.raises(InputRefused) as caught:
        makeAnswer(folder, [("implant", tmp_path / "plate.stl")], "left", tmp_path / "answer.age", "mm", "LPS")
    assert caught.value.code == "no-answer-key"
