"""The exchange by command: a hospital and a partner with settings of their own, and age's own library between them."""

import io
import json
import shutil
import stat
import tarfile
import tempfile

import pydicom
import pyrage
import pytest
import trimesh
from GovernanceCalls import auditOf, writeSite
from LeakSearch import leaks

from PlanningHubLib.Case import Case
from PlanningHubLib.Files import sha256Bytes

PARTNER = "Westerveld Implants"
FAMILY, GIVEN, NUMBER = "Qzleak", "Zyxmark", "MRN-QZ-77"
PLANTED = [FAMILY, GIVEN, NUMBER]
PASSPHRASE = "only for tests"


@pytest.fixture(scope="module")
def aPlantedCase(command, smallHead, tmp_path_factory):
    """Folder of a case of a patient whose name is known, with a part, and consent to send it; only to be copied."""
    folder = tmp_path_factory.mktemp("planted")
    shutil.copytree(smallHead, folder / "ct")
    for path in (folder / "ct").iterdir():
        dataset = pydicom.dcmread(path)
        dataset.PatientName, dataset.PatientID = f"{FAMILY}^{GIVEN}", NUMBER
        dataset.StudyDescription, dataset.PatientComments = f"{FAMILY} plan", f"asked for by {GIVEN}"
        dataset.save_as(path)
    for arguments in (
        ("import", folder / "ct", "--case", folder / "case", "--side", "left"),
        ("segment", "--case", folder / "case"),
        ("print", "--case", folder / "case"),
        ("consent", "--case", folder / "case", "--scope", "manufacturer", "--date", "2026-01-31", "--document", "1"),
        ("comment", "--case", folder / "case", "--text", f"{FAMILY} called"),
    ):
        exitCode, result = command(*arguments)
        assert exitCode == 0, result
    assert {word for _file, word in leaks(folder / "case", PLANTED)} == set(PLANTED)
    return folder / "case"


@pytest.fixture
def partner(tmp_path):
    """Environment of the partner's own installation."""
    (tmp_path / "partner").mkdir()
    return {"PLANNINGHUB_HOME": str(tmp_path / "partner"), "XDG_STATE_HOME": str(tmp_path / "partner-state")}


@pytest.fixture
def hospital(aHome):
    return {"PLANNINGHUB_HOME": str(aHome), "XDG_STATE_HOME": str(aHome.parent / "state")}


@pytest.fixture
def aCase(aPlantedCase, tmp_path):
    (tmp_path / "cases").mkdir()
    return shutil.copytree(aPlantedCase, tmp_path / "cases" / "case")


@pytest.fixture
def ourHome(ownHome, hospital, aHome):
    """Settings of the hospital, with the key of the installation that made the case."""
    state = ownHome.parent / "state"
    if state.is_dir():
        shutil.copytree(state, aHome.parent / "state")
    return aHome


def keysOf(ask, partner):
    """Make the partner's keys; return what the hospital enters of them."""
    made = ask("exchange", "make-key", "--passphrase-stdin", stdin=f"{PASSPHRASE}\n", extraEnvironment=partner)
    signing = ask("approve", "--make-key", "--user", "partner", "--passphrase-stdin", stdin=f"{PASSPHRASE}\n",
                  extraEnvironment=partner)  # fmt: skip
    return {"name": PARTNER, "ageRecipients": [made["publicKey"]], "publicKey": signing["publicKey"]}


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The system's folder for temporary files; what lay in each folder there is searched before it is removed."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    remove, found = tempfile.TemporaryDirectory.cleanup, []

    def searched(folder):
        found.append(leaks(folder.name, PLANTED))
        remove(folder)

    monkeypatch.setattr(tempfile.TemporaryDirectory, "cleanup", searched)
    yield
    assert found and not any(found) and not list((tmp_path / "temporary").iterdir())


