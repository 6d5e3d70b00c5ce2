"""A program that is run for us: its children go with it, its limits hold, its words come back."""

import os
import sys

import psutil
import pytest
from InferenceMaking import aliveOf, program

from PlanningHubLib.Errors import Cancelled, InputRefused
from PlanningHubLib.Segmenting.InferenceProcess import Limits, runProgram


def run(command, folder, **options):
    return runProgram([str(one) for one in command], dict(os.environ), folder, **options)


def cancelWhenReady(notes):
    def progress(_fraction, _text):
        if (notes / "ready").exists():
            raise Cancelled()

    return progress


def test_cancelEndsTheProgramAndAllThatItStarted(tmp_path, monkeypatch):
    path, notes = program(tmp_path, monkeypatch, "waits")
    with pytest.raises(Cancelled):
        run([path], tmp_path, progress=cancelWhenReady(notes))
    assert aliveOf(notes) == []


def test_killingTheProgramAloneWouldLeaveItsChildren(tmp_path, monkeypatch):
    """What the test above sees is not there by itself."""
    path, notes = program(tmp_path, monkeypatch, "waits")
    monkeypatch.setattr("PlanningHubLib.Segmenting.InferenceProcess._Tree.end", lambda tree: tree._process.kill())
    with pytest.raises(Cancelled):
        run([path], tmp_path, progress=cancelWhenReady(notes))
    left = aliveOf(notes)
    for number in left:
        psutil.Process(number).kill()
    assert len(left) >= 3


def test_childrenThatAProgramLeavesAtItsEndGoToo(tmp_path, monkeypatch):
    path, notes = program(tmp_path, monkeypatch, "leavesChildren")
    with pytest.raises(InputRefused) as refused:
        run([path], tmp_path)
    # Without an image it fails after it has started them.
    assert refused.value.code == "ai-failed" and aliveOf(notes) == []


@pytest.mark.parametrize(
    ("how", "limits", "code"),
    [("waits", Limits(seconds=3.0), "ai-too-slow"), ("grows", Limits(memoryBytes=300 << 20), "ai-too-large")],
)
def test_limitsEndItWithAllItsChildren(tmp_path, monkeypatch, how, limits, code):
    path, notes = program(tmp_path, monkeypatch, how)
    with pytest.raises(InputRefused) as refused:
        run([path], tmp_path, limits=limits)
    assert refused.value.code == code and aliveOf(notes) == []


def test_failureComesWithTheLastLines(tmp_path, monkeypatch):
    path, _notes = program(tmp_path, monkeypatch, "fails")
    with pytest.raises(InputRefused) as refused:
        run([path], tmp_path)
    assert refused.value.code == "ai-failed" and "out of luck" in refused.value.message


def test_programThatIsNotThereIsNamed(tmp_path):
    with pytest.raises(InputRefused) as refused:
        run([tmp_path / "nothing"], tmp_path)
    assert refused.value.code == "ai-not-installed" and "nothing" in refused.value.message


def test_progressIsReadFromBarsWithoutLineEnds(tmp_path):
    seen = []
    code = r"import sys, time; sys.stderr.write('\r 10%|#\r 70%|##'); sys.stderr.flush(); time.sleep(0.6); print()"
    code += "; time.sleep(0.6); print('done')"

    def fractionOf(line):
        return float(line.split("%")[0]) / 100 if "%" in line else None

    lines = run([sys.executable, "-c", code], tmp_path, progress=lambda *one: seen.append(one), fractionOf=fractionOf)
    fractions = [fraction for fraction, _text in seen]
    assert lines[-1] == "done" and fractions == sorted(fractions) and {0.1, 0.7} <= set(fractions)


def test_programThatTalksTooMuchIsNotHeldUp(tmp_path):
    lines = run([sys.executable, "-c", "for i in range(300_000): print('line', i)"], tmp_path)
    assert lines[-1] == "line 299999" and len(lines) < 1000


def test_programReadsNothingFromUs(tmp_path):
    assert run([sys.executable, "-c", "import sys; print(repr(sys.stdin.read()))"], tmp_path) == ["''"]
