"""Makes the modules' pictures for their README files: `python -m StandInHost.grabModules [CT folder [side]]`.

Without arguments the head phantom in full size is taken. Cases, packages and store are made below /data, so that no
path of this machine stands in a picture; the folders are removed again.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from .PictureScans import makeListedCases, removeListedCases, writeExamination, writeTilted
from .User import User, bone, cases, importing, packing, sending, verifying

PROJECT = Path(__file__).resolve().parents[2]
MODULES = ("PlanningHub", "PrintPrep", "ORExport", "CentralSync")
DATA = Path("/data")
KEPT = ("PlanningHub", "PlanningHubMethod", "PlanningHubCases", "PlanningHubSeries", "PlanningHubAccept",
        "PlanningHubWarn", "PlanningHubReject", "PlanningHubProgress", "PlanningHubStale", "PrintPrep",
        "PrintPrepProgress", "PrintPrepBlocked", "PrintPrepResult", "PrintPrepBuild", "PrintPrepPapers",
        "PrintPrepInspection", "ORExport", "ORExportViews", "ORExportVerify", "ORExportError",
        "CentralSync", "CentralSyncBefore", "CentralSyncError", "CentralSyncQueue", "CentralSyncStore",
        "CentralSyncRestore")  # fmt: skip
WIDTH = 460
HEIGHTS = {"PlanningHub": 830, "PrintPrep": 830, "ORExport": 900, "CentralSync": 690}


class Grabber:
    """A user who works through the four steps and takes pictures on the way."""

    def __init__(self, host, picturesRoot):
        self.host = host
        self.picturesRoot = picturesRoot
        self.user = User(host, DATA / "cases")

    def grab(self, moduleName, state="", height=None):
        """Write ``<Module>/Pictures/<Module><state>.png``; the height is the module's own unless stated."""
        widget = self.host.widget(moduleName)
        if moduleName + state in KEPT:
            path = self.picturesRoot / moduleName / "Pictures" / f"{moduleName}{state}.png"
            self.host.grab(widget, path, size=(WIDTH, height or HEIGHTS[moduleName]))
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
    """Reduce a picture of a panel to its 256 most frequent colors, which no eye sees and which makes it small."""
    from PIL import Image

    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    found = sorted(picture.getcolors(picture.width * picture.height), reverse=True)[:256]
    palette = Image.new("P", (1, 1))
    palette.putpalette([channel for _count, color in found for channel in color])
    picture.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)


def takeImportPictures(grabber, series, side):
    """Work through the import: a faulty examination, then a good one, of which a case is made."""
    host, user = grabber.host, grabber.user
    writeTilted(series, DATA / "tilted")
    user.check(DATA / "tilted", side)
    grabber.grab("PlanningHub", "Reject", 890)
    writeExamination(series, DATA / "ct")
    home = user.check(DATA / "ct", side)
    grabber.grab("PlanningHub", "Series", 700)
    host.act(importing(home).seriesTable.setCurrentCell, 0, 0)
    grabber.grab("PlanningHub", "Warn", 870)
    user.check(DATA / "ct", side, "General planning")
    host.act(importing(home).seriesTable.setCurrentCell, 0, 0)
    grabber.grab("PlanningHub", "Accept", 670)
    user.importSeries(DATA / "ct" / "fine", side)


def takePictures(host, series, side, picturesRoot):
    """Work through import, segmentation, part, package and store; write the pictures."""
    from StandInHost.GovernancePictures import takeGovernancePictures
    from StandInHost.PrintPictures import takePrintPictures

    grabber = Grabber(host, picturesRoot)
    user = grabber.user
    takeImportPictures(grabber, series, side)
    home = user.show("PlanningHub")
    home.showPanel("SegmentationPanel")
    grabber.during("PlanningHub", 0.6)
    host.click(bone(home).segmentButton)
    takePrintPictures(grabber)
    export = user.show("ORExport")
    host.enter(packing(export).outPathLineEdit, DATA / "usb" / "package")
    grabber.grab("ORExport", "Before")
    grabber.during("ORExport", 0.5)
    host.click(packing(export).packageButton)
    takeExportPictures(grabber, export)
    grabber.grab("ORExport")
    takeSyncPictures(grabber, user.show("CentralSync"))
    takeGovernancePictures(grabber, DATA / "usb" / "copy")
    home = user.show("PlanningHub")
    grabber.grab("PlanningHub")
    takeMethodPicture(grabber, bone(home))
    takeCaseListPicture(grabber, home)
    host.enter(bone(home).thresholdSliderWidget, 400)
    host.click(bone(home).segmentButton)
    grabber.grab("PlanningHub", "Stale")
    export = user.show("ORExport")
    host.enter(packing(export).outPathLineEdit, DATA / "usb" / "second")
    host.click(packing(export).packageButton)
    grabber.grab("ORExport", "Error")


