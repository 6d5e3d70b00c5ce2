"""A case of format 1 opens, verifies, and becomes format 2 at its first opening for writing."""

import json

from CaseMaking import PATIENT_CODE, commitChain, newCase

from PlanningHubLib import Audit, CaseFormat
from PlanningHubLib.Case import Case
from PlanningHubLib.Files import writeAside
from PlanningHubLib.Secrets import KeyRing


def aFormatOneCase(folder):
    """Write a case as the suite wrote it before files had sizes."""
    with newCase(folder) as case:
        commitChain(case)
    values = json.loads((folder / CaseFormat.FILE_NAME).read_text())
    values["version"] = 1
    del values["governance"]
    for artefact in values["artefacts"]:
        artefact["files"] = {name: {"sha256": record["sha256"]} for name, record in artefact["files"].items()}
    keyRing = KeyRing.forThisInstallation()
    last = Audit.makeLine(keyRing, "", 1, "case-created", {}, CaseFormat.stateHash(values), "a user")
    values["audit"] = {"lines": 1, "last": last}
    writeAside(folder / CaseFormat.FILE_NAME, CaseFormat.encode(values))
    (folder / Audit.LOG_NAME).write_text(last + "\n")


def test_readerMigratesInMemoryOnly(tmp_path):
    aFormatOneCase(tmp_path / "case")
    before = (tmp_path / "case" / CaseFormat.FILE_NAME).read_bytes()

    case = Case.open(tmp_path / "case")

    source = case.latest("source")
    sizes = {name: case.path(source, name).stat().st_size for name in source.files}
    assert {name: record.bytes for name, record in source.files.items()} == sizes
    assert case.verify() == []
    assert case.state(case.latest("receipt")) == "current"
    assert (tmp_path / "case" / CaseFormat.FILE_NAME).read_bytes() == before


def test_writerCommitsTheMigrationWithAnAuditLine(tmp_path):
    aFormatOneCase(tmp_path / "case")

    with Case.open(tmp_path / "case", writable=True) as case:
        assert case.patientCode == PATIENT_CODE

    values = json.loads((tmp_path / "case" / CaseFormat.FILE_NAME).read_text())
    assert values["version"] == CaseFormat.VERSION == 5
    line = json.loads(values["audit"]["last"])
    assert (line["action"], line["what"]) == ("case-migrated", {"from": 1, "to": 5})
    assert Case.open(tmp_path / "case").verify() == []


def test_missingFileMigratesWithoutASizeAndIsReported(tmp_path):
    aFormatOneCase(tmp_path / "case")
    case = Case.open(tmp_path / "case")
    part = case.latest("part")
    name = next(iter(part.files))
    case.path(part, name).unlink()

    again = Case.open(tmp_path / "case")

    assert again.latest("part").files[name].bytes is None
    assert [finding.code for finding in again.verify()] == ["file-damaged"]


def test_formatOneIsHeldToItsOwnSchema(tmp_path):
    aFormatOneCase(tmp_path / "case")
    values = json.loads((tmp_path / "case" / CaseFormat.FILE_NAME).read_text())
    values["artefacts"][0]["files"] = {"../outside": {"sha256": "0" * 64}}
    path = tmp_path / "case" / CaseFormat.FILE_NAME
    path.write_bytes(CaseFormat.encode(values))

    try:
        Case.open(tmp_path / "case")
    except Exception as error:
        assert error.code == "case-damaged"
    else:
        raise AssertionError("a path out of the case was accepted")


def test_formatFourGetsAnEmptyListOfReports(tmp_path):
    with newCase(tmp_path / "case") as case:
        commitChain(case)
    path = tmp_path / "case" / CaseFormat.FILE_NAME
    values = json.loads(path.read_text())
    values["version"] = 4
    del values["governance"]["reports"]
    last = Audit.makeLine(KeyRing.forThisInstallation(), "", 1, "case-created", {}, CaseFormat.stateHash(values), "x")
    values["audit"] = {"lines": 1, "last": last}
    path.write_bytes(CaseFormat.encode(values))
    (tmp_path / "case" / Audit.LOG_NAME).write_text(last + "\n")

    with Case.open(tmp_path / "case", writable=True) as case:
        assert case.governance["reports"] == [] and case.verify() == []
    assert json.loads(path.read_text())["version"] == CaseFormat.VERSION
