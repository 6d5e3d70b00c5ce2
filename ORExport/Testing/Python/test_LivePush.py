"""The plan over OpenIGTLink: what a peer in another process receives, as pyigtl and the OpenIGTLink library read it."""

import json
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy
import pytest
from ModelMaking import CASE_NAME, MOTION_LPS, aContent, aSegmentation, someBodies, someObjects
from OpenIgtLinkJudge import messagesIn, surfaceOf

from ORExportLib.Manifest import readManifest
from ORExportLib.Models import LivePush, Navigation
from ORExportLib.Models.LiveMessages import messagesOf, numberOfMessages
from ORExportLib.Writer import Writer
from PlanningHubCommand.Main import main
from PlanningHubLib.Errors import Cancelled, GateRefused, InputRefused, StoreFailed, UsageError, VerificationFailed
from PlanningHubLib.Progress import noProgress
from PlanningHubLib.Session import Session

TURN = numpy.diag([-1, -1, 1, 1])


@pytest.fixture(scope="module")
def aPlan(tmp_path_factory):
    """The folder of a plan's navigation files, and their index."""
    folder = tmp_path_factory.mktemp("package")
    with Session.start() as session:
        content = aContent(session=session, segmentationNode=aSegmentation(session))
        Navigation.write(content, Writer(folder, content.making), noProgress)
    folder /= "navigation"
    return folder, json.loads(next(folder.glob("*-navigation.json")).read_bytes())


class Peer:
    """Another process that listens."""

    def __init__(self):
        command = [sys.executable, "-m", "Servers.NavigationPeer"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.address = ("127.0.0.1", int(self.process.stdout.readline()))

    def received(self):
        """Return device → what it received, when it has all."""
        return {one["device"]: one for one in json.loads(self.process.stdout.readline())}


@pytest.fixture
def aPeer(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3] / "Testing"), prepend=":")
    peer = Peer()
    yield peer
    peer.process.kill()
    peer.process.wait()


@pytest.fixture
def aRecorder():
    """A server that keeps every byte: its address, and a function that waits for them."""
    server = socket.create_server(("127.0.0.1", 0))
    kept = []

    def record():
        connection, _address = server.accept()
        with connection:
            while data := connection.recv(65536):
                kept.append(data)

    thread = threading.Thread(target=record)
    thread.start()

    def stream():
        thread.join(30)
        return b"".join(kept)

    yield server.getsockname(), stream
    server.close()


def sendPlan(aPlan, address, progress=noProgress):
    folder, index = aPlan
    return LivePush.send(messagesOf(folder, index, "ab" * 32), numberOfMessages(index), address, progress)


def test_peerReceivesThePlan(aPlan, aPeer):
    sent = sendPlan(aPlan, aPeer.address)
    received = aPeer.received()
    assert {one["device"]: one["type"] for one in sent} == {name: one["type"] for name, one in received.items()}
    statement = json.loads(received["Plan-NOT-APPROVED"]["text"])
    assert (statement["case"], statement["side"], statement["frame"]) == (CASE_NAME, "left", "RAS")
    assert statement["approved"] == "NOT APPROVED" and statement["package"] == "ab" * 32
    named = {one["device"]: one["name"] for one in statement["devices"]}
    assert named["plate-7-8"] == "Plate 7/8 «Ø»" and set(named) == set(received) - {
        "Plan-NOT-APPROVED",
        "PlanComplete",
    }
    # The peer has RAS, as the plan has.
    landmarks = received["landmarks"]
    assert landmarks["labels"] == ["nasion", "sella"]
    assert numpy.array(landmarks["points"]) == pytest.approx(someObjects()["Landmarks"].pointsRas)
    assert numpy.array(received["ramus-left-motion"]["matrix"]) == pytest.approx(TURN @ MOTION_LPS @ TURN)
    assert numpy.array(received["advance-by-5"]["matrix"]) == pytest.approx(someObjects()["Advance by 5"].matrix)
    plane = numpy.array(received["osteotomy"]["matrix"])
    assert plane[:3, 2:].T == pytest.approx(numpy.array([[0, 0.6, 0.8], [1, 2, 3]]), abs=1e-6)
    assert plane[:3, :3] @ plane[:3, :3].T == pytest.approx(numpy.eye(3), abs=1e-6)
    assert numpy.linalg.det(plane[:3, :3]) == pytest.approx(1)


def test_theLibraryReadsEverySurface(aPlan, aRecorder):
    address, stream = aRecorder
    sendPlan(aPlan, address)
    surfaces = {device: surfaceOf(body) for kind, device, body in messagesIn(stream()) if kind == "POLYDATA"}
    for device, body in zip(("mandible", "ramus-left", "plate-7-8"), someBodies(), strict=True):
        points, triangles = surfaces[device]
        wanted = body.mesh.points * (-1, -1, 1)
        assert points.min(0) == pytest.approx(wanted.min(0), abs=1e-3)
        assert points.max(0) == pytest.approx(wanted.max(0), abs=1e-3)
        assert len(triangles) == len(body.mesh.triangles)


