"""The audit log: every tampering is seen and its first bad line named; what cannot be seen is stated."""

import json
import shutil

import pytest
from CaseMaking import commit, commitChain, rejections

from PlanningHubLib import Audit, CaseFormat
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import GateRefused, VerificationFailed
from PlanningHubLib.Secrets import KeyRing

# One line for the creation, five for the chain of artefacts.
LINES = 6


@pytest.fixture
def aLog(aCase):
    """The log of a closed case with six lines."""
    commitChain(aCase)
    aCase.close()
    return aCase.folder / Audit.LOG_NAME


def linesOf(log):
    return log.read_text(encoding="utf-8").splitlines()


def rewrite(log, lines):
    log.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def assertFirstBad(log, number):
    """The log is rejected, the line named, and the same said again after a writer has opened the case."""
    for _time in ("before", "after"):
        findings = Case.open(log.parent).verify()
        assert rejections(findings) == ["audit-broken"]
        assert f"Line {number} of the audit log" in findings[0].message, findings[0].message
        with pytest.raises(VerificationFailed) as error:
            Case.open(log.parent).requireVerified()
        assert error.value.code == "audit-broken"
        Case.open(log.parent, writable=True).close()


def changedLine(line, **changes):
    return Audit.canonical({**json.loads(line), **changes})


def sealedLine(line, keyRing, **changes):
    """The line with changes, sealed again with a key."""
    entry = {**json.loads(line), **changes, "key": keyRing.keyId}
    entry.pop("seal")
    entry["seal"] = keyRing.mac(Audit.SEAL, Audit.canonical(entry).encode())
    return Audit.canonical(entry)


def resealed(lines, keyRing, **changesOfFirst):
    """A whole log with consistent links, sealed with one key."""
    previous, made = "", []
    for line in lines:
        previous = sealedLine(line, keyRing, previous=Audit.sha256Bytes(previous.encode()), **changesOfFirst)
        changesOfFirst = {}
        made.append(previous)
    return made


def withLastLine(folder, line, count=LINES):
    """Put a last line into case.json as an attacker would."""
    path = folder / CaseFormat.FILE_NAME
    values = json.loads(path.read_text())
    path.write_bytes(CaseFormat.encode({**values, "audit": {"lines": count, "last": line}}))


def test_everyChangeHasItsLine(aCase):
    made = commitChain(aCase)
    entries = [json.loads(line) for line in linesOf(aCase.folder / Audit.LOG_NAME)]
    assert [entry["number"] for entry in entries] == list(range(1, LINES + 1))
    assert [entry["action"] for entry in entries] == ["case-created"] + ["artefact-committed"] * 5
    assert [entry["what"]["content"] for entry in entries[1:]] == [one.content for one in made.values()]
    assert all(entry["who"] and entry["when"].endswith("Z") for entry in entries)


def test_untouchedLogIsAccepted(aLog):
    assert Case.open(aLog.parent).verify() == []


def test_linesAreOnlyEverAppended(aCase):
    log, before = aCase.folder / Audit.LOG_NAME, b""
    for _time in range(4):
        commit(aCase, "source")
        after = log.read_bytes()
        assert after.startswith(before) and after.count(b"\n") == before.count(b"\n") + (1 if before else 2)
        before = after


@pytest.mark.parametrize("number", range(1, LINES + 1))
@pytest.mark.parametrize("field, value", [
    ("who", "somebody else"), ("when", "2020-01-01T00:00:00Z"), ("action", "nothing"), ("state", "0" * 64),
    ("what", {}), ("seal", "0" * 64), ("previous", "0" * 64), ("number", 99), ("note", "added"),
])  # fmt: skip
def test_changedLineIsNamed(aLog, number, field, value):
    lines = linesOf(aLog)
    lines[number - 1] = changedLine(lines[number - 1], **{field: value})
    rewrite(aLog, lines)
    findings = Case.open(aLog.parent).verify()
    assert rejections(findings) == ["audit-broken"]
    assert f"Line {number} of the audit log" in findings[0].message


