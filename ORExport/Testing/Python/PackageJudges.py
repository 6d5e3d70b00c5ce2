"""The outside judges of a package's files."""

import subprocess
import sysconfig
from pathlib import Path


def run(*command):
    """Return what a judge's program printed; it must be there and end by itself."""
    tool = Path(sysconfig.get_path("scripts")) / command[0]
    command = [str(tool) if tool.exists() else command[0], *map(str, command[1:])]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=120)
    return done.stdout + done.stderr


def dicomErrors(path):
    """Return the error lines of dciodvfy."""
    output = run("dciodvfy", "-new", path)
    assert output.strip(), "dciodvfy said nothing, not even what kind of object it read"
    return [line for line in output.splitlines() if line.startswith("Error")]


def entityErrors(paths):
    """Return what dcentvfy finds inconsistent among objects of a patient."""
    return [line for line in run("dcentvfy", *paths).splitlines() if line.strip()]
