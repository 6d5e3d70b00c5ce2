"""PrusaSlicer as its own program, where it is installed: is the plate sound to it, how long and how much does it take?

Only its figures are used: the printer's own settings belong to who prints.
"""

import dataclasses
import os
import re
import shutil
import zipfile
from pathlib import Path

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Progress import noProgress
from PlanningHubLib.Segmenting.InferenceProcess import Limits, runProgram
from PlanningHubLib.Site import Site

# On Windows, only the first of its programs writes to who called it.
PROGRAMS = ("prusa-slicer-console", "prusa-slicer", "PrusaSlicer")
TECHNOLOGIES = {"FDM": "FFF", "SLA": "SLA"}
# A whole skull takes minutes (site default, no source).
LIMITS = Limits(seconds=900.0)
NOZZLE_MM = 0.4
# Detail that no nozzle makes is left out: a skull of three million triangles takes 250 s of a core instead of 550, and
# its time and material differ by 0.3 % at most.
RESOLUTION_MM = 0.02
# Pixels of 0.1 mm: the time does not depend on them, the memory does.
PIXEL_MM = 0.1
_CODES = {
    "ai-not-installed": "slicer-not-installed",
    "ai-too-slow": "slicer-too-slow",
    "ai-too-large": "slicer-too-large",
}
_TIME = re.compile(r"(\d+)([dhms])")
_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


@dataclasses.dataclass(frozen=True)
class PrusaSlicer:
    """The installed program.

    :param program: path
    :param version: as it names itself, such as ``2.5.0+UNKNOWN``
    """

    program: str
    version: str

    @classmethod
    def find(cls, folder):
        """Return the one that ``site.json`` names (``prusaSlicer``), else the one on the path; None without one.

        :param folder: an empty folder to work in
        :raises InputRefused: ``slicer-not-installed``, where the site names a program that cannot be started
        """
        named = Site.forThisInstallation().prusaSlicer
        program = named or next((path for name in PROGRAMS if (path := shutil.which(name))), None)
        if program is None:
            return None
        lines = _run([program, "--help"], folder)
        found = next((match for line in lines if (match := re.match(r"PrusaSlicer-(\S+)", line))), None)
        return cls(program, found.group(1) if found else "not stated")

    def info(self, path, folder):
        """Return what it says of each object of a file: ``manifold``, ``parts``, ``volumeMl``, ``facets``.

        :raises InputRefused: ``slicer-failed``
        """
        objects = []
        for line in self._lines(["--info", str(path)], folder):
            if line == f"[{Path(path).name}]":
                objects.append({})
            elif " = " in line and objects:
                key, value = line.split(" = ", 1)
                objects[-1][key.strip()] = value.strip()
        try:
            return [_infoOf(one) for one in objects]
        except (KeyError, ValueError) as error:
            raise _failed(f"it says nothing about {Path(path).name}") from error

    def sliced(self, path, profile, folder, progress=noProgress):
        """Slice a plate; return ``hours`` and ``materialMl``; both None for a process that it does not slice.

        :param path: file of the plate, its parts where they are to stand
        :param folder: to work in
        :raises InputRefused: ``slicer-failed``, ``slicer-too-slow``, ``slicer-too-large``
        """
        technology = TECHNOLOGIES.get(profile.process)
        if technology is None:
            return {"hours": None, "materialMl": None}
        settings = Path(folder) / "slicing.ini"
        settings.write_text("".join(f"{key} = {value}\n" for key, value in _settings(profile, technology).items()))
        result = Path(folder) / ("plate.gcode" if technology == "FFF" else "plate.sl1")
        action = "--export-gcode" if technology == "FFF" else "--export-sla"
        self._lines(
            [action, "--load", str(settings), "--dont-arrange", "--output", str(result), str(path)], folder, progress
        )
        if not result.is_file():
            raise _failed("it ended without a result")
        return gcodeFigures(result) if technology == "FFF" else archiveFigures(result)

    def _lines(self, arguments, folder, progress=noProgress):
        # Its user's own settings are none of ours.
        settings = Path(folder) / "slicer-settings"
        settings.mkdir(exist_ok=True)
        return _run([self.program, "--datadir", str(settings), *arguments], folder, progress)


def _infoOf(values):
    return {
        "manifold": values["manifold"] == "yes",
        "parts": int(values["number_of_parts"]),
        "volumeMl": round(float(values["volume"]) / 1000, 3),
        "facets": int(values["number_of_facets"]),
    }


def _run(command, folder, progress=noProgress):
    def said(fraction, _text):
        progress(fraction, "PrusaSlicer is at work")

    try:
        return runProgram(command, dict(os.environ), folder, said, _fractionOf, None, LIMITS)
    except InputRefused as error:
        code = _CODES.get(error.code, "slicer-failed")
        action = "Correct prusaSlicer in site.json, or leave it out: the plate can be sliced by hand."
        raise InputRefused(code, error.message, action) from error


def _fractionOf(line):
    found = re.match(r"(\d+) +=>", line)
    return int(found.group(1)) / 100 if found else None


def _settings(profile, technology):
    width, depth, height = profile.buildVolumeMm
    layer = profile.layerMm
    common = {
        "printer_technology": technology, "bed_shape": f"0x0,{width}x0,{width}x{depth},0x{depth}",
        "max_print_height": height, "layer_height": layer,
    }  # fmt: skip
    if technology == "FFF":
        return {
            **common, "nozzle_diameter": NOZZLE_MM, "first_layer_height": layer, "resolution": RESOLUTION_MM,
            "support_material": 1, "support_material_auto": 1,
            "support_material_threshold": 90 - int(profile.overhangAngleDegrees), "fill_density": "100%",
            "fill_pattern": "rectilinear", "skirts": 0,
        }  # fmt: skip
    return {
        **common, "initial_layer_height": layer, "display_width": width, "display_height": depth,
        "display_pixels_x": int(width / PIXEL_MM), "display_pixels_y": int(depth / PIXEL_MM), "supports_enable": 1,
        "pad_enable": 0,
    }  # fmt: skip


def gcodeFigures(path):
    """Return ``hours`` and ``materialMl`` from the comments of a G-code file."""
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    volumes = re.findall(r"^; filament used \[cm3\] = ([\d., ]+)$", text, re.MULTILINE)
    times = re.findall(r"^; estimated printing time \(normal mode\) = (.+)$", text, re.MULTILINE)
    if not volumes or not times:
        raise _failed("its G-code states no time or material")
    seconds = sum(int(number) * _SECONDS[unit] for number, unit in _TIME.findall(times[-1]))
    materialMl = sum(float(one) for one in re.findall(r"[\d.]+", volumes[-1]))
    return {"hours": round(seconds / 3600, 3), "materialMl": round(materialMl, 2)}


def archiveFigures(path):
    """Return ``hours`` and ``materialMl`` from the settings in an archive of layers (SL1)."""
    with zipfile.ZipFile(path) as archive:
        text = archive.read("config.ini").decode()
    values = dict((part.strip() for part in line.split("=", 1)) for line in text.splitlines() if "=" in line)
    try:
        return {
            "hours": round(float(values["printTime"]) / 3600, 3),
            "materialMl": round(float(values["usedMaterial"]), 2),
        }
    except (KeyError, ValueError) as error:
        raise _failed("its archive states no time or material") from error


def _failed(reason):
    return InputRefused("slicer-failed", f"PrusaSlicer cannot be used: {reason}.", "Slice the plate by hand.")
