"""A hospital's inference server: the same tests on a real MONAI Label, where there is one, and on one that is played.

What the played one proves beyond the real one's tests: how a login goes, and that a cancel stops the sending.
"""

import json
import time

import pytest
from InferenceMaking import AIR_HU, anImage

from PlanningHubLib import Consent
from PlanningHubLib.ArchiveAccess import Credentials
from PlanningHubLib.Errors import Cancelled, GateRefused, InputRefused, StoreFailed, UsageError
from PlanningHubLib.Progress import noProgress
from PlanningHubLib.Segmenting.Inference import inferredMasks, releaseOfImage
from PlanningHubLib.Segmenting.MonaiLabel import MonaiLabel, _Form, chosenModel, formParts, labelValues
from PlanningHubLib.Segmenting.MonaiLabelHttp import TimeLimits, parseAddress
from Servers.MonaiLabelServer import MonaiLabelServer, whyNoMonaiLabel
from Servers.SmallMonaiLabel import BONE_HU, CHECKSUM, PASSWORD, USER, SmallMonaiLabel

WANTED = {"Skull": ["skull"], "Airway": ["air"]}


@pytest.fixture(scope="module", params=["played", "real"])
def aServer(request):
    if request.param == "real" and whyNoMonaiLabel():
        pytest.skip(whyNoMonaiLabel())
    with SmallMonaiLabel() if request.param == "played" else MonaiLabelServer() as server:
        yield server


def infer(server, model, wanted=None, release=lambda: None, progress=noProgress, **options):
    with MonaiLabel(server.address, model, release, **options) as engine:
        return inferredMasks(engine, *anImage(), wanted or WANTED, progress)


@pytest.mark.parametrize(("model", "weights"), [("threshold", CHECKSUM), ("listed", "not stated")])
def test_masksLieOnTheImagesVoxels(aServer, model, weights):
    voxels, _ijkToRas = anImage()
    masks, provenance = infer(aServer, model)
    assert (masks["Skull"] == (voxels >= BONE_HU)).all() and (masks["Airway"] == (voxels == AIR_HU)).all()
    assert provenance["needsReview"] is True and provenance["weights"] == weights
    stated = {name: provenance[name] for name in ("engine", "server", "serverName", "serverVersion", "model")}
    assert stated == {"engine": "MONAI Label", "server": aServer.address, "serverName": "Thresholds",
                      "serverVersion": "3.1", "model": model}  # fmt: skip
    assert provenance["modelVersion"] == provenance["engineVersion"] == "not stated"


@pytest.mark.parametrize(("model", "wanted", "code"), [
    ("shifted", WANTED, "other-grid"), ("shorter", WANTED, "other-grid"), ("failing", WANTED, "server-failed"),
    ("nowhere", WANTED, "no-such-model"), (None, WANTED, "several-models"),
    ("threshold", {"Spleen": ["spleen"]}, "unknown-label"),
])  # fmt: skip
def test_badAnswerIsRefusedByName(aServer, model, wanted, code):
    with pytest.raises((InputRefused, StoreFailed)) as refused:
        infer(aServer, model, wanted)
    assert refused.value.code == code


def test_labelsOfAModelAreThoseThatTheServerStates(aServer):
    for model in ("threshold", "listed"):
        with MonaiLabel(aServer.address, model, release=None) as engine:
            assert engine.labels() == ("skull", "air")


def test_cancelIsHeardWhileTheServerWorks(aServer):
    def progress(_fraction, text):
        if "model is at work" in text:
            raise Cancelled()

    with pytest.raises(Cancelled):
        infer(aServer, "slow", progress=progress)


def test_cancelStopsTheSending(monkeypatch):
    """Judge: what arrived at the server."""
    read = _Form.read

    def slowRead(form, count=-1):
        time.sleep(0.1)
        return read(form, 100)

    def progress(fraction, text):
        # The sending takes from 0.05 to 0.3 of this, that of the whole from 0.05 to 0.95.
        if text == "Sending the image" and fraction > 0.15:
            raise Cancelled()

    monkeypatch.setattr(_Form, "read", slowRead)
    with SmallMonaiLabel() as server:
        with pytest.raises(Cancelled):
            infer(server, "threshold", progress=progress)
        end = time.monotonic() + 20
        while not server.cut and time.monotonic() < end:
            time.sleep(0.05)
        assert server.cut == 1 and server.bodies == []


def test_nothingIsSentWithoutAChoiceForThisCase(aCase, aChain):
    with SmallMonaiLabel() as server:
        for chosen in (None, "", "https://other.invalid"):
            with pytest.raises(GateRefused) as refused:
                releaseOfImage(aCase, aChain["source"], server.address, chosen)
            assert refused.value.code == "not-chosen"
        assert server.requests == [] and aCase.governance["departures"] == []