def test_theLibrarySeesADamagedMessage(aPlan, aRecorder):
    address, stream = aRecorder
    sendPlan(aPlan, address)
    damaged = bytearray(stream())
    damaged[100] ^= 1
    with pytest.raises(AssertionError):
        messagesIn(bytes(damaged))


def test_longAndEqualNamesStayApart(aPlan):
    folder, index = aPlan
    body = {**index["bodies"][0], "name": "Fragment of the left mandibular angle, distal"}
    many = {**index, "bodies": [body, {**body, "name": f"{body['name']} 2"}, {**body, "name": "Plan"}], "objects": []}
    names = [message.device_name for message in messagesOf(folder, many, "")]
    assert names == ["Plan-NOT-APPROVED", "fragment-of-the-left", "fragment-of-the-le-2", "plan-2", "PlanComplete"]


def test_moreThanOneMessageCanNameIsRefused(aPlan):
    folder, index = aPlan
    with pytest.raises(InputRefused) as refusal:
        next(messagesOf(folder, {**index, "objects": index["objects"] * 200}, ""))
    assert refusal.value.code == "too-many-objects"


def test_cancelledPlanIsNotSaidToBeComplete(aPlan, aRecorder):
    address, stream = aRecorder

    def cancel(fraction, _text):
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        sendPlan(aPlan, address, cancel)
    devices = [device for _kind, device, _body in messagesIn(stream())]
    assert devices[0] == "Plan-NOT-APPROVED" and "PlanComplete" not in devices


def test_peerThatIsNotThereIsNamed(aPlan):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
    with pytest.raises(StoreFailed) as failure:
        sendPlan(aPlan, address)
    assert failure.value.code == "peer-unreachable"


def test_peerThatGoesIsNamed(aPlan):
    server = socket.create_server(("127.0.0.1", 0))

    def leave():
        connection, _address = server.accept()
        # Closed with unread data, as by a program that ends.
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()

    threading.Thread(target=leave).start()
    with server, pytest.raises(StoreFailed) as failure:
        sendPlan(aPlan, server.getsockname())
    assert failure.value.code == "peer-closed"


@pytest.mark.parametrize("text", ["", "host", "host:", ":18944", "host:0", "host:65536", "host:x", "host:²"])
def test_badPeerIsRefused(text):
    with pytest.raises(UsageError) as refusal:
        LivePush.parsePeer(text)
    assert refusal.value.code == "bad-peer"


def test_peersOfAnyKindAreTaken():
    assert LivePush.parsePeer("navigation.example:18944") == ("navigation.example", 18944)
    assert LivePush.parsePeer("[::1]:1") == ("::1", 1)


def test_packageThatIsNotApprovedIsSentOnlyWhereStated(packageOnce, aPeer, capsys):
    folder, caseName, _slices = packageOnce
    with pytest.raises(GateRefused) as refusal:
        LivePush.pushPackage(folder, aPeer.address)
    assert refusal.value.code == "not-approved"
    peer = "{}:{}".format(*aPeer.address)
    assert main(["push", str(folder), "--to", peer, "--json"]) == GateRefused.exitCode
    assert json.loads(capsys.readouterr().out)["findings"][0]["code"] == "not-approved"
    assert main(["push", str(folder), "--to", peer, "--not-approved"]) == 0
    assert "NOT APPROVED: sent to" in capsys.readouterr().out
    received = aPeer.received()
    statement = json.loads(received["Plan-NOT-APPROVED"]["text"])
    assert statement["case"] == caseName and "Doe" not in json.dumps(received)
    assert statement["package"] == json.loads((folder / "manifest.json").read_bytes())["sha256"]


def test_damagedPackageIsNotSent(packageOnce, tmp_path):
    folder = shutil.copytree(packageOnce[0], tmp_path / "package")
    stl = next(folder.glob("navigation/*.stl"))
    stl.write_bytes(stl.read_bytes()[:-1] + b"\1")
    with pytest.raises(VerificationFailed) as failure:
        LivePush.pushPackage(folder, ("127.0.0.1", 9), notApproved=True)
    assert failure.value.code == "file-changed" and str(stl) in map(str, failure.value.files)


@pytest.mark.parametrize(
    "change",
    [{"side": "right"}, {"approved": True}, {"case": "PH-OTHER234-0001"}, {"frame": "RAS"}, {"version": 2},
     {"bodies": [{"file": "../../secret.stl"}]}, {"bodies": None}],
    ids=str,
)  # fmt: skip
def test_indexThatDoesNotFitThePackageIsRefused(packageOnce, tmp_path, change):
    """Whoever can write a package can write its manifest too."""
    manifest = readManifest(packageOnce[0])
    path = tmp_path / "navigation.json"
    (original,) = packageOnce[0].glob("navigation/*-navigation.json")
    path.write_text(json.dumps({**json.loads(original.read_bytes()), **change}))
    with pytest.raises(VerificationFailed) as failure:
        LivePush._readIndex(path, manifest)
    assert failure.value.code == "navigation-differs"
    assert LivePush._readIndex(original, manifest)["case"] == packageOnce[1]
