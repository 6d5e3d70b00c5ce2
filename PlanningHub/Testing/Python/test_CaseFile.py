"""The file of a case: what its schema refuses, newer formats, and changes from outside."""

import json
from pathlib import Path

import pytest
from CaseMaking import OTHER_CODE, commit

from PlanningHubLib import CaseFormat
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import InputRefused, VerificationFailed

# The file's format


def rewritten(folder, **changes):
    path = Path(folder) / CaseFormat.FILE_NAME
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return path


@pytest.mark.parametrize("field, value", [
    ("side", "Left"), ("side", ""), ("caseId", "not a uuid"), ("name", "Mary"), ("patientCode", "12345"),
    ("created", "yesterday"), ("artefacts", {}), ("audit", {"lines": 0, "last": "x"}), ("audit", {}),
    ("format", "other"), ("patientName", "Mary"), ("version", 0), ("version", -1), ("version", True),
])  # fmt: skip
def test_schemaRejectsBadValues(aCase, field, value):
    aCase.close()
    rewritten(aCase.folder, **{field: value})
    with pytest.raises(VerificationFailed) as error:
        Case.open(aCase.folder)
    assert error.value.code == "case-damaged" and CaseFormat.FILE_NAME in error.value.message


@pytest.mark.parametrize("field, value", [
    ("id", "../source-1"), ("id", "source-0"), ("kind", "guess"), ("revision", 0), ("who", ""), ("when", "2026-01-01"),
    ("files", {}),
    ("files", {"/etc/passwd": {"sha256": "0" * 64, "bytes": 1}}),
    ("files", {"../x": {"sha256": "0" * 64, "bytes": 1}}),
    ("files", {"a/../../x": {"sha256": "0" * 64, "bytes": 1}}),
    ("files", {"a\\b": {"sha256": "0" * 64, "bytes": 1}}),
    ("files", {"a": {"sha256": "0", "bytes": 1}}),
    ("files", {"a": {"sha256": "0" * 64, "bytes": -1}}),
    ("parents", [{"id": "source-1"}]), ("software", {"a": 1}), ("extra", 1),
])  # fmt: skip
def test_schemaRejectsBadArtefacts(aCase, field, value):
    commit(aCase, "source")
    aCase.close()
    values = json.loads((aCase.folder / CaseFormat.FILE_NAME).read_text())
    values["artefacts"][0][field] = value
    rewritten(aCase.folder, **values)
    with pytest.raises(VerificationFailed) as error:
        Case.open(aCase.folder)
    assert error.value.code == "case-damaged"


@pytest.mark.parametrize("version", [CaseFormat.VERSION + 1, 999])
def test_newerVersionIsRefused(aCase, version):
    aCase.close()
    path = rewritten(aCase.folder, version=version, somethingNew=1)
    for writable in (False, True):
        with pytest.raises(InputRefused) as error:
            Case.open(aCase.folder, writable)
        assert error.value.code == "case-too-new" and str(version) in error.value.message
    assert json.loads(path.read_text())["version"] == version


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"a": 1}'])
def test_whatIsNoCaseFileIsRefused(aCase, content):
    aCase.close()
    (aCase.folder / CaseFormat.FILE_NAME).write_bytes(content)
    with pytest.raises(InputRefused) as error:
        Case.open(aCase.folder)
    assert error.value.code == "not-a-case"


@pytest.mark.parametrize("field, value", [("side", "right"), ("patientCode", OTHER_CODE), ("procedure", "Other")])
def test_validValuesChangedOutsideTheSuiteAreSeen(aCase, field, value):
    aCase.close()
    rewritten(aCase.folder, **{field: value})
    with pytest.raises(VerificationFailed) as error:
        Case.open(aCase.folder)
    assert error.value.code == "case-changed-outside"