@pytest.mark.parametrize("number", range(1, LINES + 1))
def test_everyFlippedByteIsNamed(aLog, number):
    lines = [line.encode() for line in linesOf(aLog)]
    case, content = Case.open(aLog.parent), aLog.read_bytes()
    start = sum(len(line) + 1 for line in lines[: number - 1])
    for offset in range(start, start + len(lines[number - 1]), 7):
        aLog.write_bytes(content[:offset] + bytes([content[offset] ^ 1]) + content[offset + 1 :])
        assert f"Line {number} of the audit log" in case.verify()[0].message, offset


def test_changedSpacingOfALineIsNamed(aLog):
    lines = linesOf(aLog)
    lines[2] = lines[2].replace('","', '", "', 1)
    rewrite(aLog, lines)
    assertFirstBad(aLog, 3)


@pytest.mark.parametrize("number", range(1, LINES))
def test_removedLineIsNamed(aLog, number):
    lines = linesOf(aLog)
    del lines[number - 1]
    rewrite(aLog, lines)
    assertFirstBad(aLog, number)


@pytest.mark.parametrize("kept", range(0, LINES - 1))
def test_severalLinesRemovedAtTheEndAreNamed(aLog, kept):
    rewrite(aLog, linesOf(aLog)[:kept])
    findings = Case.open(aLog.parent).verify()
    assert rejections(findings) == ["audit-broken"]
    assert f"Line {kept + 1} of the audit log is missing" in findings[0].message


def test_removedLogIsNamed(aLog):
    aLog.unlink()
    assert "Line 1 of the audit log is missing" in Case.open(aLog.parent).verify()[0].message


def test_removedLastLineIsPutBackFromTheCase(aLog):
    """It is what a kill leaves, and nothing is lost: the line also stands in case.json."""
    whole = aLog.read_bytes()
    rewrite(aLog, linesOf(aLog)[:-1])
    assert [finding.code for finding in Case.open(aLog.parent).verify()] == ["audit-pending"]
    Case.open(aLog.parent, writable=True).close()
    assert aLog.read_bytes() == whole


@pytest.mark.parametrize("first, second", [(1, 2), (2, 3), (2, 5), (5, 6)])
def test_swappedLinesAreNamed(aLog, first, second):
    lines = linesOf(aLog)
    lines[first - 1], lines[second - 1] = lines[second - 1], lines[first - 1]
    rewrite(aLog, lines)
    assertFirstBad(aLog, first)


@pytest.mark.parametrize("place", range(1, LINES + 2))
def test_insertedLineIsNamed(aLog, place):
    lines = linesOf(aLog)
    keyRing = KeyRing.forThisInstallation()
    previous = lines[place - 2] if place > 1 else ""
    lines.insert(place - 1, Audit.makeLine(keyRing, previous, place, "invented", {}, "0" * 64, "somebody"))
    rewrite(aLog, lines)
    findings = Case.open(aLog.parent).verify()
    assert rejections(findings) == ["audit-broken"]
    # Sealed with the real key, the line itself is right; what follows it, or the case, does not agree.
    assert f"Line {min(place + 1, LINES + 1)} of the audit log" in findings[0].message


@pytest.mark.parametrize("place", range(1, LINES + 2))
def test_insertedLineWithAFalseSealIsNamed(aLog, place):
    lines = linesOf(aLog)
    attacker = KeyRing(b"attacker" * 4)
    previous = lines[place - 2] if place > 1 else ""
    line = Audit.makeLine(attacker, previous, place, "invented", {}, "0" * 64, "somebody")
    lines.insert(place - 1, changedLine(line, key=KeyRing.forThisInstallation().keyId))
    rewrite(aLog, lines)
    assert f"Line {place} of the audit log has a false seal" in Case.open(aLog.parent).verify()[0].message