def test_thereAndBackAgain(ask, refuse, aCase, hospital, ourHome, partner, temporary, tmp_path):
    """Sent, opened, receipted, answered, received, made a part; at no place does the patient's name leave."""
    twice = f"{PASSPHRASE}\n{PASSPHRASE}\n"
    writeSite(ourHome, partners=[keysOf(ask, partner)])
    ask("exchange", "make-key", "--passphrase-stdin", stdin=f"{PASSPHRASE}\n", extraEnvironment=hospital)
    stick, there = tmp_path / "stick", tmp_path / "there"
    stick.mkdir()
    wish = ("--recipient", PARTNER, "--ask", "implant", "--answer-by", "2999-12-31")
    send = ("exchange", "send", "--case", aCase, "--out", stick, *wish)
    refuse("not-approved", 4, *send, extraEnvironment=hospital)
    sent = ask(*send, "--not-approved", extraEnvironment=hospital)
    assert [path.name for path in stick.iterdir()] == [f"{sent['code']}-1.tar.age"]

    package = stick / f"{sent['code']}-1.tar.age"
    opening = ("exchange", "open", package, "--out", there, "--sign-as", "partner", "--passphrase-stdin")
    opened = ask(*opening, stdin=twice, extraEnvironment=partner)
    assert (opened["asked"], opened["side"], opened["approved"]) == (["implant"], "left", False)
    assert leaks(there, PLANTED) == [] and leaks(stick, PLANTED) == []
    assert leaks(tmp_path / "partner", PLANTED) == []
    assert not [word for word in PLANTED if word in json.dumps([sent, opened])]

    receipt = ask("exchange", "receipt", opened["receipt"], "--case", aCase, extraEnvironment=hospital)
    assert receipt["signed"] and receipt["exchange"] == "exchange-1"

    trimesh.creation.box((30.0, 20.0, 4.0)).export(tmp_path / "plate.stl")
    answering = (
        "exchange", "answer", there, "--files", f"implant={tmp_path / 'plate.stl'}", "--side", "left", "--unit", "mm",
        "--frame", "LPS", "--out", tmp_path / "answer.age", "--sign-as", "partner", "--passphrase-stdin",
    )  # fmt: skip
    ask(*answering, stdin=f"{PASSPHRASE}\n", extraEnvironment=partner)
    receive = ("exchange", "receive", tmp_path / "answer.age", "--root", aCase.parent, "--passphrase-stdin")
    refuse("wrong-passphrase", 4, *receive, stdin="another one\n", extraEnvironment=hospital)
    received = ask(*receive, stdin=f"{PASSPHRASE}\n", extraEnvironment=hospital)
    assert (received["case"], received["signed"], received["models"]) == (str(aCase), True, ["plate.stl"])

    made = ask("print", "--case", aCase, "--received", "external-1/plate.stl", "--object", "Plate", "--use", "implant",
               extraEnvironment=hospital)  # fmt: skip
    assert made["id"] == "part-2" and made["facts"]["object"]["role"] == "implant"
    assert made["facts"]["volumeMl"] == pytest.approx(2.4) and made["facts"]["deviation"]["maximumMm"] <= 0.05
    with Case.open(aCase) as case:
        part = case.graph.current("part-2")
        assert {link.id for link in part.parents} == {"segmentation-1", "external-1"}
        whole = case.path(part, "plate.stl.original").read_bytes()
        assert whole == (tmp_path / "plate.stl").read_bytes()
        recipe = json.loads(case.path(part, "recipe.json").read_bytes())
        assert (recipe["model"]["artefact"], recipe["model"]["unit"], recipe["model"]["frame"]) == (
            "external-1", "mm", "LPS"
        )  # fmt: skip
    ask("verify", aCase, extraEnvironment=hospital)
    (line,) = ask("status", "--case", aCase, extraEnvironment=hospital)["exchanges"]
    assert (line["recipient"], line["receiptSigned"]) == (PARTNER, True)
    assert [one["id"] for one in line["answers"]] == ["external-1"]
    left = ask("consent", "--case", aCase, "--scope", "manufacturer", "--withdraw", extraEnvironment=hospital)["left"]
    assert [one["proven"] for one in left] == [True]
    refuse("no-consent", 4, *receive, stdin=f"{PASSPHRASE}\n", extraEnvironment=hospital)
    actions = [one["action"] for one in auditOf(aCase)]
    assert actions.count("released") == 1 and "deidentified-copy" in actions


