"""Killed at every write, the exchange leaves a case that verifies, no plain text, and no package that it forgot."""

import os
import shutil
import tempfile

import pyrage
import pytest
from ExchangeMaking import aPartner, makeCase, opened, send, writeAnswer, writeSite
from KillPoints import killsOf, runKilled, sweep, writesOf
from LeakSearch import contains, leaks

from CentralSyncLib.Exchange.Opening import openPackage
from CentralSyncLib.Exchange.Receipts import takeReceipt
from CentralSyncLib.Exchange.Receiving import receiveAnswer
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import firstRejection
from PlanningHubLib.Files import sha256

LAST_WRITES = 40
# What any package holds, long enough not to be met by chance in what is encrypted.
PLAIN = ["planninghub-exchange", "DICM"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that can fork a process"),
]


@pytest.fixture
def identity(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    identity = pyrage.x25519.Identity.generate()
    writeSite(tmp_path / "home", aPartner(identity))
    return identity


@pytest.fixture
def places(tmp_path):
    """Returns a function that copies a case to a new place, beside an empty stick, at each call."""
    numbers = iter(range(1_000_000))

    def copied(original):
        place = tmp_path / f"place{next(numbers)}"
        shutil.copytree(original, place / "root" / "case")
        (place / "stick").mkdir()
        return place

    return copied


def requireWhole(place, where):
    """The case verifies, a writer clears up what lies about, and nothing of it is left; return what it knows."""
    folder = place / "root" / "case"
    with Case.open(folder) as case:
        assert firstRejection(case.verify()) is None, where
    with Case.open(folder, writable=True) as case:
        assert not list(folder.rglob(".aside-*")), where
        return case.artefacts


def test_killedWhileSending(identity, places, tmp_path):
    original = makeCase(tmp_path / "case")
    known = []

    def check(place, where):
        assert leaks(place / "stick", [*PLAIN, "Test^Object"]) == [], where
        sent = [one for one in requireWhole(place, where) if one.kind == "exchange"]
        whole = list((place / "stick").glob("DX-*"))
        assert len(whole) <= len(sent) <= 1, where
        for path in whole:
            assert sent[0].facts["packageSha256"] == sha256(path), where
            assert all(contains(opened(path, identity), word) for word in PLAIN), where
        known.append((len(sent), len(whole)))

    def act(place):
        send(place / "root/case", place / "stick")

    place = places(original)
    names = writesOf(lambda: act(place))
    # The copy's own writes are many and alike: every 25th of them; then all from the encryption on.
    last = len(names) - LAST_WRITES
    for number in (*range(1, last, 25), *range(last, len(names) + 1)):
        place = places(original)
        assert runKilled(lambda place=place: act(place), number, "before")
        check(place, f"before write {number} of {len(names)}: {names[number - 1]}")
        shutil.rmtree(place)
    assert known == sorted(known) and set(known) >= {(0, 0), (1, 0), (1, 1)}


def test_killedWhileReceiving(identity, places, tmp_path):
    original = makeCase(tmp_path / "case")
    made = send(original, tmp_path / "package.age")
    receipt = openPackage(made["file"], tmp_path / "opened", [identity])["receipt"]
    answer = writeAnswer(tmp_path / "answer", made)
    states = []

    def take(place):
        with Case.open(place / "root/case", writable=True) as case:
            takeReceipt(case, receipt)
        # In a place of its own: what one child leaves, the next one would remove, with more writes than the first.
        tempfile.tempdir = str(place)
        receiveAnswer(answer, root=place / "root")

    def check(place, where):
        kinds = [one.kind for one in requireWhole(place, where)]
        states.append(kinds[2:])
        if "external" not in kinds:
            receiveAnswer(answer, root=place / "root")
            assert requireWhole(place, where)[-1].kind == "external", where

    names, kills = sweep(lambda: places(original), take, check)
    assert kills == killsOf(names) == len(states)
    assert sorted(states, key=len) == states
    assert {tuple(one) for one in states} == {(), ("delivery",), ("delivery", "external")}
