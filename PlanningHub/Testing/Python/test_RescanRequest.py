"""The request for a new scan: one page, words a radiographer can act on, a pseudonym and no name."""

import dataclasses
import json
import subprocess

import Judges
import numpy
import pydicom
import pytest
from CaseMaking import asymmetricVoxels, writeSmallSeries
from VerdictMaking import headVoxels, writeHead

from Phantom.Faults import damagedCopy
from PlanningHubCommand.Main import main
from PlanningHubLib.Case import Case
from PlanningHubLib.Import import examine
from PlanningHubLib.Procedures import procedureNames
from PlanningHubLib.RescanRequest import rescanRequestPdf


@pytest.fixture
def aPage(tmp_path):
    """Call with a verdict; returns the page's text after an outside judge has looked at the file."""

    def make(verdict, side="left"):
        path = tmp_path / "request.pdf"
        path.write_bytes(rescanRequestPdf(verdict, side))
        assert "No syntax or stream encoding errors" in Judges.run("qpdf", "--check", path)
        assert "Pages:           1" in Judges.run("pdfinfo", path)
        return " ".join(Judges.run("pdftotext", "-layout", path, "-").split())

    return make


@pytest.fixture
def aPoorScan(tmp_path):
    """Thick slices, metal, another side; under a name that must not get out."""
    voxels = headVoxels()[::4]
    voxels[2:6, 40:46, 50:58] = 3071
    return writeHead(
        tmp_path / "ct", voxels, (0.5, 0.5, 4.2), Laterality="R", PatientName="Secret^Name", PatientID="SECRET-7",
        AccessionNumber="SECRET-8", InstitutionName="SECRET-9", StudyDescription="SECRET-10",
    )  # fmt: skip


def test_pageSaysWhatIsWrongAndWhatIsAskedFor(aPoorScan, aPage):
    verdict = examine(aPoorScan, procedure="cranioplasty", side="left")
    text = aPage(verdict)
    for words in (
        "REJECT",
        "Cranioplasty",
        "LEFT",
        "2026-01-05",
        "coded as of the right side",
        "4.20 mm apart",
        "Metal",
        "must be mended",
        "at most 1 mm",
        "at most 4 mm",
        "Mini-invasive Surgery",
        "site default",
    ):
        assert words in text
    # What has to be mended stands first.
    assert text.index("must be mended") < text.index("should be mended")


def test_pageHoldsThePseudonymAndNoName(aPoorScan, aPage, tmp_path, capsys):
    verdict = examine(aPoorScan, procedure="cranioplasty", side="right")
    text = aPage(verdict, "right")
    assert "SECRET" not in text.upper()
    assert (
        b"SECRET"
        not in subprocess.run(["qpdf", "--qdf", str(tmp_path / "request.pdf"), "-"], capture_output=True).stdout.upper()
    )
    assert verdict.chosen.uid not in text
    # It is the one with which the names of the patient's cases begin.
    assert main(["import", str(aPoorScan), "--case", str(tmp_path / "case"), "--side", "right"]) == 0
    assert Case.open(tmp_path / "case").name.rsplit("-", 1)[0] in text


@pytest.mark.parametrize("procedure", procedureNames())
def test_everyProcedureFillsOnePage(aPoorScan, aPage, procedure):
    assert "Distance between slices" in aPage(examine(aPoorScan, procedure=procedure, side="left"))


def test_mixedUpPatientsHaveNoPseudonym(tmp_path, aPage):
    writeSmallSeries(tmp_path / "tall", numpy.repeat(asymmetricVoxels(), 2, axis=0)[:11])
    verdict = examine(damagedCopy("twoPatients", tmp_path / "tall", tmp_path / "damaged"))
    text = aPage(verdict)
    assert "names no patient, or several" in text and "more than one patient" in text and "PHANTOM" not in text


def test_manyFindingsStayOnOnePage(aPoorScan, aPage):
    verdict = examine(aPoorScan, procedure="cranioplasty", side="left")
    many = tuple(dataclasses.replace(verdict.findings[0], message="Slices differ. " * 60) for _ in range(40))
    assert "and 28 more" in aPage(dataclasses.replace(verdict, findings=many))


def test_otherScriptsArePrinted(aPoorScan, aPage):
    verdict = examine(aPoorScan, procedure="cranioplasty", side="left")
    words = "Łódź, κρανίο, череп, 頭蓋骨 & <b>"
    assert words in aPage(
        dataclasses.replace(verdict, findings=(dataclasses.replace(verdict.findings[0], message=words),))
    )


def test_commandWritesItWhateverTheVerdict(aPoorScan, tmp_path, capsys):
    arguments = ["import", str(aPoorScan), "--json", "--procedure", "cranioplasty", "--case"]
    for name, side, exitCode in (("rejected", "left", 3), ("accepted", "right", 3), ("fine", None, 0)):
        page = tmp_path / f"{name}.pdf"
        extra = ["--side", side] if side else ["--procedure", "general"]
        assert main([*arguments, str(tmp_path / name), "--rescan-request", str(page), *extra]) == exitCode
        values = json.loads(capsys.readouterr().out)
        assert values["rescan_request"] == str(page) and page.read_bytes().startswith(b"%PDF")
        assert (tmp_path / name).exists() is (exitCode == 0)


def test_commandOverwritesNothing(aPoorScan, tmp_path, capsys):
    page = tmp_path / "letter.pdf"
    page.write_text("keep me")
    arguments = ["import", str(aPoorScan), "--case", str(tmp_path / "case"), "--json", "--rescan-request", str(page)]
    assert main(arguments) == 3
    assert "already-there" in {one["code"] for one in json.loads(capsys.readouterr().out)["findings"]}
    assert page.read_text() == "keep me" and not (tmp_path / "case").exists()


def test_pageIsTheSameForTheSameVerdict(aPoorScan):
    import datetime

    verdict = examine(aPoorScan)
    when = datetime.datetime(2026, 2, 1, tzinfo=datetime.UTC)
    assert rescanRequestPdf(verdict, "left", when) == rescanRequestPdf(verdict, "left", when)
    assert pydicom.dcmread(next(aPoorScan.iterdir())).PatientName == "Secret^Name"
