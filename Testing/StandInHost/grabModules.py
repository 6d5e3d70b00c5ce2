"""Makes the modules' pictures for their README files: `python -m StandInHost.grabModules [CT folder [side]]`.

Without arguments the head phantom in full size is taken. Cases, packages and store are made below /data, so that no
path of this machine stands in a picture; the folders are removed again.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
MODULES = ("PlanningHub", "PrintPrep", "ORExport", "CentralSync")
DATA = Path("/data")
KEPT = ("PlanningHub", "PlanningHubProgress", "PlanningHubError", "PlanningHubStale", "PrintPrep", "PrintPrepProgress",
        "ORExport", "ORExportError", "CentralSync", "CentralSyncBefore", "CentralSyncError")  # fmt: skip
WIDTH = 460
HEIGHTS = {"PlanningHub": 800, "PrintPrep": 460, "ORExport": 640, "CentralSync": 560}


class Grabber:
    """A user who works through the four steps and takes pictures on the way."""

    def __init__(self, host, picturesRoot):
        from StandInHost.User import User

        self.host = host
        self.picturesRoot = picturesRoot
        self.user = User(host, DATA / "cases")

    def grab(self, moduleName, state=""):
        """Write ``<Module>/Pictures/<Module><state>.png``."""
        widget = self.host.widget(moduleName)
        if moduleName + state in KEPT:
            path = self.picturesRoot / moduleName / "Pictures" / f"{moduleName}{state}.png"
            self.host.grab(widget, path, size=(WIDTH, HEIGHTS[moduleName]))
            _flatten(path)

    def grabPage(self, name, height):
        """Write ``PlanningHub/Pictures/<name>.png`` of the page that the home module shows."""
        path = self.picturesRoot / "PlanningHub" / "Pictures" / f"{name}.png"
        self.host.grab(self.host.widget("PlanningHub"), path, size=(WIDTH, height))
        _flatten(path)

    def during(self, moduleName, fraction):
        """Take the picture ``<Module>Progress`` when the step under way has come to a fraction."""
        from PySide6 import QtWidgets

        widget = self.host.widget(moduleName)
        path = self.picturesRoot / moduleName / "Pictures" / f"{moduleName}Progress.png"

        def take():
            # Not host.grab: it would find the wait cursor of the step.
            window = widget.parent.window()
            window.resize(WIDTH, HEIGHTS[moduleName])
            window.show()
            QtWidgets.QApplication.processEvents()
            widget.parent.grab().save(str(path), "PNG")
            window.hide()
            _flatten(path)

        if f"{moduleName}Progress" in KEPT:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.user.during(widget, take, fraction)


def _flatten(path):
    """Reduce a picture to 128 colors, which no eye sees in a panel and which makes it small."""
    from PIL import Image

    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(128, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


def takePictures(host, series, side, picturesRoot):
    """Work through import, segmentation, part, package and store; write the pictures."""
    from StandInHost.GovernancePictures import takeGovernancePictures

    grabber = Grabber(host, picturesRoot)
    user = grabber.user
    home = user.fillImport(DATA / "ct", side, "Cranioplasty")
    (DATA / "ct").mkdir()
    host.click(home.panel("ImportPanel").ui.importButton)
    grabber.grab("PlanningHub", "Error")
    (DATA / "ct").rmdir()
    (DATA / "ct").symlink_to(series)
    host.click(home.panel("ImportPanel").ui.importButton)
    grabber.during("PlanningHub", 0.6)
    host.click(home.panel("BonePanel").ui.segmentButton)
    for name, prepare, button in (
        ("PrintPrep", None, "partButton"),
        ("ORExport", ("outPathLineEdit", DATA / "usb" / "package"), "packageButton"),
        ("CentralSync", ("storeLineEdit", str(DATA / "central-store")), "sendButton"),
    ):
        widget = user.show(name)
        if prepare:
            host.enter(getattr(widget.ui, prepare[0]), prepare[1])
        grabber.grab(name, "Before")
        if name == "CentralSync":
            host.enter(widget.ui.storeLineEdit, "dicomweb+http://localhost:9/dicom-web")
            host.click(widget.ui.sendButton)
            grabber.grab(name, "Error")
            host.enter(widget.ui.storeLineEdit, prepare[1])
        grabber.during(name, 0.5)
        host.click(getattr(widget.ui, button))
        if name == "ORExport":
            host.enter(widget.ui.verifyPathLineEdit, DATA / "usb" / "package")
            host.click(widget.ui.verifyButton)
        grabber.grab(name)
    takeGovernancePictures(grabber, DATA / "usb" / "copy")
    home = user.show("PlanningHub")
    grabber.grab("PlanningHub")
    host.enter(home.panel("BonePanel").ui.thresholdSliderWidget, 400)
    host.click(home.panel("BonePanel").ui.segmentButton)
    grabber.grab("PlanningHub", "Stale")
    export = user.show("ORExport")
    host.enter(export.ui.outPathLineEdit, DATA / "usb" / "second")
    host.click(export.ui.packageButton)
    grabber.grab("ORExport", "Error")


def main(arguments):
    """Command line: nothing, or a folder of CT and the operation's side."""
    if DATA.exists():
        print(f"{DATA} exists already; it would be used and removed.", file=sys.stderr)
        return 3
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PLANNINGHUB_HOME"] = str(Path(folder) / "home")
        from StandInHost import Host

        host = Host.start()
        for name in MODULES:
            host.loadModule(PROJECT / name / f"{name}.py")
        series, side = (Path(arguments[0]), arguments[1]) if arguments else (_phantom(Path(folder) / "ct"), "left")
        try:
            takePictures(host, series.absolute(), side, PROJECT)
        finally:
            host.stop()
            shutil.rmtree(DATA, ignore_errors=True)
    return 0


def _phantom(folder):
    from Phantom.HeadPhantom import writeHeadPhantom

    writeHeadPhantom(folder)
    return folder


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
