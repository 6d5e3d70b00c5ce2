"""Keys and pseudonyms: the same patient has the same code, and neither patient nor key ever stands in a case."""

import os
import re
import stat
import subprocess
import sys

import pytest
from CaseMaking import childEnvironment, commit, tree, writeSmallSeries

from PlanningHubLib import EncryptedFile
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import GateRefused, InputRefused
from PlanningHubLib.Identity import ALPHABET, caseName, patientCode
from PlanningHubLib.Import import importSeries
from PlanningHubLib.Secrets import KeyRing, readSecret, writeSecret
from PlanningHubLib.Segmentation import segmentBone
from PlanningHubLib.Session import Session

PATIENT_ID, PATIENT_NAME = "KX4711-0815", "Mustermann^Gudrun"
MAKE_KEY = "from PlanningHubLib.Secrets import KeyRing; print(KeyRing.forThisInstallation().keyId)"


@pytest.fixture
def keyRing():
    return KeyRing.forThisInstallation()


def test_samePatientHasTheSameCode(keyRing):
    code = patientCode(keyRing, PATIENT_ID)
    assert code == patientCode(KeyRing.forThisInstallation(), PATIENT_ID) == patientCode(keyRing, f" {PATIENT_ID} ")
    assert re.fullmatch("[0-9a-f]{64}", code)


def test_otherPatientIssuerOrKeyHasAnotherCode(keyRing):
    codes = {
        patientCode(keyRing, PATIENT_ID),
        patientCode(keyRing, PATIENT_ID + "1"),
        patientCode(keyRing, PATIENT_ID.lower()),
        patientCode(keyRing, PATIENT_ID, "Hospital A"),
        patientCode(keyRing, PATIENT_ID, "Hospital B"),
        patientCode(keyRing, "", PATIENT_ID),
        patientCode(KeyRing(b"another key" * 3), PATIENT_ID),
    }
    assert len(codes) == 7


def test_codeIsNoPlainHash(keyRing):
    import hashlib

    plain = {hashlib.sha256(text.encode()).hexdigest() for text in (PATIENT_ID, f"\x1f{PATIENT_ID}")}
    assert patientCode(keyRing, PATIENT_ID) not in plain


def test_purposesHaveKeysOfTheirOwn(keyRing):
    assert len({keyRing.mac(purpose, b"data") for purpose in ("audit", "pseudonym", "key-id")}) == 3
    assert len(keyRing.keyId) == 16


def test_nameIsReadableAndTellsCasesApart(keyRing):
    code = patientCode(keyRing, PATIENT_ID)
    names = [caseName(code, caseId) for caseId in ("0" * 32, "f" * 32)]
    assert all(re.fullmatch(f"PH-[{ALPHABET}]{{8}}-[{ALPHABET}]{{4}}", name) for name in names)
    assert names[0] != names[1] and names[0][:11] == names[1][:11]
    assert not set("ILOU") & set(ALPHABET) and len(ALPHABET) == 32


def test_samePatientIsRecognisedAcrossCases(aSeries, tmp_path, monkeypatch):
    for name in ("first", "second"):
        importSeries(aSeries, tmp_path / name)
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "other"))
    importSeries(aSeries, tmp_path / "elsewhere")
    first, second, elsewhere = (Case.open(tmp_path / name) for name in ("first", "second", "elsewhere"))
    assert first.patientCode == second.patientCode != elsewhere.patientCode
    assert first.name[:11] == second.name[:11] and first.name != second.name


def test_neitherPatientNorKeyStandsInTheCase(tmp_path, ownHome):
    writeSmallSeries(tmp_path / "ct", patientId=PATIENT_ID, patientName=PATIENT_NAME)
    importSeries(tmp_path / "ct", tmp_path / "case", side="left", procedure="Cranioplasty")
    with Session.start() as session, Case.open(tmp_path / "case", writable=True) as case:
        segmentBone(case, session)
        commit(case, "plan")
        lockFiles = tree(case.folder, ignoring=())
    key = KeyRing.forThisInstallation()._masterKey.hex()
    secrets = [PATIENT_ID, *PATIENT_NAME.split("^"), key]
    forms = [form for text in secrets for form in (text.encode(), text.encode("utf-16-le"), text.lower().encode())]
    forms.append(bytes.fromhex(key))
    checked = 0
    for name, content in {**tree(tmp_path / "case", ignoring=()), **lockFiles}.items():
        assert not any(text in name for text in secrets)
        if content is None or "/dicom/" in name:
            continue
        checked += 1
        assert not [form for form in forms if form in content or form in content.lower()], name
    assert checked >= 5


