"""Images and programs for the tests of segmentation by a model that runs elsewhere."""

import stat
import sys

import numpy
import psutil

from Servers import StandInTotalSegmentator

SOFT_HU, BONE_HU, AIR_HU, METAL_HU = 40, 900, -1000, 3000
WANTED = {"Skull": ["skull"], "Airway": ["trachea"]}


def anImage():
    """Voxels (slices, rows, columns) in HU and their 4×4 to RAS mm: bone on the patient's left, air, turned axes."""
    voxels = numpy.full((14, 20, 24), SOFT_HU, numpy.int16)
    voxels[4:9, 5:14, 3:9] = BONE_HU
    voxels[:, :2] = AIR_HU
    voxels[10:12, 10:12, 18:20] = METAL_HU
    turned = numpy.radians(17)
    cosine, sine = numpy.cos(turned), numpy.sin(turned)
    axes = numpy.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    ijkToRas = numpy.eye(4)
    ijkToRas[:3, :3] = axes @ numpy.diag([-0.7, -0.7, 1.25])
    ijkToRas[:3, 3] = 101.25, -33.3, -801.05
    return voxels, ijkToRas


def program(folder, monkeypatch, how=""):
    """Write the stand-in's program; return its path and the folder of its notes."""
    notes = folder / "notes"
    notes.mkdir(exist_ok=True)
    monkeypatch.setenv("PLAYED", how)
    monkeypatch.setenv("PLAYED_NOTES", str(notes))
    path = folder / "TotalSegmentator"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{StandInTotalSegmentator.__file__}" "$@"\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path, notes


def aliveOf(notes):
    """Numbers of the processes in the notes that still run, by what the operating system says."""
    numbers = [int(line) for line in (notes / "pids").read_text().split()]
    assert len(numbers) == 4, "the stand-in started its children"
    return [number for number in numbers if psutil.pid_exists(number) and isAlive(psutil.Process(number))]


def isAlive(process):
    """Whether a process still does something; one that has ended may wait for its parent to notice."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
