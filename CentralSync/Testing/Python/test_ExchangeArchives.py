"""Tar, ZIP and folder that somebody sent: plain files below one folder, or a named refusal and nothing outside it."""

import io
import os
import stat
import tarfile
import zipfile

import pytest

from CentralSyncLib.Exchange.Archives import Limits, collect, listed, moveUp, tarPieces, unpack
from CentralSyncLib.Exchange.Whole import requireListed
from PlanningHubLib.Errors import InputRefused, VerificationFailed
from PlanningHubLib.Files import sha256

LIMITS = Limits(files=20, bytes=1 << 20)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "out" / "in").mkdir(parents=True)
    return tmp_path / "out" / "in"


def tarOf(path, *members):
    """Write a tar of (TarInfo or name, bytes)."""
    with tarfile.open(path, "w") as archive:
        for info, data in members:
            info = tarfile.TarInfo(info) if isinstance(info, str) else info
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def special(name, kind, link="/etc/passwd"):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info, b""


def zipOf(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def refused(path, folder, limits=LIMITS):
    folder.mkdir(exist_ok=True)
    before = {one for one in folder.parent.parent.rglob("*") if folder not in one.parents}
    with pytest.raises(InputRefused) as caught:
        unpack(path, folder, limits)
    assert {one for one in folder.parent.parent.rglob("*") if folder not in one.parents} == before
    return caught.value.code


def test_whatWeWriteOtherReadersRead(tmp_path):
    """The tar says nothing of who made it when, and Python's own reader and `tar` find the same files."""
    (tmp_path / "ct.dcm").write_bytes(b"ct" * 700)
    longName = f"top/{'deep/' * 30}ct.dcm"
    entries = [("top/a.txt", b"a", ""), (longName, tmp_path / "ct.dcm", sha256(tmp_path / "ct.dcm"))]
    data = b"".join(tarPieces(entries))
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        assert {one.name: archive.extractfile(one).read() for one in archive} == {
            "top/a.txt": b"a", longName: b"ct" * 700
        }  # fmt: skip
        assert {(one.mtime, one.uid, one.uname) for one in archive} == {(0, 0, "")}
    assert data == b"".join(tarPieces(entries))


def test_aFileThatChangedSinceItWasListedIsNotPacked(tmp_path):
    (tmp_path / "ct.dcm").write_bytes(b"ct")
    digest = sha256(tmp_path / "ct.dcm")
    (tmp_path / "ct.dcm").write_bytes(b"CT")
    with pytest.raises(InputRefused) as caught:
        list(tarPieces([("ct.dcm", tmp_path / "ct.dcm", digest)]))
    assert caught.value.code == "source-changed"


def test_tarZipAndFolderGiveTheSameFiles(tmp_path, folder):
    members = [("./answer.json", b"{}"), ("shapes/plate.stl", b"plate")]
    ways = {
        "tar": lambda target: unpack(tarOf(tmp_path / "a.tar", *members), target, LIMITS),
        "zip": lambda target: unpack(zipOf(tmp_path / "a.zip", *members), target, LIMITS),
    }
    for name, way in ways.items():
        (folder / name).mkdir()
        way(folder / name)
    (folder / "copy").mkdir()
    collect(folder / "tar", folder / "copy", LIMITS)
    for name in ("tar", "zip", "copy"):
        there = listed(folder / name)
        assert {one: path.read_bytes() for one, path in there} == {"answer.json": b"{}", "shapes/plate.stl": b"plate"}
        assert {stat.S_IMODE(path.stat().st_mode) for _name, path in there} == {0o600}


@pytest.mark.parametrize(
    "name",
    [
        "../outside", "a/../../outside", "/outside", "C:/outside", "a\\..\\..\\outside", "con", "a/NUL.txt", "a. ",
        "a:stream", "x" * 500, "/".join("d" * 13),
    ],
)  # fmt: skip
def test_pathsOutOfTheFolderAndTrickyNamesAreRefused(tmp_path, folder, name):
    for path in (tarOf(tmp_path / "a.tar", (name, b"x")), zipOf(tmp_path / "a.zip", (name, b"x"))):
        assert refused(path, folder) == "exchange-unsafe-path"


def test_twoNamesThatOneDiskTakesForOneAreRefused(tmp_path, folder):
    path = tarOf(tmp_path / "a.tar", ("Plate.stl", b"one"), ("plate.STL", b"two"))
    assert refused(path, folder) == "exchange-unsafe-path"


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
)
def test_linksAndDevicesInATarAreRefused(tmp_path, folder, kind):
    assert refused(tarOf(tmp_path / "a.tar", special("plate.stl", kind)), folder) == "exchange-link"


