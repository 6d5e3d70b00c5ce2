"""A forward proxy on loopback: it passes requests on and lists what was asked of it."""

import http.server
import socket
import threading
import urllib.parse
import urllib.request

from .Loopback import LoopbackServer


class ForwardProxy(LoopbackServer):
    """Context manager around one proxy.

    ``asked``: (method, target) of every request; of a tunnel (CONNECT) only ``host:port`` is known.
    ``refusing``: whether it wants to know who asks, and answers 407.
    """

    def __init__(self, refusing=False):
        super().__init__(_Handler)
        self.asked = []
        self.refusing = refusing


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_CONNECT(self):
        if self._refused():
            return
        host, _colon, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port)), 10) as there:
            self.send_response(200)
            self.end_headers()
            self.wfile.flush()
            back = threading.Thread(target=_pass, args=(there, self.connection), daemon=True)
            back.start()
            _pass(self.connection, there)
            back.join(10)
        self.close_connection = True

    def do_GET(self):
        self._forward(None)

    def do_POST(self):
        self._forward(self.rfile.read(int(self.headers["Content-Length"])))

    def _forward(self, body):
        if self._refused():
            return
        headers = {name: self.headers[name] for name in ("Content-Type", "Accept") if self.headers[name]}
        request = urllib.request.Request(self.path, body, headers, method=self.command)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _AsIs())
        with opener.open(request, timeout=10) as answer:
            data = answer.read()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _refused(self):
        target = self.path if self.command == "CONNECT" else urllib.parse.urlsplit(self.path).path
        self.server.owner.asked.append((self.command, target))
        if self.server.owner.refusing:
            self.send_response(407)
            self.send_header("Content-Length", "0")
            self.end_headers()
        return self.server.owner.refusing


class _AsIs(urllib.request.HTTPErrorProcessor):
    """Gives every status back as it is."""

    def http_response(self, request, response):
        return response


def _pass(source, sink):
    try:
        while data := source.recv(1 << 16):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        # One side went away: so does the tunnel.
        sink.close()