@pytest.mark.parametrize("copied, place", [(1, 2), (3, 4), (3, 7), (6, 7), (2, 1)])
def test_replayedLineIsNamed(aLog, copied, place):
    lines = linesOf(aLog)
    lines.insert(place - 1, lines[copied - 1])
    rewrite(aLog, lines)
    assertFirstBad(aLog, place)


@pytest.mark.parametrize("number", range(1, LINES))
def test_tornLineInsideIsNamed(aLog, number):
    lines = linesOf(aLog)
    lines[number - 1] = lines[number - 1][:40]
    rewrite(aLog, lines)
    assertFirstBad(aLog, number)


@pytest.mark.parametrize("number", range(1, LINES))
def test_logTornInALineIsNamed(aLog, number):
    lines = linesOf(aLog)
    rewrite(aLog, lines[: number - 1])
    aLog.write_text(aLog.read_text() + lines[number - 1][:40])
    findings = Case.open(aLog.parent).verify()
    assert rejections(findings) == ["audit-broken"]
    assert f"Line {number} of the audit log is cut off" in findings[0].message


def test_lastLineTornByAKillIsMended(aLog):
    whole = aLog.read_bytes()
    for cut in (1, 2, 100):
        aLog.write_bytes(whole[:-cut])
        assert [finding.code for finding in Case.open(aLog.parent).verify()] == ["audit-pending"]
        Case.open(aLog.parent, writable=True).close()
        assert aLog.read_bytes() == whole


def test_textAfterTheLastLineIsNamed(aLog):
    aLog.write_bytes(aLog.read_bytes() + b'{"number":7')
    assertFirstBad(aLog, LINES + 1)


def test_tamperedLogKeepsItsTracesAndTakesNewLines(aLog):
    tampered = aLog.read_bytes().replace(b'"who":"', b'"who":"not ', 1) + b"something"
    aLog.write_bytes(tampered)
    with Case.open(aLog.parent, writable=True) as case:
        commit(case, "plan")
    assert aLog.read_bytes().startswith(tampered + b"\n") and b'"plan-1"' in aLog.read_bytes()[len(tampered) :]
    assertFirstBad(aLog, 1)


@pytest.mark.parametrize("number", range(1, LINES))
def test_changedLineThatNamesAnotherKeyIsNamedByTheNextSeal(aLog, number):
    lines = linesOf(aLog)
    lines[number - 1] = sealedLine(lines[number - 1], KeyRing(b"attacker" * 4), who="somebody else")
    rewrite(aLog, lines)
    assertFirstBad(aLog, number)


def test_logSealedWithAnotherKeyIsNamed(aLog):
    rewrite(aLog, resealed(linesOf(aLog), KeyRing(b"attacker" * 4), who="somebody else"))
    assertFirstBad(aLog, LINES)


def test_logWithLastLineReplacedInTheCaseTooIsNamedBySeals(aLog):
    """An attacker without the key rewrites the history and the case's own copy of the last line."""
    ours = KeyRing.forThisInstallation()
    lines = linesOf(aLog)
    forged = resealed(lines, KeyRing(b"attacker" * 4), who="somebody else")
    forged[0] = changedLine(forged[0], key=ours.keyId)
    previous = forged[0]
    for number in range(1, LINES):
        previous = forged[number] = changedLine(forged[number], previous=Audit.sha256Bytes(previous.encode()))
    rewrite(aLog, forged)
    withLastLine(aLog.parent, forged[-1])
    assertFirstBad(aLog, 1)


def test_stateOfTheCaseIsBoundByTheLastLine(aLog):
    lines = linesOf(aLog)
    withLastLine(aLog.parent, lines[-2], LINES - 1)
    with pytest.raises(VerificationFailed) as error:
        Case.open(aLog.parent)
    assert error.value.code == "case-changed-outside"