def test_aLinkInAZipIsRefused(tmp_path, folder):
    entry = zipfile.ZipInfo("plate.stl")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert refused(zipOf(tmp_path / "a.zip", (entry, b"/etc/passwd")), folder) == "exchange-link"


@pytest.mark.skipif(os.name == "nt", reason="no links and pipes without rights")
def test_linksAndPipesInAFolderAreRefused(tmp_path, folder):
    (tmp_path / "secret").write_bytes(b"secret")
    for make in (
        lambda path: path.symlink_to(tmp_path / "secret"),
        lambda path: path.symlink_to(tmp_path, target_is_directory=True),
        os.mkfifo,
    ):
        source = tmp_path / "answer"
        source.mkdir()
        make(source / "plate.stl")
        with pytest.raises(InputRefused) as caught:
            collect(source, folder, LIMITS)
        assert caught.value.code == "exchange-link" and not list(folder.iterdir())
        (source / "plate.stl").unlink()
        source.rmdir()


def test_bombsAreRefusedBeforeTheyFillTheDisk(tmp_path, folder):
    zeros = bytes(LIMITS.bytes + 1)
    assert refused(zipOf(tmp_path / "a.zip", ("zeros", zeros)), folder) == "exchange-too-large"
    many = [(f"{number}.txt", b"") for number in range(LIMITS.files + 1)]
    assert refused(tarOf(tmp_path / "many.tar", *many), folder / "many") == "exchange-too-large"
    # One whose directory says less than it holds: no more than it says is ever given.
    data = (tmp_path / "a.zip").read_bytes()
    lying = data.replace(len(zeros).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    (tmp_path / "lying.zip").write_bytes(lying)
    assert refused(tmp_path / "lying.zip", folder / "lying") == "exchange-archive-damaged"
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) <= LIMITS.bytes


def test_aSparseFileIsRefused(tmp_path, folder):
    info = tarfile.TarInfo("huge.stl")
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(1 << 40),
                        "GNU.sparse.name": "huge.stl"}  # fmt: skip
    data = b"1\n0\n512\n".ljust(512, b"\0") + bytes(512)
    assert refused(tarOf(tmp_path / "a.tar", (info, data)), folder) == "exchange-link"


def test_whatIsNeitherTarNorZipIsRefused(tmp_path, folder):
    whole = tarOf(tmp_path / "a.tar", ("plate.stl", bytes(5000))).read_bytes()
    for number, data in enumerate((b"no archive at all" * 100, whole[:3000], b"PK\x03\x04 and no more", b"")):
        (tmp_path / "bad").write_bytes(data)
        assert refused(tmp_path / "bad", folder / str(number)) == "exchange-archive-damaged"


def test_aLockedZipIsRefused(tmp_path, folder):
    data = bytearray(zipOf(tmp_path / "a.zip", ("plate.stl", b"x" * 100)).read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + place] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    assert refused(tmp_path / "a.zip", folder) == "exchange-archive-damaged"


def test_theOnlyFolderIsTakenForTheWhole(tmp_path):
    for name in ("top/answer.json", "top/shapes/plate.stl"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"x")
    assert moveUp(tmp_path / "in", "answer.json")
    assert [name for name, _path in listed(tmp_path / "in")] == ["answer.json", "shapes/plate.stl"]
    assert not moveUp(tmp_path / "in", "manifest.json")


def test_filesAreThoseOfTheListAndNoOthers(tmp_path):
    for name in ("a.stl", "b.stl", "README.txt"):
        (tmp_path / name).write_bytes(name.encode())
    records = [{"path": name, "sha256": sha256(tmp_path / name), "bytes": 5} for name in ("a.stl", "b.stl")]
    requireListed(tmp_path, records, ("README.txt",))
    for damaged in (
        records[:1],
        [*records, {**records[0], "path": "c.stl"}],
        [records[0], {**records[1], "sha256": "0" * 64}],
        [records[0], {**records[1], "bytes": 6}],
        [*records, records[0]],
    ):
        with pytest.raises(VerificationFailed) as caught:
            requireListed(tmp_path, damaged, ("README.txt",))
        assert caught.value.code == "exchange-files-differ"
