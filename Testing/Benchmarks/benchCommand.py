"""Times and memory of the commands as users run them, each in a process of its own."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from PlanningHubLib.Case import Case

from .Timing import Row


def rows(series, folder):
    """Yield a row for each step of the whole chain, which leaves a case in ``folder``/case.

    The time is the process's, from start to end; the memory is its highest.

    :param series: folder of one CT series
    :param folder: empty folder
    """
    case = ["--case", Path(folder) / "case"]
    yield _row("import", series, *case, "--side", "left")
    yield _row("segment", *case)
    yield _row("print", *case, note=_partNote)
    yield _row("package", *case, "--out", Path(folder) / "package")
    yield _row("sync", *case, "--store", Path(folder) / "store", note=lambda _result: "into a folder store")


def _row(name, *arguments, note=lambda _result: ""):
    command = [sys.executable, "-m", "PlanningHubCommand", name, *map(str, arguments), "--json"]
    start = time.perf_counter()
    # The process finds what this one finds, installed or not.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    output = process.stdout.read()
    _pid, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if process.returncode:
        raise RuntimeError(f"planninghub {name} failed: {output.decode(errors='replace')[-500:]}")
    return Row(f"planninghub {name}", seconds, usage.ru_maxrss / 1000, note=note(json.loads(output)))


def _partNote(result):
    facts = result["facts"]
    return f"{facts['surfaceTriangles']} to {facts['triangles']} triangles within {facts['deviationMm']:.3f} mm"


def artefactFiles(caseFolder, kind):
    """Return the paths of the newest artefact of a kind, in the artefact's order."""
    with Case.open(caseFolder) as case:
        artefact = case.latest(kind)
        return [case.path(artefact, name) for name in artefact.files]
