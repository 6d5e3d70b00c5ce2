"""Plays TotalSegmentator's program: a real process with children that do not want to end, and a real result.

``PLAYED`` in the environment says what it does; ``PLAYED_NOTES`` names a folder for what it saw and the processes that
it started. What it finds is a threshold of HU.
"""

import argparse
import gzip
import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

LABELS = {"total": {1: "spleen", 2: "skull", 3: "trachea"}, "craniofacial_structures": {1: "mandible", 3: "skull"}}
BONE_HU, AIR_HU, METAL_HU = 300, -500, 2000
# A child in a session of its own whose parent is gone, and one that stays: neither listens to a request to end.
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
LEAVING = (
    "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {!r}], start_new_session={}); "
    "print(p.pid, flush=True)"
)


def note(name, text):
    folder = os.environ.get("PLAYED_NOTES")
    if folder:
        with open(Path(folder) / name, "a") as file:
            file.write(f"{text}\n")


def startChildren():
    """Start children and wait until they are there; they keep standard output open, as real ones do."""
    note("pids", os.getpid())
    child = subprocess.Popen([sys.executable, "-c", STUBBORN], start_new_session=True)
    note("pids", child.pid)
    for ownSession in (False, True):
        leaving = subprocess.Popen([sys.executable, "-c", LEAVING.format(STUBBORN, ownSession)], stdout=subprocess.PIPE)
        orphan = leaving.stdout.readline().decode().strip()
        note("pids", orphan)
        leaving.wait()


def withLabelTable(plain, labels):
    """Put a table of labels between the header and the voxels of a NIfTI-1 file, as TotalSegmentator does."""
    row = '<Label Key="{}" Red="1.0" Alpha="1"><![CDATA[{}]]></Label>'
    rows = "\n".join(row.format(key, name) for key, name in labels.items())
    table = f"<CaretExtension><LabelTable>{rows}</LabelTable></CaretExtension>".encode()
    size = (len(table) + 8 + 15) // 16 * 16
    extension = struct.pack("<ii", size, 0) + table.ljust(size - 8)
    header = bytearray(plain[:348])
    struct.pack_into("<f", header, 108, 352.0 + size)
    return bytes(header) + b"\x01\0\0\0" + extension + plain[352:]


def segment(arguments, how):
    import SimpleITK

    image = SimpleITK.ReadImage(str(arguments.input))
    bone = SimpleITK.BinaryThreshold(image, BONE_HU, METAL_HU - 1, 2, 0)
    if arguments.task != "total":
        bone = SimpleITK.BinaryThreshold(image, METAL_HU, 32000, 1, 0)
    labels = bone + SimpleITK.BinaryThreshold(image, -32000, AIR_HU, 3 if arguments.task == "total" else 0, 0)
    if how == "otherGrid":
        labels.SetOrigin([place + 1.0 for place in labels.GetOrigin()])
    plain = arguments.output.with_name("plain.nii")
    SimpleITK.WriteImage(SimpleITK.Cast(labels, SimpleITK.sitkUInt8), str(plain))
    table = {} if how == "noTable" else LABELS[arguments.task]
    arguments.output.write_bytes(gzip.compress(withLabelTable(plain.read_bytes(), table)))


def wait(how):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    startChildren()
    held = []
    if how == "grows":
        held.append(bytearray(os.urandom(1 << 20)) * 400)
    print("Predicting part 2 of 5 ...", flush=True)
    sys.stderr.write("\r 50%|#####     | 1/2\r")
    sys.stderr.flush()
    note("ready", "waiting")
    time.sleep(600 + len(held))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-i", dest="input", type=Path)
    parser.add_argument("-o", dest="output", type=Path)
    parser.add_argument("--ml", action="store_true")
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--task", choices=LABELS, default="total")
    parser.add_argument("--device")
    parser.add_argument("--version", action="version", version="2.10.0")
    arguments = parser.parse_args()
    note("seen", json.dumps({"argv": sys.argv[1:], "environment": dict(os.environ), "folder": os.getcwd()}))
    how = os.environ.get("PLAYED", "")
    if how in ("waits", "grows"):
        wait(how)
    if how == "noWeights":
        print("Downloading model for Task 291 ...", flush=True)
        sys.exit("requests.exceptions.ProxyError: cannot connect")
    if how == "fails":
        sys.exit("RuntimeError: out of luck")
    if how == "leavesChildren":
        startChildren()
    if how == "floods":
        print("\n".join(["a line as long as lines are in a log of a program that talks too much"] * 50_000))
    if how != "noResult":
        segment(arguments, how)


if __name__ == "__main__":
    main()