def test_caseRolledBackAloneIsNamed(aCase):
    """An older case.json under the newer log."""
    path = aCase.folder / CaseFormat.FILE_NAME
    commit(aCase, "source")
    old = path.read_bytes()
    commit(aCase, "segmentation")
    commit(aCase, "part")
    aCase.close()
    path.write_bytes(old)
    assert "Line 3 of the audit log was never committed" in Case.open(aCase.folder).verify()[0].message


def test_logRolledBackAloneIsNamed(aCase):
    log = aCase.folder / Audit.LOG_NAME
    commit(aCase, "source")
    old = log.read_bytes()
    for kind in ("segmentation", "part"):
        commit(aCase, kind)
    aCase.close()
    log.write_bytes(old)
    assert "Line 3 of the audit log is missing" in Case.open(aCase.folder).verify()[0].message


# Known limits: what the folder alone cannot show


def test_limitWholeCaseRolledBackIsSeenOnlyWithTheHeadKeptElsewhere(aCase, tmp_path):
    """case.json, log and artefacts rolled back together are an older true state of the case."""
    commit(aCase, "source")
    shutil.copytree(aCase.folder, tmp_path / "older")
    commit(aCase, "source", b"second")
    keptElsewhere = aCase.auditHead
    aCase.close()
    rolledBack = Case.open(tmp_path / "older")
    assert rolledBack.verify() == []
    assert rolledBack.auditHead != keptElsewhere and rolledBack.auditHead["lines"] < keptElsewhere["lines"]


def test_limitCaseForgedWholeWithAnotherKeyIsOnlyWarnedAbout(aLog):
    """It cannot be told from a case that another workstation wrote; the head kept elsewhere shows it."""
    head = Case.open(aLog.parent).auditHead
    forged = resealed(linesOf(aLog), KeyRing(b"attacker" * 4), who="somebody else")
    rewrite(aLog, forged)
    withLastLine(aLog.parent, forged[-1])
    case = Case.open(aLog.parent)
    assert [(finding.code, finding.severity) for finding in case.verify()] == [("audit-key-missing", "warn")]
    assert case.auditHead != head


def test_headFollowsEveryChange(aCase):
    heads = [aCase.auditHead]
    for _time in range(3):
        commit(aCase, "source")
        heads.append(aCase.auditHead)
        assert Case.open(aCase.folder).auditHead == heads[-1]
    assert len({head["sha256"] for head in heads}) == 4 and [head["lines"] for head in heads] == [1, 2, 3, 4]


# Keys


def test_machineWithoutKeyWarnsAndStillFindsBrokenLinks(aLog, tmp_path, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "other machine"))
    findings = Case.open(aLog.parent).verify()
    assert [(finding.code, finding.severity) for finding in findings] == [("audit-key-missing", "warn")]
    assert f" {LINES} audit lines" in findings[0].message
    assert not (tmp_path / "other machine").exists()
    lines = linesOf(aLog)
    rewrite(aLog, [lines[0], changedLine(lines[1], who="somebody else"), *lines[2:]])
    # Without the key only the next line's link shows that this one was changed.
    assert "Line 3 of the audit log" in Case.open(aLog.parent).verify()[0].message


def test_twoWorkstationsShareACase(aLog, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("PLANNINGHUB_HOME", str(tmp_path / "other machine"))
        with Case.open(aLog.parent, writable=True) as case:
            commit(case, "plan")
    findings = Case.open(aLog.parent).verify()
    assert [(finding.code, finding.severity) for finding in findings] == [("audit-key-missing", "warn")]
    assert " 1 audit lines" in findings[0].message


def test_keyFileOpenToOthersIsRefused(aLog, ownHome):
    (keyFile,) = ownHome.iterdir()
    keyFile.chmod(0o644)
    for action in (lambda: Case.open(aLog.parent, writable=True), lambda: Case.open(aLog.parent).verify()):
        with pytest.raises(GateRefused) as error:
            action()
        assert error.value.code == "key-file-open-to-others" and str(keyFile) in error.value.message
    keyFile.chmod(0o600)
    assert Case.open(aLog.parent).verify() == []
