"""Kills a child process before, in the middle of and after each of its writes, one after the other."""

import builtins
import contextlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import time

CALLS = ("fsync", "replace", "rename", "mkdir", "rmdir", "unlink", "remove", "link", "ftruncate", "truncate")
# These can also be killed when half of what they write has arrived.
TORN_CALLS = ("file.write", "sendfile")
SYSTEM_CALLS = (
    "write", "pwrite64", "writev", "sendfile", "copy_file_range", "fsync", "fdatasync", "rename", "renameat",
    "renameat2", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "link", "linkat", "ftruncate", "truncate",
)  # fmt: skip


class WriteCalls:
    """Counts this process's writes and kills the process at one of them; used in a forked child only.

    :param number: at which write, from 1; 0 for none
    :param moment: ``before``, ``torn`` or ``after`` it
    """

    def __init__(self, number=0, moment="before"):
        self.names = []
        self._number, self._moment = number, moment
        self._openFile = io.open

    def install(self):
        for name in CALLS:
            setattr(os, name, self._watched(name, getattr(os, name)))
        sendfile, openDescriptor = os.sendfile, os.open
        os.sendfile = self._watched("sendfile", sendfile, self._halfSendfile(sendfile))
        creating = self._watched("os.open", openDescriptor)
        os.open = lambda path, flags, *rest, **named: (creating if flags & os.O_CREAT else openDescriptor)(
            path, flags, *rest, **named
        )
        builtins.open = io.open = self._open

    def _watched(self, name, call, half=None):
        def watched(*arguments, **named):
            self.names.append(name)
            mine = len(self.names) == self._number
            if mine and self._moment == "before":
                die()
            if mine and self._moment == "torn":
                half(*arguments, **named)
                die()
            try:
                return call(*arguments, **named)
            finally:
                if mine:
                    die()

        return watched

    @staticmethod
    def _halfSendfile(sendfile):
        def half(target, source, offset, _count):
            if not offset:
                sendfile(target, source, 0, os.fstat(source).st_size // 2)

        return half

    def _open(self, file, mode="r", *rest, **named):
        if not set(mode) & set("wax+"):
            return self._openFile(file, mode, *rest, **named)
        opened = self._watched("open", self._openFile)(file, mode, *rest, **named)
        return _WatchedFile(opened, self._watched)


class _WatchedFile:
    """A file open for writing whose writes are counted."""

    def __init__(self, file, watched):
        self._file = file
        for name in ("flush", "truncate"):
            setattr(self, name, watched("file." + name, getattr(file, name)))
        self.write = watched("file.write", file.write, self._half)
        self.close = watched("file.close", file.close)

    def _half(self, data):
        self._file.write(data[: len(data) // 2])
        self._file.flush()

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.close()


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def runKilled(action, number, moment):
    """Run an action in a forked child that is killed at a write; return whether it was killed."""
    child = os.fork()
    if child == 0:
        _runAndExit(action, WriteCalls(number, moment))
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def _runAndExit(action, calls, report=None):
    code = 1
    with contextlib.suppress(BaseException):
        calls.install()
        action()
        code = 0
    if report is not None:
        os.write(report, json.dumps([code, calls.names]).encode())
    os._exit(code)


def writesOf(action):
    """Run an action in a forked child and return the names of its writes in order."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _runAndExit(action, WriteCalls(), writing)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        code, names = json.loads(pipe.read())
    os.waitpid(child, 0)
    assert code == 0, "the action fails even when nobody kills it"
    return names


def sweep(prepare, action, check):
    """Kill an action at each of its writes, each time from the same beginning.

    :param prepare: returns a fresh place; called before each run
    :param action: called with the place, in the child
    :param check: called with the place and a text that says where the child was killed
    :returns: names of the writes, and the number of kills
    """
    place = prepare()
    names = writesOf(lambda: action(place))
    kills = 0
    for number, name in enumerate(names, 1):
        for moment in ("before", "torn", "after") if name in TORN_CALLS else ("before", "after"):
            place = prepare()
            where = f"{moment} write {number} of {len(names)}: {name}"
            assert runKilled(lambda place=place: action(place), number, moment), f"not killed {where}"
            check(place, where)
            kills += 1
    place = prepare()
    assert not runKilled(lambda: action(place), len(names) + 1, "before"), "there are more writes than were swept"
    return names, kills


def killsOf(names):
    """Return how many kills a full sweep of these writes needs."""
    return sum(3 if name in TORN_CALLS else 2 for name in names)


# The same with strace: before each system call, without any help from Python


def straceMissing():
    """Return why strace cannot be used here, or None."""
    if not shutil.which("strace"):
        return "strace is not installed"
    child = subprocess.run(["strace", "-qq", "-o", os.devnull, "true"], capture_output=True, text=True)
    return None if child.returncode == 0 else f"processes may not be traced here: {child.stderr.strip()}"


def traced(action, options, log):
    """Run an action in a forked child under strace; return the child's wait status."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        os.read(reading, 1)
        with contextlib.suppress(BaseException):
            action()
            os._exit(0)
        os._exit(1)
    os.close(reading)
    # A system call that this machine does not have is no error ("?").
    calls = ",".join(f"?{name}" for name in SYSTEM_CALLS)
    command = ["strace", "-qq", "-o", str(log), "-e", f"trace={calls}", *options, "-p", str(child)]
    strace = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _waitForTracer(child, strace)
    os.write(writing, b"go")
    os.close(writing)
    status = os.waitpid(child, 0)[1]
    strace.wait()
    return status


def _waitForTracer(child, strace):
    pattern = re.compile(r"^TracerPid:\s*[1-9]", re.MULTILINE)
    while strace.poll() is None:
        with open(f"/proc/{child}/status") as file:
            if pattern.search(file.read()):
                return
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    raise AssertionError("strace ended before it traced the child")


def systemCallsOf(action, log):
    """Run an action under strace; return name → how many times it was called."""
    assert traced(action, (), log) == 0
    counts = {}
    for name in re.findall(r"^(\w+)\(", log.read_text(), re.MULTILINE):
        counts[name] = counts.get(name, 0) + 1
    return counts


def sweepSystemCalls(prepare, action, check, log):
    """Kill an action at the entry of each of its writing system calls; see :func:`sweep`.

    :returns: name → how many times it was called, and the number of kills
    """
    place = prepare()
    counts = systemCallsOf(lambda: action(place), log)
    kills = 0
    for name, count in counts.items():
        for number in range(1, count + 1):
            place = prepare()
            where = f"at system call {name}, {number} of {count}"
            inject = ("-e", f"inject={name}:signal=SIGKILL:when={number}")
            status = traced(lambda place=place: action(place), inject, log)
            assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, f"not killed {where}"
            check(place, where)
            kills += 1
    return counts, kills
