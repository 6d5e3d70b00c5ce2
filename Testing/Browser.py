"""A real browser without a network, driven as a user would: Chromium over its debugging pipe (DevTools protocol).

The browser runs in a network namespace of its own, where the machine allows one: it could reach nobody if it tried.
"""

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

PATIENCE_SECONDS = 60
OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--no-first-run", "--no-default-browser-check", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--mute-audio", "--remote-debugging-pipe",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip


def program():
    """Return the browser's path, None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def withoutNetwork():
    """Return the command that runs another without any network; empty where the machine allows none."""
    for command in (["unshare", "--net"], ["unshare", "--map-root-user", "--net"]):
        with contextlib.suppress(OSError):
            if subprocess.run([*command, "true"], capture_output=True).returncode == 0:
                return command
    return []


@contextlib.contextmanager
def browser(width=1280, height=800):
    """A running browser with one empty page of this size; :class:`Page`."""
    ours, theirs = os.pipe(), os.pipe()
    profile = tempfile.mkdtemp(prefix="planninghub-browser-")
    command = [*withoutNetwork(), program(), *OPTIONS, f"--user-data-dir={profile}", f"--window-size={width},{height}"]

    def wire():
        # The browser reads its orders at descriptor 3 and answers at 4; the copies are out of their way first.
        reading, writing = os.dup(ours[0]) + 0, os.dup(theirs[1])
        reading, writing = (_above(descriptor) for descriptor in (reading, writing))
        os.dup2(reading, 3)
        os.dup2(writing, 4)

    process = subprocess.Popen(
        command, preexec_fn=wire, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": profile},
    )  # fmt: skip
    os.close(ours[0])
    os.close(theirs[1])
    try:
        yield Page(ours[1], theirs[0], width, height)
    finally:
        os.close(ours[1])
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(theirs[0])
        shutil.rmtree(profile, ignore_errors=True)


def _above(descriptor):
    """Return a copy of a descriptor that is none of the first ten."""
    copies = [os.dup(descriptor)]
    while copies[-1] < 10:
        copies.append(os.dup(descriptor))
    return copies[-1]


class Page:
    """The page in the browser."""

    def __init__(self, writing, reading, width, height):
        self._writing, self._reading = writing, reading
        self._buffer, self._number, self._session = b"", 0, None
        self.requests, self.messages = [], []
        targets = self.call("Target.getTargets")["targetInfos"]
        target = next(one["targetId"] for one in targets if one["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log", "DOM"):
            self.call(f"{domain}.enable")
        self.resize(width, height)

    def resize(self, width, height, touch=False):
        """Give the page a size in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=touch
        )  # fmt: skip

    def call(self, method, **parameters):
        """Give an order of the DevTools protocol and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._writing, data) :]
        return self._answer(self._number, method)

    def _answer(self, number, method):
        while True:
            message = self._next()
            if message.get("id") == number:
                assert "error" not in message, f"{method}: {message['error']}"
                return message["result"]
            self._note(message)

    def _next(self):
        end = time.monotonic() + PATIENCE_SECONDS
        while b"\0" not in self._buffer:
            assert select.select([self._reading], [], [], max(0, end - time.monotonic()))[0], "the browser says nothing"
            data = os.read(self._reading, 1 << 20)
            assert data, "the browser has ended"
            self._buffer += data
        text, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(text)

    def _note(self, message):
        method, values = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(values["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            details = values["exceptionDetails"]
            self.messages.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Log.entryAdded":
            self.messages.append(values["entry"]["text"])

    def open(self, path):
        """Open a file as a double-click would, and wait until it is loaded."""
        self.call("Page.navigate", url="about:blank")
        self.requests, self.messages = [], []
        self.call("Page.navigate", url=Path(path).absolute().as_uri())
        self.waitFor("document.readyState === 'complete'")

    def value(self, expression):
        """Return what a JavaScript expression gives, promises kept."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"].get("exception", result)
        return result["result"].get("value")

    def waitFor(self, expression, patienceSeconds=PATIENCE_SECONDS):
        """Wait until a JavaScript expression is true."""
        end = time.monotonic() + patienceSeconds
        while not self.value(f"Boolean({expression})"):
            assert time.monotonic() < end, f"never true: {expression}; the page said {self.messages}"
            time.sleep(0.05)

    def box(self, selector):
        """Return left, top, width and height of an element in the page, scrolled into sight."""
        found = json.dumps(selector)
        self.value(f"document.querySelector({found}).scrollIntoView({{block: 'nearest'}})")
        return self.value(
            f"(() => {{ const box = document.querySelector({found}).getBoundingClientRect();"
            "return [box.left, box.top, box.width, box.height]; })()"
        )

    def click(self, selector):
        """Click the middle of an element."""
        left, top, width, height = self.box(selector)
        self.clickAt(left + width / 2, top + height / 2)

    def clickAt(self, x, y):
        """Click at a place of the page with the left button of a mouse."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def touch(self, x, y):
        """Tap a place of the page with a finger."""
        self.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        self.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def choose(self, selector, paths):
        """Choose files or a folder in an input, as its dialog would."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", files=[str(path) for path in paths], nodeId=node)

    def picture(self, path=None):
        """Return a picture of the page as PNG bytes, written to a file if one is given."""
        data = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        if path:
            Path(path).write_bytes(data)
        return data
