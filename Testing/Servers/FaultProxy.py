"""A loopback proxy in front of a real HTTP server that does harm by a seed: every fault that a network or store shows.

One request of a connection is read whole, harmed or not, passed on or not, and answered or not; then both ends close.
"""

import collections
import random
import re
import socket
import socketserver
import threading

from .Loopback import LoopbackServer

FAULTS = {
    "refused": "answers 4xx and passes nothing on",
    "failed": "answers 5xx and passes nothing on",
    "busy": "answers 429 or 503 with Retry-After and passes nothing on",
    "failedAfter": "passes everything on and answers 500 all the same",
    "emptyOk": "answers 200 without a body and passes nothing on",
    "falseOk": "answers 200 with an answer of the right kind and passes nothing on",
    "cutRequest": "passes the first bytes on and closes the connection",
    "cutAnswer": "passes everything on, gives the first bytes of the answer and closes the connection",
    "lostAnswer": "passes everything on and closes the connection",
    "doubled": "passes everything on twice",
    "flippedRequest": "flips a bit of the body and passes it on",
    "flippedAnswer": "passes everything on and flips a bit of the answer's body",
    "shortRequest": "passes the first bytes of the body on, and their number as its length",
    "shortPart": "takes bytes out before the end of a multipart body and passes the rest on",
    "shortAnswer": "gives the first bytes of the answer's body, and their number as its length",
    "stalled": "waits, then closes the connection and passes nothing on",
}
REFUSALS = (400, 403, 404, 409, 413, 415)
FAILURES = (500, 502, 503, 504, 507)
HEAD_END = b"\r\n\r\n"


class FaultProxy(LoopbackServer):
    """Context manager around one proxy to a port on loopback.

    ``harm`` counts what was done, by the kinds of ``FAULTS``; :meth:`calm` ends the faults.

    :param seed: the same seed gives the same faults to the same sequence of requests
    :param rate: share of the requests that are harmed
    :param stallSeconds: how long ``stalled`` waits; longer than what the client waits
    """

    def __init__(self, port, seed=0, rate=0.5, kinds=tuple(FAULTS), stallSeconds=0.5):
        super().__init__(_Handler, _Server)
        self.harm = collections.Counter()
        self.requests = 0
        self.rate = rate
        self._upstream = ("127.0.0.1", port)
        self._kinds = tuple(kinds)
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._stallSeconds = stallSeconds

    @property
    def address(self):
        """The store address that ``openStore`` takes."""
        return f"dicomweb+{self.url}/dicom-web"

    def calm(self):
        """From now on everything is passed on as it is."""
        self.rate = 0.0

    def draw(self):
        """Return the kind of the next fault, or None, and a source of what else is left to chance in it."""
        with self._lock:
            self.requests += 1
            chance = random.Random(self._random.random())
            kind = self._random.choice(self._kinds) if self._random.random() < self.rate else None
            self.harm.update([kind] if kind else [])
            return kind, chance

    def answerTo(self, head, body, kind, chance):
        """Return the bytes that the client gets; none where the connection ends without an answer."""
        if kind in ("refused", "failed", "busy", "emptyOk", "falseOk"):
            return _invented(kind, head, chance)
        if kind == "stalled":
            self.released.wait(self._stallSeconds)
            return b""
        if kind == "cutRequest":
            whole = head + body
            self._passOn(whole[: chance.randrange(len(whole))])
            return b""
        if kind == "doubled":
            self._passOn(head + body)
        head, body = _harmedRequest(kind, head, body, chance)
        return _harmedAnswer(kind, self._passOn(head + body), chance)

    def _passOn(self, request):
        """Give bytes to the server and return all that it answers; what is cut short gets no time to be answered."""
        try:
            with socket.create_connection(self._upstream, timeout=10) as upstream:
                upstream.sendall(request)
                upstream.shutdown(socket.SHUT_WR)
                return b"".join(iter(lambda: upstream.recv(1 << 16), b""))
        except OSError:
            return b""


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


class _Handler(socketserver.StreamRequestHandler):
    timeout = 20

    def handle(self):
        head = b""
        while not head.endswith(HEAD_END):
            line = self.rfile.readline(1 << 16)
            if not line:
                return
            head += line
        if re.search(rb"(?i)\r\nexpect: 100-continue", head):
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self._body(head)
        head = _withLength(re.sub(rb"(?i)\r\n(connection|transfer-encoding|expect):[^\r]*", b"", head), len(body))
        head = head.replace(HEAD_END, b"\r\nConnection: close" + HEAD_END)
        answer = self.server.owner.answerTo(head, body, *self.server.owner.draw())
        self.wfile.write(answer)

    def _body(self, head):
        if re.search(rb"(?i)\r\ntransfer-encoding: *chunked", head):
            pieces = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        return self.rfile.read(int(length.group(1))) if length else b""


def _invented(kind, head, chance):
    """An answer of a server that was never asked."""
    if kind == "emptyOk":
        return _answer(200)
    if kind == "falseOk":
        if head.startswith(b"POST"):
            return _answer(200, b"{}", "Content-Type: application/dicom+json")
        return _answer(200, b"--b0--\r\n", 'Content-Type: multipart/related; type="application/dicom"; boundary=b0')
    if kind == "busy":
        return _answer(chance.choice((429, 503)), b"", f"Retry-After: {chance.choice((1, 2))}")
    return _answer(chance.choice(REFUSALS if kind == "refused" else FAILURES), b"{}", "Content-Type: application/json")


def _answer(status, body=b"", *headers):
    lines = [f"HTTP/1.1 {status} Invented", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + HEAD_END + body


def _harmedRequest(kind, head, body, chance):
    if kind == "flippedRequest":
        body = _flipped(body, chance)
    elif kind == "shortRequest":
        body = body[: chance.randrange(len(body) + 1)]
    elif kind == "shortPart":
        end = body.rfind(b"\r\n--")
        body = body[: chance.randrange(end // 2, end)] + body[end:] if end > 1 else body
    return _withLength(head, len(body)), body


def _harmedAnswer(kind, answer, chance):
    if kind == "lostAnswer" or not answer:
        return b""
    if kind == "failedAfter":
        return _answer(500)
    if kind == "cutAnswer":
        return answer[: chance.randrange(len(answer))]
    head, found, body = answer.partition(HEAD_END)
    if kind == "flippedAnswer":
        body = _flipped(body, chance)
    elif kind == "shortAnswer" and re.search(rb"(?i)\r\ncontent-length:", head):
        body = body[: chance.randrange(len(body) + 1)]
        head = _withLength(head + HEAD_END, len(body))[: -len(HEAD_END)]
    return head + found + body


def _withLength(head, length):
    """The head with that content length, where it states one or there is a body."""
    head = re.sub(rb"(?i)\r\ncontent-length:[^\r]*", b"", head)
    if length or head.startswith((b"POST", b"PUT", b"HTTP")):
        head = head.replace(HEAD_END, b"\r\nContent-Length: %d" % length + HEAD_END)
    return head


def _flipped(data, chance):
    if not data:
        return data
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ (1 << chance.randrange(8))]) + data[place + 1 :]
