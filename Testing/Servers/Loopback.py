"""What all small servers of the tests share: a free port on loopback, a thread, an end."""

import http.server
import threading


class LoopbackServer:
    """Context manager around one server.

    ``httpServer`` is the library's own. ``released`` is set at the end: whoever stalls waits for it. ``tls``: an
    ``ssl.SSLContext``, or None for plain HTTP.
    """

    def __init__(self, handler, serverClass=http.server.ThreadingHTTPServer, tls=None):
        self.released = threading.Event()
        self._scheme = "https" if tls else "http"
        self.httpServer = serverClass(("127.0.0.1", 0), handler)
        self.httpServer.daemon_threads = True
        # A client that goes away is part of the play.
        self.httpServer.handle_error = lambda request, address: None
        self.httpServer.owner = self
        if tls:
            self.httpServer.socket = tls.wrap_socket(self.httpServer.socket, server_side=True)
        self._thread = threading.Thread(target=self.httpServer.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self):
        return f"{self._scheme}://127.0.0.1:{self.httpServer.server_address[1]}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self.released.set()
        self.httpServer.shutdown()
        self.httpServer.server_close()
        self._thread.join()