def takeSyncPictures(grabber, widget):
    """Send to a store that is away, look at the queue; then send to one that is there, and look at it."""
    host, store, away = grabber.host, DATA / "central-store", "dicomweb+http://localhost:9/dicom-web"
    host.enter(widget.ui.storeLineEdit, away)
    host.click(sending(widget).sendButton)
    grabber.grab("CentralSync", "Error", 760)
    widget.showPanel("OutboxPanel")
    grabber.grab("CentralSync", "Queue", 690)
    queue = widget.panel("OutboxPanel").ui
    while queue.withdrawButton.enabled:
        host.click(queue.withdrawButton)
    widget.showPanel("SendPanel")
    host.enter(widget.ui.storeLineEdit, str(store))
    grabber.grab("CentralSync", "Before", 620)
    host.click(sending(widget).sendButton)
    grabber.grab("CentralSync", "", 620)
    lost = next(path for path in sorted((store / "objects").rglob("*")) if path.is_file())
    lost.write_bytes(lost.read_bytes()[:-1])
    widget.showPanel("StorePanel")
    host.click(widget.panel("StorePanel").ui.scrubButton)
    grabber.grab("CentralSync", "Store", 720)
    widget.showPanel("RestorePanel")
    restore = widget.panel("RestorePanel").ui
    host.click(restore.searchButton)
    host.act(restore.casesTable.setCurrentCell, 0, 0)
    host.enter(restore.restorePathLineEdit, DATA / "restored")
    grabber.grab("CentralSync", "Restore", 670)
    widget.showPanel("SendPanel")


def takeExportPictures(grabber, widget):
    """Take the pages of the views and of the verification; the page of the package is in front again."""
    import slicer

    host = grabber.host
    camera = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLCameraNode")
    camera.SetPosition(0, 600, 0)
    views = widget.panel("ViewsPanel").ui
    for name, caption in (("Approach", "As the patient lies"), ("Rim of the defect", "Where the plate ends")):
        host.enter(views.nameLineEdit, name)
        host.enter(views.captionLineEdit, caption)
        host.click(views.takeButton)
    widget.showPanel("ViewsPanel")
    grabber.grab("ORExport", "Views", 520)
    slicer.mrmlScene.RemoveNode(camera)
    widget.showPanel("VerifyPanel")
    host.enter(verifying(widget).verifyPathLineEdit, DATA / "usb" / "package")
    host.click(verifying(widget).verifyButton)
    grabber.grab("ORExport", "Verify", 520)
    widget.showPanel("PackagePanel")


def takeMethodPicture(grabber, ui):
    """Take the segmentation's page with the steps of a method, the scan being shown in 3D; the page is as before."""
    host, others = grabber.host, (ui.handCollapsibleButton, ui.segmentReviewCollapsibleButton)
    host.click(ui.volumeButton)
    for isUnfolded in (True, False):
        ui.methodStepsCollapsibleButton.collapsed = not isUnfolded
        for button in others:
            button.collapsed = isUnfolded
        host.processEvents()
        if isUnfolded:
            host.act(ui.methodStepsTable.setCurrentCell, 0, 0)
            grabber.grab("PlanningHub", "Method", 930)
    host.click(ui.volumeButton)


def takeCaseListPicture(grabber, home):
    """Take the list with some more cases than the one that is open, soonest surgery first."""
    host, made = grabber.host, makeListedCases(DATA / "cases")
    home.showPanel("CasesPanel")
    host.click(cases(home).refreshButton)
    host.enter(cases(home).sortComboBox, "date of the surgery")
    grabber.grab("PlanningHub", "Cases", 620)
    removeListedCases(made)
    home.showPanel("SegmentationPanel")
    host.click(cases(home).refreshButton)


def main(arguments):
    """Command line: nothing, or a folder of CT and the operation's side."""
    if DATA.exists():
        print(f"{DATA} exists already; it would be used and removed.", file=sys.stderr)
        return 3
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PLANNINGHUB_HOME"] = str(Path(folder) / "home")
        os.environ["LOGNAME"] = "planner"
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
