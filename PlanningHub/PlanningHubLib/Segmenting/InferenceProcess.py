"""Another program run for this one, with limits on time and memory, ended together with everything that it started."""

import collections
import contextlib
import dataclasses
import os
import re
import subprocess
import threading
import time
import uuid

from ..Errors import InputRefused
from ..Progress import noProgress

LOOK_SECONDS = 0.2
# Looking through all processes of a machine takes a moment.
MEMORY_SECONDS = 2.0
# What a program gets to end by itself, before it is ended.
GRACE_SECONDS = 2.0
KEPT_LINES = 400
# A child inherits it, and keeps it when it leaves its session and loses its parent.
MARK = "PLANNINGHUB_RUN"
LINE_END = re.compile(rb"[\r\n]")


@dataclasses.dataclass(frozen=True)
class Limits:
    """Most that a program may take: seconds, and bytes of memory with all its children (site defaults, no source)."""

    seconds: float = 2 * 3600.0
    memoryBytes: int | None = None

    def bytes(self):
        """Return the limit on memory: nine tenths of the machine's where none is set."""
        import psutil

        return self.memoryBytes or psutil.virtual_memory().total * 9 // 10


def runProgram(command, environment, folder, progress=noProgress, fractionOf=None, refusalOf=None, limits=None):
    """Run a program to its end; return the last lines that it wrote, standard output and error together.

    It and all its children are gone when this returns or raises, whichever way.

    :param command: arguments; nobody must be named in them: every user of the machine can read them
    :param folder: its working folder
    :param progress: called several times a second; what it raises (``Cancelled``) ends the program
    :param fractionOf: callable(line) → share of the work that is done, or None
    :param refusalOf: callable(lines) → the error that they mean, or None
    :raises InputRefused: ``ai-not-installed``, ``ai-failed`` with the last lines, ``ai-too-slow``, ``ai-too-large``
    """
    limits = limits or Limits()
    mark = uuid.uuid4().hex
    process = _started(command, {**environment, MARK: mark}, folder)
    tree = _Tree(process, mark)
    output = _Output(process.stdout, fractionOf)
    try:
        _watch(process, tree, output, limits, progress)
    finally:
        tree.end()
        output.close()
    lines = list(output.lines)
    if process.returncode != 0:
        raise (refusalOf(lines) if refusalOf else None) or _failed(process.returncode, output.tail())
    return lines


def _failed(code, tail):
    return InputRefused("ai-failed", f"The program ended with code {code}. Its last lines: {tail or 'none'}",
                        "Ask who keeps it on this machine.")  # fmt: skip


def _started(command, environment, folder):
    if os.name == "nt":
        own = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    else:
        own = {"start_new_session": True}
    try:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                cwd=folder, env=environment, **own)  # fmt: skip
    except OSError as error:
        raise InputRefused("ai-not-installed", f"{command[0]} cannot be started: {error.strerror}.",
                           "Correct its path in site.json, or install it again.", [command[0]]) from error  # fmt: skip


def _watch(process, tree, output, limits, progress):
    end, most = time.monotonic() + limits.seconds, limits.bytes()
    nextLook = 0.0
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_SECONDS)
            return
        progress(output.fraction, output.text)
        now = time.monotonic()
        if now > nextLook:
            nextLook = now + MEMORY_SECONDS
            if tree.usedBytes() > most:
                raise InputRefused("ai-too-large", f"The program took more than {most / 2**30:.1f} GiB of memory.",
                                   "Use its fast model, or a machine with more memory.")  # fmt: skip
        if now > end:
            raise InputRefused("ai-too-slow", f"The program was not done within {limits.seconds:g} s.",
                               "Use its fast model, or a machine with a graphics processor.")  # fmt: skip


class _Output:
    """What a program writes, read as it comes: it must never wait for a reader."""

    def __init__(self, stream, fractionOf):
        self.lines = collections.deque(maxlen=KEPT_LINES)
        self.fraction, self.text = 0.0, "The model is starting"
        self._stream, self._fractionOf = stream, fractionOf
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        rest = b""
        # A stream that is closed from the other side while it is read.
        with contextlib.suppress(OSError, ValueError):
            while chunk := self._stream.read1(1 << 16):
                *whole, rest = LINE_END.split(rest + chunk)
                for line in whole:
                    self._take(line)
        self._take(rest)

    def _take(self, line):
        text = line.decode(errors="replace").strip()
        if not text:
            return
        self.lines.append(text)
        fraction = self._fractionOf(text) if self._fractionOf else None
        if fraction is not None:
            self.fraction = min(1.0, max(self.fraction, fraction))
            self.text = f"The model is at work, {100 * self.fraction:.0f} %"

    def tail(self, count=6):
        return " | ".join(list(self.lines)[-count:])[-1500:]

    def close(self):
        self._thread.join(GRACE_SECONDS)
        # A reader that still waits holds the stream's lock: closing would wait for it.
        if not self._thread.is_alive():
            self._stream.close()


class _Tree:
    """A process and all that it started, also what left its session or lost its parent."""

    def __init__(self, process, mark):
        import psutil

        self._process, self._mark = process, mark
        # Where a program is gone already, its children are known by their mark.
        self._roots = []
        with contextlib.suppress(psutil.Error):
            self._roots = [psutil.Process(process.pid)]
        self._seen = set(self._roots)

    def _look(self):
        import psutil

        for root in self._roots:
            # It knows when its number has gone to another process.
            with contextlib.suppress(psutil.Error):
                self._seen.update(root.children(recursive=True))
        for one in psutil.process_iter():
            # Processes of other users do not show their environment, and are none of these.
            with contextlib.suppress(psutil.Error, OSError):
                if one not in self._seen and one.environ().get(MARK) == self._mark:
                    self._seen.add(one)

    def usedBytes(self):
        """Return what all of them hold in memory; what several share is counted once."""
        self._look()
        return sum(_usedBytes(one) for one in self._seen)

    def end(self):
        """End all, first with a request, then by force; return when none is left."""
        import psutil

        left = self._left()
        for one in left:
            with contextlib.suppress(psutil.Error):
                one.terminate()
        psutil.wait_procs(left, GRACE_SECONDS)
        # A child may have been started while others were ended.
        for _round in range(20):
            left = self._left()
            if not left:
                break
            for one in left:
                with contextlib.suppress(psutil.Error):
                    one.kill()
            psutil.wait_procs(left, 0.5)
        self._process.wait()

    def _left(self):
        self._look()
        return [one for one in self._seen if _runs(one)]


def _runs(process):
    import psutil

    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _usedBytes(process):
    import psutil

    with contextlib.suppress(psutil.Error, OSError):
        memory = process.memory_full_info()
        return getattr(memory, "pss", memory.uss)
    return 0
