"""The QR code of a part: another program reads it off the part, and it says which part that is."""

import numpy
import pytest
from LabelMaking import IDENTITY, box, carriedOut, codesOf, cylinder, frameOf, profileAlong, workOn
from PartMaking import manifoldStatus

from PlanningHubLib.Errors import InputRefused, VerificationFailed
from PlanningHubLib.Paper import QUIET_MODULES, qrModules
from PlanningHubLib.Shapes.Checks import requirePrintable
from PrintPrepLib.Marking import LabelReading, Marks, QrCodes

TEXT = "PLANNINGHUB:PH-7K2M9QXA-4T0B:PART-1.2:0123456789ABCDEF0123456789ABCDEF"


def pictureOf(dark, pixels=5):
    quiet = numpy.pad(dark, QUIET_MODULES)
    return numpy.kron(numpy.where(quiet, 0, 255), numpy.ones((pixels, pixels))).astype(numpy.uint8)


def test_textSaysCasePartAndSource():
    assert QrCodes.qrText(IDENTITY) == TEXT
    seen = QrCodes.parsed(TEXT.lower())
    assert (seen.caseName, seen.partNumber) == ("PH-7K2M9QXA-4T0B", "PART-1.2")
    assert IDENTITY.sourceContent.upper().startswith(seen.sourceHash) and seen.fits(IDENTITY)
    other = type(IDENTITY)(IDENTITY.caseName, "Plate", "part-1.3", "left", IDENTITY.sourceContent)
    assert not seen.fits(other)


@pytest.mark.parametrize("text", ["", "https://a.b", TEXT[:-1], TEXT.replace(":PART", ""), TEXT.replace("F", "G")])
def test_otherCodesAreNoneOfOurs(text):
    assert QrCodes.parsed(text) is None


def test_anotherProgramReadsTheModules():
    dark = qrModules(TEXT)
    assert len(dark) == 33, "version 4: capitals and digits only"
    assert QrCodes.readQr(pictureOf(dark)) == TEXT
    assert QrCodes.readQr(pictureOf(~dark)[:, :100]) == ""


def test_codeSurvivesASmallDefectAndNotALargeOne():
    picture = pictureOf(qrModules(TEXT))
    picture[90:110, 90:110] = 255
    assert QrCodes.readQr(picture) == TEXT
    picture[60:150, 60:150] = 255
    assert QrCodes.readQr(picture) == ""


@pytest.mark.parametrize("kind", ["engraved", "embossed"])
def test_codeIsReadOnThePartItself(kind):
    mesh = box(60, 60, 5)
    work = workOn(mesh)
    entry = carriedOut(work, do="qr", kind=kind)
    assert (entry["kind"], entry["read"], entry["readAs"], entry["heightMm"]) == ("qr", True, TEXT, 1.0)
    assert entry["identifiesPatient"] is False and codesOf(work) == []
    made = work.pieces[0].mesh
    requirePrintable(made)
    assert manifoldStatus(made) == "NoError"
    dark = qrModules(TEXT).sum()
    assert abs(entry["volumeChangeMl"]) * 1000 == pytest.approx(dark, rel=0.06), "a mm³ for each module"


def test_modulesStandWhereTheCodeHasThemAndAsDeepAsSaid():
    work = workOn(box(60, 60, 5))
    entry = carriedOut(work, do="qr", depthMm=0.8)
    dark, middle = qrModules(TEXT), numpy.arange(33) - 16
    for row in (0, 7, 20, 32):
        heights = [profileAlong(work.pieces[0].mesh, frameOf(entry), x, [16.0 - row])[0] for x in middle]
        assert heights == pytest.approx(numpy.where(dark[row], -0.8, 0), abs=1e-3)


def test_codeOnACylinderIsFlatEnoughToRead():
    work = workOn(cylinder(100, 60))
    entry = carriedOut(work, do="qr")
    assert entry["read"] is True and entry["kind"] == "qr"


def test_codeThatDoesNotFitComesOnATag():
    work = workOn(box(12, 12, 12))
    entry = carriedOut(work, do="qr")
    assert entry["read"] is True and "tagAtLps" in entry and codesOf(work) == ["on-a-tag"]
    with pytest.raises(InputRefused) as refusal:
        carriedOut(workOn(box(12, 12, 12)), do="qr", kind="engraved")
    assert refusal.value.code == "no-face"


def test_codeThatIsNotReadIsSaid(monkeypatch):
    monkeypatch.setattr(LabelReading, "readCode", lambda *_place: LabelReading.CodeRead("", False))
    work = workOn(box(60, 60, 5))
    assert carriedOut(work, do="qr")["read"] is False
    assert [(one.code, one.severity) for one in work.findings] == [("label-not-read", "warn")]


@pytest.mark.parametrize("quarters", range(4))
def test_aMirroredCodeIsToldFromATurnedOne(quarters):
    picture = numpy.rot90(pictureOf(qrModules(TEXT), 6), quarters)
    mirrored = numpy.ascontiguousarray(picture[:, ::-1])
    assert QrCodes.readQr(picture) == QrCodes.readQr(mirrored) == TEXT, "a reader reads both"
    assert not QrCodes.isMirrored(picture, TEXT, 6) and QrCodes.isMirrored(mirrored, TEXT, 6)
    other = TEXT.replace("PART-1.2", "PART-9.9").replace("0123", "7777")
    with pytest.raises(VerificationFailed) as refusal:
        QrCodes.isMirrored(picture, other, 6)
    assert refusal.value.code == "code-not-compared"


@pytest.mark.parametrize("kind", ["engraved", "embossed"])
def test_aCodeThatStandsOnThePartAsInAMirrorIsRefused(monkeypatch, kind):
    right, modules = Marks.Code.outline, qrModules(TEXT)
    assert not (modules == modules[:, ::-1]).all()
    monkeypatch.setattr(Marks.Code, "outline", lambda *values: right(*values).mirror((1.0, 0.0)))
    with pytest.raises(VerificationFailed) as refusal:
        carriedOut(workOn(box(60, 60, 5)), do="qr", kind=kind)
    assert refusal.value.code == "label-mirrored"
