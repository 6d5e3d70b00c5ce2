"""The viewer in a real package finds in its folder what the command that verifies finds, and shows the same figures."""

import datetime
import json
import shutil

import pytest
from Browser import browser, program
from test_ApprovedPackage import ANNA, BELA, MALLORY, rewriteApprovals, rewriteManifest, writeSite
from test_PlannedPackage import PLATE, planThePart

from ORExportLib import Manifest
from ORExportLib.Export import exportPackage
from ORExportLib.Measurements import measurementsOf
from ORExportLib.Package import makePackage, optionalContents
from ORExportLib.Verify import verifyPackage
from ORExportLib.Viewer.Viewer import ROLE
from PlanningHubLib import Approval, Pictures, VerdictHeaders
from PlanningHubLib.Planning.Plan import readPlan
from PlanningHubLib.Session import Session

DONE = "document.querySelector('#package-check .good, #package-check .reject, #package-check .unknown')"
OTHERS = [name for name in optionalContents() if name != "viewer"]


@pytest.fixture(scope="module")
def made(tmp_path_factory, makeReadyCase):
    """An approved package of a planned plate, with the measurements of its case; not to be changed."""
    if program() is None:
        pytest.skip("no Chromium here (Debian package chromium)")
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch, Session.start() as session, makeReadyCase(folder, session) as case:
        patch.setenv("PLANNINGHUB_HOME", str(folder / "home"))
        patch.setattr(Pictures, "requireRendering", _refuse)
        plan, part = planThePart(case, session, PLATE)
        writeSite()
        Approval.approve(case, ANNA)
        measurements = measurementsOf(*readPlan(case, plan), case.latest("segmentation"), [part])
        exportPackage(case, makePackage(case, session, leaveOut=OTHERS), folder / "package")
    return folder / "package", measurements


def _refuse():
    raise Pictures.PicturesUnavailable("no OpenGL here")


@pytest.fixture(scope="module")
def aPage(made):
    with browser(1280, 800) as page:
        page.open(viewerOf(made[0]))
        page.waitFor("document.documentElement.dataset.checked")
        yield page


@pytest.fixture(autouse=True)
def sameDay(monkeypatch, dayAfterTheScan):
    """The browser knows no other day than today."""
    monkeypatch.setattr(VerdictHeaders, "today", datetime.date.today)


@pytest.fixture
def aFolder(made, tmp_path):
    return shutil.copytree(made[0], tmp_path / "package")


def viewerOf(folder):
    values = json.loads((folder / Manifest.FILE_NAME).read_bytes())
    return folder / next(one["path"] for one in values["files"] if one["role"] == ROLE)


def found(page, folder):
    """Return (code, message) of what the page finds in a folder, and whether it lets it be used."""
    page.value("document.getElementById('package-check').replaceChildren()")
    page.choose("#package-folder", [folder])
    page.waitFor(DONE)
    lines = page.value(
        "[...document.querySelectorAll('#package-check li')].map((one) => [one.dataset.code, one.textContent])"
    )
    return lines, page.value("!document.querySelector('#package-check p.reject')")


def sameAsCommand(page, folder):
    """Return the codes that the page finds, which are those that the command finds; but no object is opened here."""
    lines, isWhole = found(page, folder)
    own = [finding for finding in verifyPackage(folder) if finding.code not in INSIDE_OBJECTS]
    assert sorted(code for code, _text in lines) == sorted(finding.code for finding in own)
    assert isWhole is not any(finding.severity == "reject" for finding in own)
    return {code: text for code, text in lines}


# What only who opens the DICOM objects and the plan can find; of an untouched file it was found when it was made.
INSIDE_OBJECTS = {"document-differs", "identity-differs", "plan-differs", "dicom-unreadable", "approval-key-differs"}


def test_wholePackageIsWhole(aPage, made):
    lines = sameAsCommand(aPage, made[0])
    # The small series was scanned in 2024.
    assert set(lines) == {"approved-by", "scan-too-old"} and "anna (surgeon)" in lines["approved-by"]
    assert aPage.value("document.getElementById('approval').textContent") == "Approved by anna (surgeon)"
    assert aPage.value("document.getElementById('banner').className") == "approved"
    assert aPage.value("document.getElementById('alarm').hidden")


def test_patientIsNotNamed(aPage):
    told = aPage.value("document.getElementById('record').textContent + document.title + document.body.textContent")
    own = told[: told.index("CornerAnnotation")] if "CornerAnnotation" in told else told
    assert "PH-" in own and "Doe" not in own and "19700101" not in own