def test_keyFileIsForItsOwnerOnly(ownHome, keyRing):
    (keyFile,) = ownHome.iterdir()
    assert stat.S_IMODE(keyFile.stat().st_mode) == 0o600 and stat.S_IMODE(ownHome.stat().st_mode) == 0o700
    assert keyRing._masterKey.hex() not in keyFile.read_text(), "never in plain text"
    unlock = ownHome.parent / "state" / "planninghub" / "unlock"
    assert stat.S_IMODE(unlock.stat().st_mode) == 0o600


def test_aCopyOfTheSettingsFolderOpensNothing(ownHome, keyRing, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other machine"))
    with pytest.raises(GateRefused) as error:
        KeyRing.forThisInstallation()
    assert error.value.code == "key-of-another-machine"
    assert not (tmp_path / "other machine").exists(), "no second secret beside the one that counts"
    # That machine has a key of its own; it does not open this one, either.
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "other home"))
    other = KeyRing.forThisInstallation()
    monkeypatch.setenv("PLANNINGHUB_HOME", str(ownHome))
    with pytest.raises(GateRefused) as error:
        KeyRing.forThisInstallation()
    assert error.value.code == "key-of-another-machine" and other.keyId != keyRing.keyId


def test_aKeyOfAnEarlierVersionIsEncryptedAtItsFirstUse(ownHome):
    ownHome.mkdir(mode=0o700)
    (ownHome / "case-master-key.hex").write_text("5a" * 32)
    (ownHome / "case-master-key.hex").chmod(0o600)
    keyIds = {KeyRing.forThisInstallation().keyId for _turn in range(2)}
    assert keyIds == {KeyRing(bytes.fromhex("5a" * 32)).keyId}
    (keyFile,) = ownHome.iterdir()
    assert "5a5a" not in keyFile.read_text()


def test_aKeyMovesUnderAPassphraseOnceThereIsOne(ownHome, keyRing, tmp_path, monkeypatch):
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("to encrypt with")
    passphrase.chmod(0o600)
    monkeypatch.setenv("PLANNINGHUB_PASSPHRASE_FILE", str(passphrase))
    assert KeyRing.forThisInstallation().keyId == keyRing.keyId
    assert [path.name for path in ownHome.iterdir()] == ["case-master-key.enc.json"]


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX permissions")
def test_aUserWithoutAFolderOfItsOwnHasAKeyAllTheSame(ownHome, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file" / "state"))
    assert KeyRing.forThisInstallation().keyId == KeyRing.forThisInstallation().keyId
    assert {path.name for path in ownHome.iterdir()} == {"case-master-key.local.json", "unlock"}
    keyId = KeyRing.forThisInstallation().keyId
    # Once the user has a folder, with a secret for another home in it, this home still opens.
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "other home"))
    KeyRing.forThisInstallation()
    monkeypatch.setenv("PLANNINGHUB_HOME", str(ownHome))
    assert KeyRing.forThisInstallation().keyId == keyId


def test_readingAloneMakesNoKey(ownHome):
    assert KeyRing.forThisInstallation(create=False) is None
    assert not ownHome.exists()


def test_processesThatStartAtOnceShareOneKey(ownHome):
    children = [
        subprocess.Popen([sys.executable, "-c", MAKE_KEY], stdout=subprocess.PIPE, text=True, env=childEnvironment())
        for _child in range(6)
    ]
    keyIds = {child.communicate()[0].strip() for child in children}
    assert keyIds == {KeyRing.forThisInstallation().keyId}
    assert len(list(ownHome.iterdir())) == 1


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX permissions")
def test_homeThatCannotBeWrittenIsNamed(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(InputRefused) as error:
        KeyRing.forThisInstallation()
    assert error.value.code in ("cannot-write", "cannot-read")


@pytest.mark.parametrize("content", ["", "not hexadecimal", "abcd"])
def test_brokenKeyFileIsNamed(ownHome, keyRing, content):
    (keyFile,) = ownHome.iterdir()
    keyFile.write_text(content)
    with pytest.raises(InputRefused) as error:
        KeyRing.forThisInstallation()
    assert error.value.code == "bad-key-file" and str(keyFile) in error.value.message


def test_aTypedPassphraseIsNotRemembered_oneThatLiesInAFileIs(tmp_path, monkeypatch):
    EncryptedFile._remembered.cache_clear()
    writeSecret("a-secret", b"s" * 32, "correct horse")
    assert readSecret("a-secret", "correct horse") == b"s" * 32
    assert EncryptedFile._remembered.cache_info().currsize == 0
    path = tmp_path / "passphrase"
    path.touch(mode=0o600)
    path.write_text("correct horse\n")
    monkeypatch.setenv("PLANNINGHUB_PASSPHRASE_FILE", str(path))
    assert readSecret("a-secret") == b"s" * 32 and EncryptedFile._remembered.cache_info().currsize == 1
