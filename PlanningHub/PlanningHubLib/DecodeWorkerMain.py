"""The process that parses and decodes what might be hostile: it may die, and the one that asked does not.

Requests are lines of JSON on standard input. Answers are two numbers (bytes of JSON, bytes of values), the JSON and the
values, on standard output.
"""

import dataclasses
import json
import os
import signal
import struct
import sys

from .Errors import InputRefused

DAMAGED = "Fetch the series from the archive again."
HOSTILE = "Do not use this file; ask where it came from."


def main(memoryBytes):
    """Answer requests until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limitMemory(memoryBytes)
    # Libraries that print must not get into the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for line in sys.stdin.buffer:
        answer, values = answered(json.loads(line), answers)
        send(answers, answer, values)


def send(stream, answer, values=b""):
    text = json.dumps(answer).encode()
    stream.write(struct.pack("<IQ", len(text), len(values)) + text)
    stream.write(values)
    stream.flush()


def limitMemory(memoryBytes):
    """Limit what this process may take, where the operating system can (not on Windows)."""
    if os.name == "nt":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "darwin":
        resource.setrlimit(resource.RLIMIT_AS, (memoryBytes, memoryBytes))


def answered(request, stream):
    """Return the answer to one request, and the values that go with it. Errors are answers."""
    path = request["path"]
    try:
        return OPERATIONS[request["do"]](request, stream)
    except InputRefused as error:
        code, message, action = error.code, error.message, error.action
    except (MemoryError, RecursionError) as error:
        code, action = "hostile-file", HOSTILE
        message = f"{path} needs more memory or depth than any real image ({type(error).__name__})."
    except OSError as error:
        code, message, action = "cannot-read", f"{path} cannot be read: {error.strerror or error}.", ""
    except Exception as error:
        isDecoding = request["do"] == "decode"
        code = "cannot-decode" if isDecoding else "damaged-header"
        what = "The pixels of {} cannot be decoded" if isDecoding else "The header of {} cannot be understood"
        message, action = f"{what.format(path)} ({type(error).__name__}).", DAMAGED
    return {"error": {"code": code, "message": message, "action": action, "files": [path]}}, b""


def _headers(request, _stream):
    from .HeaderParser import parseHeaders

    headers = parseHeaders(request["path"])
    return {"headers": None if headers is None else [_plain(header) for header in headers]}, b""


def _plain(header):
    values = dataclasses.asdict(header)
    return {name: value.tolist() if hasattr(value, "tolist") else value for name, value in values.items()}


def _references(request, _stream):
    from .HeaderParser import referencedFiles

    return {"files": referencedFiles(request["path"])}, b""


def _unpack(request, stream):
    from .SourcesZip import unpack

    def progress(fraction, text):
        send(stream, {"progress": [fraction, text]})

    return {"ignored": unpack(request["path"], request["folder"], progress)}, b""


def _decode(request, _stream):
    from .Decoding import decodeSlice

    voxels = decodeSlice(request)
    return {"shape": voxels.shape, "type": voxels.dtype.str}, memoryview(voxels).cast("B")


OPERATIONS = {"headers": _headers, "references": _references, "unpack": _unpack, "decode": _decode}

if __name__ == "__main__":
    main(int(sys.argv[1]))