def test_whatLeavesIsRecordedBeforeAndHoldsNoIdentifier(aCase, aChain):
    Consent.recordElsewhere(aCase)
    with SmallMonaiLabel() as server:
        release = releaseOfImage(aCase, aChain["source"], server.address, server.address, user="planner")
        infer(server, "threshold", release=release)
        departure = aCase.governance["departures"][-1]
        assert (departure["purpose"], departure["who"]) == ("inference-server", "planner")
        assert departure["destination"] == f"inference server {server.address}"
        assert [one["id"] for one in departure["artefacts"]] == [aChain["source"].id]
        (body,) = server.bodies
        parts = body.split(b"\r\n\r\n", 2)
        assert b'filename="image.nii.gz"' in parts[1] and str(aCase.folder).encode() not in body
        assert json.loads(parts[1].split(b"\r\n")[0]) == {"result_extension": ".nii.gz", "result_dtype": "uint16"}


def test_withdrawnConsentSendsNothing(aCase, aChain):
    Consent.recordConsent(aCase, "treatment", "2026-01-31", "version-4")
    Consent.withdrawConsent(aCase, "treatment")
    with SmallMonaiLabel() as server:
        release = releaseOfImage(aCase, aChain["source"], server.address, server.address)
        with pytest.raises(GateRefused) as refused:
            infer(server, "threshold", release=release)
        assert refused.value.code == "no-consent" and server.bodies == []


@pytest.mark.parametrize(("login", "credentials", "code"), [
    ("token", Credentials(USER, PASSWORD), None), ("basic", Credentials(USER, PASSWORD), None),
    ("token", Credentials("", "a.b.c"), None), ("token", None, "ai-login-needed"),
    ("token", Credentials(USER, "wrong"), "ai-login-refused"), ("token", Credentials("", "x.y.z"), "ai-login-refused"),
    ("basic", Credentials(USER, "wrong"), "ai-login-refused"),
])  # fmt: skip
def test_loginByPasswordOrToken(login, credentials, code):
    with SmallMonaiLabel(login=login) as server:
        if code is None:
            assert set(infer(server, "threshold", credentials=credentials)[0]) == {"Skull", "Airway"}
            return
        with pytest.raises(StoreFailed) as failed:
            infer(server, "threshold", credentials=credentials)
        assert failed.value.code == code and "open sesame" not in str(failed.value)
        assert [path for _method, path in server.requests if path.startswith("/infer")] == []


def test_serverThatTakesTooLongIsGivenUp():
    with SmallMonaiLabel() as server, pytest.raises(StoreFailed) as failed:
        infer(server, "slow", limits=TimeLimits(inferSeconds=0.5))
    assert failed.value.code == "server-silent"


@pytest.mark.parametrize(("address", "code"), [
    ("http://inference.hospital.example", "plain-http"), ("https://me:secret@inference.example", "secret-in-address"),
    ("inference.example", "bad-server-address"), ("https://a.example/?x=1", "bad-server-address"),
    ("", "bad-server-address"), ("ftp://a.example", "bad-server-address"),
])  # fmt: skip
def test_badAddressIsRefused(address, code):
    with pytest.raises(UsageError) as refused:
        parseAddress(address)
    assert refused.value.code == code and "secret@" not in str(refused.value)


def test_labelsAreReadInEveryFormThatServersUse():
    assert labelValues({"background": 0, "skull": 1}) == {"skull": 1}
    assert labelValues({"0": "background", "7": "skull"}) == {"skull": 7}
    assert labelValues(["skull", "air"]) == {"skull": 1, "air": 2}
    assert labelValues("skull") == labelValues({"skull": None}) == {}


def test_modelThatNeedsAUsersPointsIsRefused():
    info = {"models": {"click": {"type": "deepgrow", "labels": ["skull"]}, "all": {"type": "segmentation"}}}
    assert chosenModel(info, "all") == "all"
    with pytest.raises(InputRefused) as refused:
        chosenModel(info, "click")
    assert refused.value.code == "model-needs-points"


def test_answerWithoutALabelMapIsRefused():
    good = b'--x\r\nContent-Disposition: form-data; name="image"\r\n\r\nA\r\n\r\nB\r\n--x--\r\n'
    assert formParts("multipart/form-data; boundary=x", good) == ({}, b"A\r\n\r\nB")
    for contentType, content in (("application/json", b"{}"), ("multipart/form-data; boundary=y", good),
                                 ("multipart/form-data; boundary=x", good.replace(b"image", b"other"))):  # fmt: skip
        with pytest.raises(StoreFailed) as failed:
            formParts(contentType, content)
        assert failed.value.code == "server-answer"