def test_aPartnerNeedsNothingOfOurs(ask, aCase, hospital, ourHome, tmp_path):
    """Approved, sent; age's library opens it, Python's tarfile reads it, an answer is written by hand."""
    identity, keyFile = pyrage.x25519.Identity.generate(), tmp_path / "key.txt"
    options = {"stdin": f"{PASSPHRASE}\n", "extraEnvironment": hospital}
    key = ask("approve", "--make-key", "--user", "anna", "--passphrase-stdin", **options)["publicKey"]
    writeSite(
        ourHome, [{"name": "anna", "roles": ["surgeon"], "publicKey": key}],
        partners=[{"name": PARTNER, "ageRecipients": [str(identity.to_public())]}],
        approvals=[{"kind": "part", "roles": ["surgeon"], "signatures": 1}],
    )  # fmt: skip
    own = ask("exchange", "make-key", "--passphrase-stdin", **options)
    ask("approve", "--case", aCase, "--user", "anna", "--passphrase-stdin", **options)
    send = ("exchange", "send", "--case", aCase, "--recipient", PARTNER, "--out", tmp_path / "package.age")
    sent = ask(*send, extraEnvironment=hospital)
    assert sent["approved"] is True
    data = pyrage.decrypt((tmp_path / "package.age").read_bytes(), [identity])
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        archive.extractall(tmp_path / "plain", filter="data")
    (top,) = (tmp_path / "plain").iterdir()
    assert top.name == f"{sent['code']}-1" and leaks(tmp_path / "plain", PLANTED) == []
    manifest = json.loads((top / "manifest.json").read_text())
    assert manifest["answerTo"] == [own["publicKey"]] and own["publicKey"] in (top / "README.txt").read_text()

    statement = {
        "format": "planninghub-exchange-answer", "version": 1, "code": manifest["code"],
        "manifestSha256": sent["manifest_sha256"], "side": "left", "made": "2026-02-01T08:00:00Z",
        "files": [{"path": "note.txt", "kind": "document", "bytes": 6, "sha256": sha256Bytes(b"A note")}],
    }  # fmt: skip
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, text in (("my answer/answer.json", json.dumps({"statement": statement})), ("my answer/note.txt",
                           "A note")):  # fmt: skip
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    hospitalKey = pyrage.x25519.Recipient.from_str(own["publicKey"])
    (tmp_path / "answer.age").write_bytes(pyrage.encrypt(made.getvalue(), [hospitalKey], armored=True))
    received = ask("exchange", "receive", tmp_path / "answer.age", "--case", aCase, "--passphrase-stdin",
                   stdin=f"{PASSPHRASE}\n", extraEnvironment=hospital)  # fmt: skip
    assert received["artefact"] == "external-1" and not received["signed"]

    keyFile.write_text(f"# a key\n{identity}\n")
    keyFile.chmod(0o600)
    opened = ask("exchange", "open", tmp_path / "package.age", "--key", keyFile, "--out", tmp_path / "opened")
    assert opened["manifest_sha256"] == sent["manifest_sha256"] and not opened["signed"]
    ask("exchange", "receipt", opened["receipt"], "--case", aCase, extraEnvironment=hospital)


def test_refusalsByName(refuse, aCase, hospital, ourHome, partner, tmp_path):
    identity = pyrage.x25519.Identity.generate()
    send = ("exchange", "send", "--case", aCase, "--recipient", PARTNER, "--out", tmp_path / "package.age")
    refuse("unknown-partner", 4, *send, "--not-approved", extraEnvironment=hospital)
    writeSite(ourHome, partners=[{"name": PARTNER, "ageRecipients": [str(identity.to_public())]}])
    telling = ("exchange", "send", "--case", aCase, "--recipient", PARTNER, "--not-approved", "--out")
    refuse("telling-file-name", 2, *telling, tmp_path / f"{FAMILY.lower()}.age", extraEnvironment=hospital)
    refuse("usage", 2, *telling, tmp_path / "package.age", "--ask", "money", extraEnvironment=hospital)
    assert not list(tmp_path.glob("*.age"))
    key = tmp_path / "key.txt"
    key.write_text(f"{identity}\n")
    key.chmod(0o644)
    (tmp_path / "package.age").write_bytes(pyrage.encrypt(b"no archive", [identity.to_public()]))
    opening = ("exchange", "open", tmp_path / "package.age", "--out", tmp_path / "opened", "--key", key)
    refuse("key-file-open-to-others", 4, *opening, extraEnvironment=partner)
    key.chmod(stat.S_IRUSR | stat.S_IWUSR)
    refuse("exchange-archive-damaged", 3, *opening, extraEnvironment=partner)
    (tmp_path / "package.age").write_bytes((tmp_path / "package.age").read_bytes()[:-1])
    refuse("encrypted-file-damaged", 6, *opening, extraEnvironment=partner)
    refuse("no-exchange-key", 3, *opening[:-2], extraEnvironment=partner)
    refuse("no-source", 3, "exchange", "receive", tmp_path / "none", "--case", aCase, extraEnvironment=hospital)
    refuse("usage", 2, "exchange", "receive", tmp_path / "none", extraEnvironment=hospital)
    refuse("usage", 2, "exchange")
    refuse("usage", 2, "print", "--case", aCase, "--received", "plate.stl")
    refuse("no-such-model", 3, "print", "--case", aCase, "--received", "external-1/plate.stl",
           extraEnvironment=hospital)  # fmt: skip


def test_aReportReachesTheOperator(ask, refuse, aCase, hospital, ourHome):
    flag = ("report", "--case", aCase)
    refuse("usage", 2, *flag, "--on", "part", extraEnvironment=hospital)
    refuse("empty-report", 2, *flag, "--text", " ", extraEnvironment=hospital)
    refuse("no-external", 4, *flag, "--text", "x", "--on", "external", extraEnvironment=hospital)
    (made,) = ask(*flag, "--text", "The model was seen in a shop", "--on", "part", extraEnvironment=hospital)["reports"]
    assert made["artefact"]["id"] == "part-1"
    assert ask("status", "--case", aCase, extraEnvironment=hospital)["reports"] == [made]
    line = auditOf(aCase)[-1]
    assert (line["action"], line["what"]["text"]) == ("reported", "The model was seen in a shop")
