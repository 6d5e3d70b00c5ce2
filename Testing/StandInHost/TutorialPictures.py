"""Makes the pictures of the cranioplasty's tutorial: `python -m StandInHost.TutorialPictures <CT folder>`.

The CT is the public example of a head with a defect on the patient's right. The widgets are driven through the whole
case; what the surgeon sees in the views is drawn from the case that they made.
"""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from .GovernancePictures import PASSPHRASE, SIGNERS
from .grabModules import DATA, MODULES, PROJECT, WIDTH, _flatten
from .OutcomePictures import takeOutcome
from .User import User, importing, message, packing, printing, sending, tableTexts, verifying

PICTURES = PROJECT / "PlanningHub" / "Tutorial" / "Pictures"
SIDE, HEALTHY_SIDE, PROCEDURE, SKULL = "right", "left", "Cranioplasty", "Skull"
VIEW_SIZE, SLICE_SIZE = (560, 560), (1440, 1440)
# Of the slice's picture, what holds the defect: left, upper, right, lower edge as shares.
CROP = (0.18, 0.06, 0.58, 0.46)
OUTLINES = ((0.95, 0.75, 0.2), (0.1, 0.8, 1.0))
NAME_OF_THICKER = "Thicker, wider gap"
# A name is drawn anew for each case: with this one, a picture that is made again goes with those that are not.
CASE_NAME = "PH-QDPYNPWC-DHMQ"


class Tutorial:
    """A surgeon who works through the case; each page is taken where the tutorial shows it."""

    def __init__(self, host, scan):
        self.host, self.scan = host, scan
        self.user = User(host, DATA / "cases")
        self.folder = None

    def grab(self, name, height, module="PlanningHub", width=WIDTH):
        path = PICTURES / f"{name}.png"
        self.host.grab(self.host.widget(module), path, size=(width, height))
        _flatten(path)

    def page(self, name):
        """Turn to a page of the home module; return the module's widget and the page's widgets."""
        home = self.user.show("PlanningHub")
        home.showPanel(name)
        return home, home.panel(name).ui

    def takeImport(self):
        home = self.user.check(self.scan, SIDE, PROCEDURE)
        self.grab("Import", 850)
        self.host.click(importing(home).importButton)
        self.folder = home.activeFolder()

    def takeSegmentation(self):
        home, ui = self.page("SegmentationPanel")
        self.choose(ui.structuresTable, SKULL)
        self.host.click(ui.segmentButton)
        said(home, "is segmented")
        self.grab("Segmentation", 840)

    def choose(self, table, name):
        names = [row[0] for row in tableTexts(table)]
        self.host.act(table.setCurrentCell, names.index(name), 0)

    def edit(self, home, **values):
        editors = home.panel("PlanPanel")._form.editors
        for key, value in values.items():
            self.host.enter(editors[key].edit, value)

    def fold(self, ui, *shown):
        """Show only some of the page's sections."""
        for name in ("plan", "steps", "step", "result", "lists", "variants"):
            getattr(ui, f"{name}CollapsibleButton").collapsed = name not in shown
        self.host.processEvents()

    def takePlan(self):
        home, ui = self.page("PlanPanel")
        self.host.click(ui.templateButton)
        self.choose(ui.stepsTable, "Mirrored skull")
        self.fold(ui, "plan", "steps", "step")
        self.host.click(ui.carryOutButton)
        said(home, "Say from which side to mirror")
        self.choose(ui.stepsTable, "Mirrored skull")
        self.grab("MirrorRefused", 820)
        # The step's own field is called as a word of the language.
        self.edit(home, **{"from": HEALTHY_SIDE})
        self.host.click(ui.applyButton)
        self.carryOutAndKeep(home, ui, "Plate")
        self.fold(ui, "steps", "result")
        self.grab("Plate", 830)

    def carryOutAndKeep(self, home, ui, name):
        self.host.click(ui.carryOutButton)
        said(home, "The plan is carried out")
        self.choose(ui.stepsTable, name)
        self.host.click(ui.keepButton)
        said(home, "The plan is kept.")
        self.choose(ui.stepsTable, name)

    def takeVariant(self):
        home, ui = self.page("PlanPanel")
        self.choose(ui.stepsTable, "Plate")
        self.fold(ui, "step", "steps")
        self.edit(home, clearanceMm=1.0, thicknessMm=5.0)
        self.grab("Adjust", 850)
        self.host.click(ui.applyButton)
        self.host.enter(ui.titleLineEdit, NAME_OF_THICKER)
        self.carryOutAndKeep(home, ui, "Plate")
        self.fold(ui, "variants")
        rows = [row[0] for row in tableTexts(ui.compareTable)]
        first = next(number for number, name in enumerate(rows) if name.startswith("Plate: "))
        # So far down that the plate's figures are the ones in sight.
        self.host.act(ui.compareTable.setCurrentCell, first + 9, 0)
        self.grab("Variants", 740, width=620)
        self.host.act(ui.variantsTable.setCurrentCell, 0, 0)
        self.host.click(ui.openVariantButton)
        # The plan that counts is the one kept last.
        self.carryOutAndKeep(home, ui, "Plate")

    def sign(self):
        home, ui = self.page("ApprovalPanel")
        for name in SIGNERS:
            self.host.act(setattr, ui.userComboBox, "currentText", name)
            self.host.enter(ui.passphraseLineEdit, PASSPHRASE)
            self.host.click(ui.approveButton)
            said(home, f"Signed by {name}.")
        return home

    def makeKeys(self):
        """Make the two people's keys and enter them in the site's configuration, as an administrator does."""
        from PlanningHubLib.Signing import createKey

        users = [
            {"name": name, "roles": [role], "publicKey": createKey(name, PASSPHRASE).publicKey}
            for name, role in SIGNERS.items()
        ]
        path = Path(os.environ["PLANNINGHUB_HOME"]) / "site.json"
        path.write_text(json.dumps({"format": "planninghub-site", "version": 1, "users": users, "approvals": []}))
        path.chmod(0o644)

    def takeApproval(self):
        self.sign()
        self.takePart()
        self.sign()
        self.page("ApprovalPanel")
        self.grab("Approval", 560)

    def takePart(self):
        part = self.user.show("PrintPrep")
        self.host.enter(printing(part).objectComboBox, "Plate (plan)")
        self.host.click(printing(part).partButton)
        said(part, "The part is made")
        self.grab("Part", 560, "PrintPrep")

    def takePackage(self):
        package = self.user.show("ORExport")
        self.host.enter(packing(package).outPathLineEdit, DATA / "usb" / "package")
        self.host.click(packing(package).packageButton)
        said(package, "The package is saved")
        self.host.enter(verifying(package).verifyPathLineEdit, DATA / "usb" / "package")
        self.host.click(verifying(package).verifyButton)
        self.grab("Package", 720, "ORExport")
        store = self.user.show("CentralSync")
        self.host.enter(store.ui.storeLineEdit, str(DATA / "central-store"))
        self.host.click(sending(store).sendButton)
        said(store, "read back and equal")


