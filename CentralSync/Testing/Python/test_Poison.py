"""An object that kills a real Orthanc: it is found, given up, and stops nothing else."""

import struct

import pytest
from Clocks import LeapingClock

from CentralSyncLib.Items import DICOM, Item, itemOf
from CentralSyncLib.Outbox.Drain import Drain
from CentralSyncLib.Outbox.Outbox import DEAD_LETTER, VERIFIED, Outbox
from CentralSyncLib.Stores.Addresses import openStore
from PlanningHubLib.Files import sha256
from PlanningHubLib.Secrets import KeyRing
from Servers.OrthancServer import OrthancServer, whyNoOrthanc
from Servers.SmallDicom import writeSmallSeries

NESTED = 3000
FOR_EVER = 0xFFFFFFFF


def nestedSequences(depth):
    """Content Sequences of undefined length, one in the other (PS3.5 7.5.2)."""
    begin = struct.pack("<HH2sHI", 0x0040, 0xA730, b"SQ", 0, FOR_EVER) + struct.pack("<HHI", 0xFFFE, 0xE000, FOR_EVER)
    end = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    return begin * depth + end * depth


def makePoison(path, like):
    """A slice with sequences nested so deep that this server's reader runs out of stack."""
    import pydicom

    dataset = pydicom.dcmread(like.path)
    del dataset.PixelData
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "2.25.90210"
    dataset.save_as(path, enforce_file_format=True)
    path.write_bytes(path.read_bytes() + nestedSequences(NESTED))
    size = path.stat().st_size
    return Item(sha256(path), path, "poison", DICOM, dataset.SOPInstanceUID, like.seriesUid, like.studyUid, size)


class WhoStartsItAgain(LeapingClock):
    """Somebody starts the server again whenever it is found dead."""

    def __init__(self, orthanc):
        super().__init__()
        self.orthanc, self.deaths = orthanc, 0

    def sleep(self, seconds):
        super().sleep(seconds)
        if self.orthanc._process.poll() is not None:
            self.deaths += 1
            self.orthanc.start()


@pytest.mark.skipif(bool(whyNoOrthanc()), reason=whyNoOrthanc() or "Orthanc is there")
def test_anObjectThatKillsTheServerStopsNothingElse(tmp_path):
    items = [itemOf(path) for path in writeSmallSeries(tmp_path / "series", 25, kilobytes=1)]
    poison = makePoison(tmp_path / "poison.dcm", items[0])
    with OrthancServer() as orthanc:
        clock = WhoStartsItAgain(orthanc)
        with Outbox(tmp_path / "outbox", KeyRing(b"k" * 32), clock.time) as outbox:
            store = openStore(orthanc.address)
            outbox.enqueue([*items[:12], poison, *items[12:]], store.address)
            Drain(outbox, store, clock).drain(None, 3600)
            states = {entry.name: entry.state for entry in outbox.entries()}
            (given,) = [entry for entry in outbox.entries() if entry.name == "poison"]
        # It died of the last try too.
        clock.sleep(1)
        assert states.pop("poison") == DEAD_LETTER and "Given up after 4 tries alone" in given.reason
        assert set(states.values()) == {VERIFIED} and len(orthanc.instances()) == len(items)
        # Once with others, then four times alone.
        assert clock.deaths == 5
