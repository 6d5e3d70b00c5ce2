"""Hostile files and archives by command: named, refused, and nothing left behind."""

import json
import os
import stat
import subprocess
import sys
import zipfile

import numpy
import pytest
from CaseMaking import childEnvironment, tree
from HostileMaking import HOSTILE, UNSAFE_NAMES, zipped
from ImportCalls import severities

from Phantom.Faults import damagedCopy

pytestmark = pytest.mark.usefixtures("aTemporaryPlace")

# Hostile input

# What ended other readers: tried in a process of its own.
ENDING = ("deep", "deflateBomb")


@pytest.mark.parametrize("name", sorted(set(HOSTILE) - set(ENDING)))
def test_hostileFileBesideASeries(aTall, imported, tmp_path, name):
    make, code = HOSTILE[name]
    damagedCopy("perSliceSlope", aTall, tmp_path / "ct")
    (tmp_path / "ct" / "hostile.dcm").write_bytes(make())
    exitCode, result = imported(tmp_path / "ct")
    assert exitCode == 3 and severities(result) == {code: "reject"}
    (finding,) = result["findings"]
    assert finding["files"] == [str(tmp_path / "ct" / "hostile.dcm")]


@pytest.mark.parametrize("name", ENDING)
def test_hostileFileDoesNotEndTheProcess(aTall, tmp_path, ownHome, name):
    make, code = HOSTILE[name]
    damagedCopy("perSliceSlope", aTall, tmp_path / "ct")
    (tmp_path / "ct" / "hostile.dcm").write_bytes(make())
    before = tree(tmp_path)
    words = ["import", str(tmp_path / "ct"), "--case", str(tmp_path / "out" / "case"), "--json"]
    done = subprocess.run([sys.executable, "-m", "PlanningHubCommand", *words], capture_output=True, encoding="utf-8",
                          env=childEnvironment(PLANNINGHUB_HOME=str(ownHome)), timeout=120)  # fmt: skip
    assert done.returncode == 3 and "Traceback" not in done.stderr, done.stderr
    assert severities(json.loads(done.stdout)) == {code: "reject"}
    assert tree(tmp_path) == before


NOISE = numpy.random.default_rng(3).bytes(4000)
NOTHING = {"empty": b"", "zeros": b"\0" * 132, "start of a ZIP": b"PK", "random": NOISE}


@pytest.mark.parametrize("name", NOTHING)
def test_fileThatIsNothing(imported, tmp_path, name):
    (tmp_path / "ct.dcm").write_bytes(NOTHING[name])
    exitCode, result = imported(tmp_path / "ct.dcm")
    assert exitCode == 3 and set(severities(result)) <= {"no-dicom", "damaged-header"}


def test_emptyFilesBesideASeriesAreSaid(aTall, imported, tmp_path):
    damagedCopy("perSliceSlope", aTall, tmp_path / "ct")
    (tmp_path / "ct" / "empty.dcm").touch()
    exitCode, result = imported(tmp_path / "ct")
    assert exitCode == 0 and severities(result) == {"not-dicom": "info"}


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_linksOutOfTheFolder(aTall, imported, tmp_path):
    damagedCopy("perSliceSlope", aTall, tmp_path / "ct")
    (tmp_path / "ct" / "out.dcm").symlink_to(next(aTall.iterdir()))
    exitCode, result = imported(tmp_path / "ct")
    assert exitCode == 0 and severities(result) == {"link-not-followed": "warn"}


def appended(archive, name, content=b"text", attributes=0):
    entry = zipfile.ZipInfo(name)
    entry.external_attr = attributes
    with zipfile.ZipFile(archive, "a") as opened:
        opened.writestr(entry, content)


def bomb(archive):
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for number in range(3):
            opened.writestr(f"{number}.dcm", bytes(60 << 20))


def shortened(archive):
    archive.write_bytes(archive.read_bytes()[:-200])


def locked(archive):
    data = bytearray(archive.read_bytes())
    data[data.find(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(data)


ARCHIVES = {
    **{f"traversal {name}": (lambda archive, name=name: appended(archive, name), "zip-unsafe-path")
       for name in UNSAFE_NAMES},
    "link": (lambda archive: appended(archive, "link", "/etc/passwd", (stat.S_IFLNK | 0o777) << 16), "zip-link"),
    "bomb": (bomb, "zip-bomb"),
    "truncated": (shortened, "zip-damaged"),
    "locked": (locked, "zip-encrypted"),
    "without images": (lambda archive: zipfile.ZipFile(archive, "w").close(), "no-dicom"),
}  # fmt: skip


@pytest.mark.parametrize("name", ARCHIVES)
def test_archive(aTall, imported, tmp_path, name):
    change, code = ARCHIVES[name]
    change(zipped(tmp_path / "study.zip", aTall))
    exitCode, result = imported(tmp_path / "study.zip")
    assert exitCode == 3 and severities(result) == {code: "reject"}
    assert not list(tmp_path.rglob("outside*"))


def test_archiveThatIsAsItShouldBe(aTall, imported, tmp_path):
    archive = zipped(tmp_path / "study.zip", aTall)
    appended(archive, "more.zip", (tmp_path / "study.zip").read_bytes()[:500])
    exitCode, result = imported(archive)
    assert exitCode == 0 and severities(result) == {"nested-archive": "warn"}