def said(widget, words):
    """Stop where the module did not say what the tutorial shows."""
    if words not in message(widget):
        raise SystemExit(f"expected {words!r}, and the module said: {message(widget)}")


def takeViews(folder):
    """Draw what the views show of the case's plan: skull, mirrored side, plate; and the slice through the defect."""
    from PlanningHubLib.Case import Case
    from PlanningHubLib.Pictures import Studio
    from PlanningHubLib.Planning import Plan
    from PlanningHubLib.Planning.Context import Context
    from PlanningHubLib.Session import Session
    from PlanningHubLib.Volumes import loadSource

    with Session.start() as session, Case.open(folder) as case:
        context = Context.ofCase(case, session)
        skull = context.solid(SKULL)
        context.close(session.scene)
        solids = {one.name: one for one in Plan.readObjects(case, session, case.latest("plan")) if hasattr(one, "mesh")}
        mirrored, plate = solids["Mirrored skull"], solids["Plate"]
        with Studio() as studio:
            studio.addSurface(skull.mesh.toPolyData(), SKULL, skull.color)
            view(studio, "Skull", "anterior")
            shown = studio.addSurface(mirrored.mesh.toPolyData(), mirrored.name, mirrored.color, 0.45)
            view(studio, "Mirror", "anterior")
            shown.GetDisplayNode().SetVisibility(False)
            studio.addSurface(plate.mesh.toPolyData(), plate.name, plate.color)
            view(studio, "PlateFront", "anterior")
            view(studio, "PlateRight", "right")
        with Studio() as studio:
            for one, color in ((skull, OUTLINES[0]), (plate, OUTLINES[1])):
                studio.addSurface(one.mesh.toPolyData(), one.name, color)
            volume = studio.addVolume(loadSource(case, session, case.latest("source")))
            path = PICTURES / "Slice.png"
            studio.takeSlice(volume, path, "Axial", sum(end[2] for end in plate.mesh.boundsMm) / 2, SLICE_SIZE)
            shrunk(path, CROP)


def view(studio, name, direction):
    path = PICTURES / f"{name}.png"
    studio.takeThreeD(path, direction, VIEW_SIZE)
    shrunk(path, (0, 0, 1, 1))


def shrunk(path, edges):
    """Cut a picture down to a part of it (left, upper, right, lower edge as shares), in 256 colors."""
    from PIL import Image

    with Image.open(path) as picture:
        box = [round(share * size) for share, size in zip(edges, picture.size * 2, strict=True)]
        part = picture.convert("RGB").crop(box)
    part.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def nameCases():
    """Let new cases be called as the tutorial's is."""
    from PlanningHubLib import Identity

    Identity.caseName = lambda _code, _caseId: CASE_NAME


def main(arguments):
    """Command line: the folder of the CT."""
    if len(arguments) != 1 or DATA.exists():
        print(f"Give the folder of the CT; {DATA} must not exist: it is used and removed.", file=sys.stderr)
        return 3
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PLANNINGHUB_HOME"], os.environ["LOGNAME"] = str(Path(folder) / "home"), "anna"
        from StandInHost import Host

        host = Host.start()
        nameCases()
        for name in MODULES:
            host.loadModule(PROJECT / name / f"{name}.py")
        try:
            shutil.copytree(arguments[0], DATA / "ct")
            tutorial = Tutorial(host, DATA / "ct")
            tutorial.makeKeys()
            for take in (tutorial.takeImport, tutorial.takeSegmentation, tutorial.takePlan, tutorial.takeVariant,
                         tutorial.takeApproval, tutorial.takePackage):  # fmt: skip
                take()
                print(take.__name__, flush=True)
            takeViews(tutorial.folder)
            takeOutcome(tutorial)
        finally:
            host.stop()
            shutil.rmtree(DATA, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
