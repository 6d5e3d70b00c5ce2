"""Small file systems in memory, for tests of disks that are full or take no writing."""

import contextlib
import subprocess

import pytest


@contextlib.contextmanager
def smallDisk(folder, options):
    """Yield a folder with a file system of its own, such as ``size=150k``; skips where none can be had."""
    folder.mkdir()
    try:
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if made.returncode:
        pytest.skip("a small file system cannot be mounted here: " + made.stderr.decode().strip())
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def resized(folder, options):
    """Give a small disk other options, such as another size or ``ro``."""
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)
