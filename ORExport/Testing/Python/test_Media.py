"""Saving on removable media: written, forced out and read back; a full, closed or lost medium holds no package."""

import errno
import os
import subprocess
from pathlib import Path

import pytest

from ORExportLib import Export, Media
from ORExportLib.Export import exportPackage
from PlanningHubLib.Errors import Cancelled, InputRefused, VerificationFailed
from PlanningHubLib.Progress import noProgress

KIB = 1024


@pytest.fixture
def aPackage(aReadyCase):
    """A package artefact that is none, of 300 KiB: what is tested here goes wrong before anybody verifies it."""
    with aReadyCase.staging("package") as stage:
        for name in ("a.bin", "derived/b.bin"):
            (stage.folder / name).parent.mkdir(exist_ok=True)
            (stage.folder / name).write_bytes(os.urandom(150 * KIB))
        return stage.commit(parents=[aReadyCase.latest("part")], facts={"approved": False})


@pytest.fixture
def medium(tmp_path):
    """Function of a size in KiB that mounts a medium of that size and returns its folder."""
    folder = tmp_path / "medium"
    folder.mkdir()

    def mount(kib, *options):
        words = ["mount", "-t", "tmpfs", "-o", ",".join([f"size={kib}k", *options]), "tmpfs", str(folder)]
        if subprocess.run(words, capture_output=True).returncode:
            pytest.skip("no medium may be mounted here")
        return folder

    yield mount
    subprocess.run(["umount", "-l", str(folder)], capture_output=True)


def refusal(case, package, folder, progress=noProgress):
    with pytest.raises(InputRefused) as refused:
        exportPackage(case, package, folder, progress)
    return refused.value.code


def test_aFullMediumIsNamedAndLeftEmpty(aReadyCase, aPackage, medium):
    folder = medium(200)
    assert refusal(aReadyCase, aPackage, folder / "usb") == "disk-full"
    assert list(folder.iterdir()) == []


def test_aReadOnlyMediumIsNamed(aReadyCase, aPackage, medium):
    assert refusal(aReadyCase, aPackage, medium(2000, "ro") / "usb") == "cannot-write"


def test_aMediumThatIsPulledOutIsNamed(aReadyCase, aPackage, medium):
    folder = medium(2000)

    def progress(fraction, _text):
        if fraction > 0.1 and os.path.ismount(folder):
            subprocess.run(["umount", "-l", str(folder)], check=True)

    assert refusal(aReadyCase, aPackage, folder / "usb", progress) == "medium-removed"
    assert list(folder.iterdir()) == []


def test_aMediumThatFailsIsNamed(tmp_path, monkeypatch):
    def fail(_descriptor):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(InputRefused) as refused, Media.namedMediumErrors(tmp_path / "usb", tmp_path):
        Media.copyOnto({"a": __file__}, tmp_path)
    assert refused.value.code == "medium-removed"


def test_cancellingLeavesNothing(aReadyCase, aPackage, tmp_path):
    def stop(fraction, _text):
        if fraction > 0.2:
            raise Cancelled

    with pytest.raises(Cancelled):
        exportPackage(aReadyCase, aPackage, tmp_path / "deep" / "usb", stop)
    assert not (tmp_path / "deep").exists()


def test_whatLiesThereIsReadBackAfterItWasForcedOut(aReadyCase, aPackage, tmp_path, monkeypatch):
    order, sync = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (order.append("flushed"), sync(descriptor)))
    monkeypatch.setattr(Export, "forgetCached", lambda _folder: order.append("forgotten"))

    def requireWhole(folder, _progress):
        order.append("read")
        for name in aPackage.files:
            assert (folder / name).read_bytes() == aReadyCase.path(aPackage, name).read_bytes()
        raise VerificationFailed("file-changed", "The medium keeps other bytes.")

    monkeypatch.setattr(Export.Verify, "requireWhole", requireWhole)
    before = len(order)
    with pytest.raises(VerificationFailed):
        exportPackage(aReadyCase, aPackage, tmp_path / "usb")
    # Each of the two files and both folders, at least, before anything is read.
    assert order.index("forgotten") - before >= 4 and order.index("read") == order.index("forgotten") + 1
    assert not (tmp_path / "usb").exists() and not list(tmp_path.glob(".aside-*"))


def test_forgettingTheCacheChangesNothing(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "file").write_bytes(b"x" * 5000)
    Media.forgetCached(tmp_path)
    assert (tmp_path / "sub" / "file").read_bytes() == b"x" * 5000


def test_removableMediaOfAMountTable(tmp_path):
    for name, removable in (("sda", 0), ("sdb", 1)):
        disk = tmp_path / "devices" / name
        (disk / f"{name}1").mkdir(parents=True)
        (disk / "removable").write_text(f"{removable}\n")
        (disk / f"{name}1" / "partition").write_text("1\n")
        for entry in (disk, disk / f"{name}1"):
            (tmp_path / entry.name).symlink_to(entry)
    mounts = "\n".join([
        "/dev/sda1 / ext4 rw 0 0", "proc /proc proc rw 0 0", r"/dev/sdb1 /mnt/my\040stick vfat rw 0 0",
        "/dev/sda2 /media/anna/Säge exfat rw 0 0", "tmpfs /run/media tmpfs rw 0 0",
    ])  # fmt: skip
    assert Media.removableOf(mounts, tmp_path) == ["/mnt/my stick", "/media/anna/Säge"]


def test_mediaAreListedWithTheirRoom(tmp_path, monkeypatch):
    monkeypatch.setattr(Media, "_mounted", lambda: [str(tmp_path), str(tmp_path / "gone")])
    ((name, path, free),) = Media.removableDrives()
    assert (name, path) == (tmp_path.name, Path(tmp_path)) and free > 0
