"""Two processes queue and drain one outbox at the same time, and one of them is killed: each entry is handled once."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from OutboxMaking import STORE, assertSound, openOutbox, payloadNames

from CentralSyncLib.Outbox.Outbox import VERIFIED

# What one process does: it queues forty of its own and forty that all have, then drains whatever is there.
PROGRAM = """
import sys
from pathlib import Path
from OutboxMaking import STORE, contentOf, makeItems, openOutbox
from CentralSyncLib.Outbox.Outbox import SENT, VERIFIED

place, number, held = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
own = makeItems(place / f"own-{number}", 40, name=f"process {number}")
shared = makeItems(place / f"shared-{number}", 40, name="shared")
sys.stdin.readline()
with openOutbox(place / "outbox") as outbox:
    for start in range(0, 40, 8):
        outbox.enqueue(own[start : start + 8] + shared[start : start + 8], STORE)
        claimed = outbox.claim(STORE, 5)
        assert all(contentOf(outbox, entry) for entry in claimed)
        outbox.mark(claimed, SENT)
        outbox.mark(claimed, VERIFIED)
        for entry in claimed:
            print(entry.id, flush=True)
    if held:
        outbox.claim(STORE, held)
        print("held", flush=True)
        sys.stdin.readline()
    while claimed := outbox.claim(STORE, 7):
        outbox.mark(claimed, VERIFIED)
        for entry in claimed:
            print(entry.id, flush=True)
"""


@pytest.fixture
def start(tmp_path):
    """Starts a process of its own; it begins when a line is written to it."""
    processes = []

    def begin(number, held=0):
        here = Path(__file__).parent
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(here), *sys.path])}
        command = [sys.executable, "-c", PROGRAM, str(tmp_path), str(number), str(held)]
        processes.append(subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        ))  # fmt: skip
        return processes[-1]

    yield begin
    for process in processes:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def go(*processes):
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()


def test_eachEntryIsHandledByOneOfThem(start, tmp_path):
    processes = [start(number) for number in (1, 2)]
    go(*processes)
    handled = [[int(line) for line in process.communicate(timeout=60)[0].split()] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert all(handled), "both had something to do"
    with openOutbox(tmp_path / "outbox") as outbox:
        assert sorted(handled[0] + handled[1]) == [entry.id for entry in outbox.entries()]
        assert outbox.counts() == {VERIFIED: 120}
        assert {json.dumps([one["from_"] for one in outbox.history(number)]) for number in handled[0]} <= {
            '["", "queued", "sending", "sent"]', '["", "queued", "sending"]'
        }  # fmt: skip
    assertSound(tmp_path / "outbox")
    assert payloadNames(tmp_path / "outbox") == set()


def test_whatAKilledOneHeldIsHandledByTheOther(start, tmp_path):
    first, second = start(1, held=20), start(2)
    go(first)
    lines = iter(first.stdout.readline, "held\n")
    handled = [int(line) for line in lines]
    with openOutbox(tmp_path / "outbox") as outbox:
        held = [entry.id for entry in outbox.entries(STORE, states="sending")]
        assert len(held) == 20
        # As long as it lives nobody else gets them.
        assert not set(held) & {entry.id for entry in outbox.claim(STORE, 999)}
    first.send_signal(signal.SIGKILL)
    first.wait()
    go(second)
    handled += [int(line) for line in second.communicate(timeout=60)[0].split()]
    assert second.returncode == 0 and set(held) <= set(handled)
    with openOutbox(tmp_path / "outbox") as outbox:
        assert sorted(handled) == [entry.id for entry in outbox.entries(STORE, states=VERIFIED)]
        assert outbox.counts() == {VERIFIED: 120}
        assert outbox.history(held[0])[2]["reason"] == "The process that was sending it ended."
    assertSound(tmp_path / "outbox")


def test_whatIsKilledWhileAnotherDrainsIsNotForgotten(start, tmp_path):
    """The other one notices at its next claim, without being opened again."""
    first = start(1, held=20)
    with openOutbox(tmp_path / "outbox") as outbox:
        go(first)
        for _line in iter(first.stdout.readline, "held\n"):
            pass
        held = {entry.id for entry in outbox.entries(STORE, states="sending")}
        assert len(outbox.claim(STORE, 999)) == 80 - 25 - 20
        assert outbox.claim(STORE, 999) == []
        first.kill()
        first.wait()
        assert {entry.id for entry in outbox.claim(STORE, 999)} == held
