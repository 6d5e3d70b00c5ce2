"""TotalSegmentator in a process of its own, where it is installed; nothing of it is ever imported here.

It gets a file of voxels under a neutral name in a private folder, and is kept from the network: no statistics of use
are sent, and weights that are missing are named, not fetched.
"""

import dataclasses
import gzip
import importlib.util
import json
import os
import re
import shutil
import struct
import sys
import typing
from pathlib import Path

import slicer

from ..DecodeWorker import pythonProgram
from ..Errors import InputRefused
from ..Files import sha256, sha256Bytes
from ..Progress import noProgress, part
from ..Requirements import ensure
from ..Session import slicerVersion
from ..Site import Site
from .Inference import NOT_STATED, LabelMap
from .InferenceLabels import USUAL_TASK, knownLabels
from .InferenceProcess import Limits, runProgram

PROGRAM, MODULE = "TotalSegmentator", "totalsegmentator"
VERSION_LIMITS = Limits(seconds=300.0)
# TotalSegmentator's own numbers of the models that a task of its version 2 runs, of the fast one of ``total`` last.
DATASETS = {"total": (291, 292, 293, 294, 295), "craniofacial_structures": (115,), "appendicular_bones": (304,)}
FAST_DATASETS = (297,)
LABEL = re.compile(rb'<Label Key="(\d+)"[^>]*><!\[CDATA\[([^\]]*)\]\]>')
PERCENT = re.compile(r"(\d{1,3})%\|")
PARTS = re.compile(r"Predicting part (\d+) of (\d+)")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
# Nobody listens on the discard port of this machine: whatever is asked for fails at once.
NOWHERE = "http://127.0.0.1:9"
INSTALL = "Install it with pip into an environment of its own and name its program in site.json (totalSegmentator)."
REFUSALS = (
    ("Downloading model for Task", "ai-no-weights", "The weights of the model are not on this machine.",
     "Have them fetched once, outside of any case: totalseg_download_weights -t {task}"),
    ("requires a license", "ai-no-license", "TotalSegmentator wants a license for the task {task}.",
     "Have its license number set once: totalseg_set_license -l NUMBER"),
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class TotalSegmentator:
    """An engine for :func:`.Inference.inferredMasks`; :meth:`find` gives the one of this machine.

    :param command: how it is started
    :param fast: its model of 3 mm, for tasks that have one; by default the one of 1.5 mm
    :param device: ``gpu`` (it uses the processor where there is none), ``cpu``, ``mps``
    """

    command: tuple
    fast: bool = False
    device: str = "gpu"
    limits: Limits = dataclasses.field(default_factory=Limits)
    # Its tasks that are used here were trained on CT.
    needsHu: typing.ClassVar[bool] = True

    @classmethod
    def find(cls, **options):
        """Return the one that ``site.json`` names, else the one on the path, else the one in this Python.

        :raises InputRefused: ``ai-not-installed``, ``bad-site-file``
        """
        named = Site.forThisInstallation().totalSegmentator
        if named:
            if not Path(named).is_file():
                raise InputRefused("ai-not-installed", f"{named}, which site.json names as TotalSegmentator, is not "
                                   "there.", INSTALL, [named])  # fmt: skip
            return cls((named,), **options)
        beside = shutil.which(PROGRAM, path=str(Path(sys.executable or ".").parent))
        program = shutil.which(PROGRAM) or beside
        if program:
            return cls((program,), **options)
        if importlib.util.find_spec(MODULE) is not None:
            return cls((pythonProgram(), "-m", f"{MODULE}.bin.{PROGRAM}"), **options)
        raise InputRefused("ai-not-installed", "TotalSegmentator is not installed on this machine.", INSTALL)

    def labels(self):
        """Return the labels that it can be asked for by code; it knows more, which can be named."""
        return tuple(knownLabels())

    def infer(self, imagePath, folder, labels, progress=noProgress):
        """Find labels; return the :class:`.Inference.LabelMap` of each task that was run, and facts as plain data.

        :raises InputRefused: ``ai-not-installed``, ``ai-failed``, ``ai-no-weights``, ``ai-no-license``,
            ``ai-too-slow``, ``ai-too-large``
        """
        ensure("PlanningHubLib")
        home = _privateHome(folder)
        environment = _environment(home, folder)
        version = self._version(environment, folder)
        known = knownLabels()
        tasks = sorted({known[label]["task"] if label in known else USUAL_TASK for label in labels})
        answers, weights = [], {}
        for number, task in enumerate(tasks):
            share = part(progress, number / len(tasks), (number + 1) / len(tasks))
            answers.append(self._run(task, imagePath, folder, environment, share))
            weights.update(_weights(self._datasets(task), environment["TOTALSEG_WEIGHTS_PATH"]))
        return answers, {
            "engine": "TotalSegmentator",
            "engineVersion": version,
            "model": " and ".join(f"{task}{' (fast)' if self._isFast(task) else ''}" for task in tasks),
            "modelVersion": version,
            "weights": weights or NOT_STATED,
        }

    def _version(self, environment, folder):
        lines = runProgram([*self.command, "--version"], environment, folder, limits=VERSION_LIMITS)
        found = re.search(r"\d+(\.\d+)+\S*", lines[-1] if lines else "")
        return found.group() if found else NOT_STATED

    def _run(self, task, imagePath, folder, environment, progress):
        path = folder / f"labels-{task}.nii.gz"
        command = [*self.command, "-i", str(imagePath), "-o", str(path), "--ml", "--task", task]
        command += ["--device", self.device, *(["--fast"] if self._isFast(task) else [])]
        runProgram(command, environment, folder, progress, _Stages().fractionOf, _refusalOf(task), self.limits)
        if not path.is_file():
            raise InputRefused("ai-failed", "TotalSegmentator ended without a result.", "Look into its own messages.")
        return LabelMap(path, _valuesIn(path))

    def _isFast(self, task):
        return self.fast and task == USUAL_TASK

    def _datasets(self, task):
        return FAST_DATASETS if self._isFast(task) else DATASETS.get(task, ())


class _Stages:
    """How far it is, by what it writes: one bar for each of its models."""

    def __init__(self):
        self._number, self._count = 1, 1

    def fractionOf(self, line):
        parts, percent = PARTS.search(line), PERCENT.search(line)
        if parts:
            self._number, self._count = int(parts.group(1)), max(1, int(parts.group(2)))
        elif not percent:
            return None
        return 0.9 * (self._number - 1 + (int(percent.group(1)) / 100 if percent else 0)) / self._count


def _refusalOf(task):
    def refusalOf(lines):
        for words, code, message, action in REFUSALS:
            if any(words in line for line in lines):
                return InputRefused(code, message.format(task=task), action.format(task=task))
        return None

    return refusalOf


def _ownHome():
    return Path(os.environ.get("TOTALSEG_HOME_DIR") or Path.home() / ".totalsegmentator")


def _privateHome(folder):
    """Make settings for one run: no statistics of use; the license of this machine, where it has one."""
    settings = {"totalseg_id": "none", "send_usage_stats": False, "prediction_counter": 0,
                "statistics_disclaimer_shown": True}  # fmt: skip
    try:
        settings["license_number"] = json.loads((_ownHome() / "config.json").read_text())["license_number"]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    home = folder / "home"
    home.mkdir(mode=0o700)
    (home / "config.json").write_text(json.dumps(settings))
    return home


def _environment(home, folder):
    inside = slicer.util.startupEnvironment() if slicerVersion() else os.environ
    kept = {name: value for name, value in inside.items() if name.lower() not in PROXIES}
    weights = os.environ.get("TOTALSEG_WEIGHTS_PATH") or str(_ownHome() / "nnunet" / "results")
    return {
        **kept,
        **dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), NOWHERE),
        # Not a folder further down: sockets of its processes lie there, and names of sockets are short.
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder)),
        "TOTALSEG_HOME_DIR": str(home),
        "TOTALSEG_WEIGHTS_PATH": weights,
        "PYTHONUNBUFFERED": "1",
    }