def test_figuresAreThoseOfTheCase(aPage, made):
    shown = aPage.value(
        "JSON.parse(document.getElementById('record').textContent)"
        ".steps.flatMap((step) => step.figures.map((one) => [step.name, one.name, one.text]))"
    )
    wanted = [[one.stepName, one.name, one.text] for one in made[1] if one.stepName]
    assert wanted and shown == wanted
    assert ["Screw", "length", "50.00 mm"] in shown


@pytest.mark.parametrize("role", ["model-stl", "segmentation-dicom", ROLE, "approvals"])
def test_oneByteNamesItsFile(aPage, aFolder, role):
    values = json.loads((aFolder / Manifest.FILE_NAME).read_bytes())
    name = next(one["path"] for one in values["files"] if one["role"] == role)
    data = bytearray((aFolder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (aFolder / name).write_bytes(data)
    lines, isWhole = found(aPage, aFolder)
    assert not isWhole and name in dict(lines)["file-changed"]
    assert not aPage.value("document.getElementById('alarm').hidden")


def test_namesMissingAndExtraFiles(aPage, aFolder):
    (gone,) = aFolder.glob("*-part.3mf")
    gone.unlink()
    (aFolder / "more").mkdir()
    (aFolder / "more" / "notes.txt").write_text("x")
    lines = sameAsCommand(aPage, aFolder)
    assert gone.name in lines["file-missing"] and "more/notes.txt" in lines["file-extra"]


@pytest.mark.parametrize("change", ["text", "gone", "list", "newer", "path", "unmarked"])
def test_namesABadManifest(aPage, aFolder, change):
    path = aFolder / Manifest.FILE_NAME
    values = json.loads(path.read_bytes())
    if change == "text":
        path.write_bytes(path.read_bytes().replace(b'"left"', b'"right"', 1))
    elif change == "gone":
        path.unlink()
    elif change == "list":
        path.write_bytes(b"[]")
    elif change == "unmarked":
        rewriteManifest(aFolder, approved=False)
    else:
        values |= {"version": 99} if change == "newer" else {}
        values["files"][0]["path"] = "../elsewhere" if change == "path" else values["files"][0]["path"]
        path.write_bytes(Manifest.encode(values))
    sameAsCommand(aPage, aFolder)


def test_saysWhatDoesNotHangTogether(aPage, aFolder):
    artefacts = json.loads((aFolder / Manifest.FILE_NAME).read_bytes())["artefacts"]
    artefacts[-1]["parents"][0]["content"] = "0" * 64
    rewriteManifest(aFolder, artefacts=artefacts, consent={"scope": "teaching", "basis": "document", "given": None})
    assert {"stale-part", "no-consent"} <= set(sameAsCommand(aPage, aFolder))


@pytest.mark.parametrize(
    "changes", [{"intendedUse": "education"}, {"sourceDate": None}, {"sourceDate": "2999-01-01"}, {"leftOut": []}]
)
def test_saysWhatSpeaksAgainstItsUseToday(aPage, aFolder, changes):
    rewriteManifest(aFolder, **changes)
    lines = sameAsCommand(aPage, aFolder)
    wanted = {"not-for-treatment", "scan-date-unknown", "scan-date-in-future", "package-incomplete"}
    assert len(wanted & set(lines)) == 1


def setOf(name, value):
    return lambda document: document["approvals"][0]["statement"].update({name: value})


@pytest.mark.parametrize(
    ("change", "resign", "code"),
    [
        (setOf("user", "bela"), None, "signature-false"),
        (setOf("artefacts", []), MALLORY, "approval-differs"),
        (setOf("case", {"id": "x", "code": "y", "side": "right"}), MALLORY, "approval-differs"),
        (setOf("neededSignatures", 2), ANNA, "signatures-too-few"),
        (setOf("statement", "voids"), BELA, "approval-differs"),
        (lambda document: document.update(format="other"), None, "approval-unreadable"),
    ],
)
def test_forgedApprovalsAreNamed(aPage, aFolder, change, resign, code):
    rewriteApprovals(aFolder, change, resign)
    assert code in sameAsCommand(aPage, aFolder)


def test_browserThatKnowsNoSuchSignaturesSaysSo(aPage, made):
    aPage.value("crypto.subtle.importKey = () => Promise.reject(new DOMException('no', 'NotSupportedError'))")
    try:
        lines, isWhole = found(aPage, made[0])
    finally:
        aPage.value("delete crypto.subtle.importKey")
    assert isWhole and "signatures-not-checked" in dict(lines) and "approved-by" not in dict(lines)