def _weights(datasets, weightsFolder):
    """Return model's folder → SHA-256 over its checkpoints, of those that are there."""
    found = {}
    for number in datasets:
        for folder in sorted(Path(weightsFolder).glob(f"Dataset{number:03}_*")):
            files = sorted(folder.rglob("checkpoint_final.pth"))
            if files:
                lines = [f"{file.relative_to(folder).as_posix()} {sha256(file)}\n" for file in files]
                found[folder.name] = sha256Bytes("".join(lines).encode())
    return found


def _valuesIn(path):
    """Return label → value, from the table that it writes between the header and the voxels of its result."""
    with gzip.open(path) as file:
        header = file.read(352)
        # NIfTI-1, 4.1: where the voxels begin, as a 32-bit float at byte 108.
        if len(header) < 352 or header[344:347] not in (b"n+1", b"ni1"):
            raise InputRefused("bad-labels", "TotalSegmentator's result is no NIfTI file.", "Run it again.")
        order = "<" if struct.unpack("<i", header[:4])[0] == 348 else ">"
        begin = int(struct.unpack(order + "f", header[108:112])[0])
        table = file.read(max(0, min(begin, 1 << 20) - 352))
    values = {name.decode(errors="replace"): int(key) for key, name in LABEL.findall(table)}
    if not values:
        raise InputRefused("bad-labels", "TotalSegmentator's result does not say which value means what.",
                           "Use version 2.0 or newer.")  # fmt: skip
    return values
