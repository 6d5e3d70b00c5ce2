"""A user of the suite's modules in the stand-in: what they do in a test, in their words."""

from pathlib import Path


class User:
    """Works in the four modules on the cases below a folder."""

    def __init__(self, host, casesFolder):
        self.host = host
        self.casesFolder = Path(casesFolder)
        self.casesFolder.mkdir(parents=True, exist_ok=True)

    def show(self, moduleName):
        """Switch to a module; returns its widget."""
        widget = self.host.selectModule(moduleName)
        if moduleName == "PlanningHub":
            self.host.enter(widget.panel("CasesPanel").ui.casesPathLineEdit, self.casesFolder)
        return widget

    def open(self, caseFolder):
        """Open a case from the list; returns the home module's widget."""
        home = self.show("PlanningHub")
        home.showPanel("CasesPanel")
        panel = home.panel("CasesPanel")
        self.host.click(panel.ui.refreshButton)
        row = [case.folder for case in panel.cases].index(Path(caseFolder))
        self.host.act(panel.ui.casesTable.setCurrentCell, row, 0)
        self.host.click(panel.ui.openButton)
        return home

    def fillImport(self, series, side="left", procedure="Cranioplasty"):
        """Fill the form of a new case; returns the home module's widget."""
        home = self.show("PlanningHub")
        home.showPanel("ImportPanel")
        ui = home.panel("ImportPanel").ui
        self.host.enter(ui.sourceKindComboBox, "Folder")
        self.host.enter(ui.sourcePathLineEdit, series)
        self.host.enter(ui.sideComboBox, side)
        self.host.enter(ui.procedureComboBox, procedure)
        return home

    def check(self, series, side="left", procedure="Cranioplasty"):
        """Have a folder of images checked; returns the home module's widget."""
        home = self.fillImport(series, side, procedure)
        self.host.click(importing(home).checkButton)
        return home

    def importSeries(self, series, side="left", procedure="Cranioplasty"):
        """Make a case of a folder of images; returns the home module's widget."""
        home = self.check(series, side, procedure)
        self.host.click(importing(home).importButton)
        return home

    def during(self, widget, action, fraction=0.0):
        """Do something once, from the event loop, when the progress bar of a module has come to a fraction."""
        import qt

        done = []

        def onProgress(value):
            # The bar also moves when it is set back to 0 before the step.
            if not done and widget.runner.running and value >= max(1, 1000 * fraction):
                done.append(value)
                qt.QTimer.singleShot(0, action)

        widget.ui.progressBar.connect("valueChanged(int)", onProgress)
        return done

    def cancelDuring(self, widget, fraction=0.0):
        """Press Cancel when the progress bar of a module has come to a fraction."""
        return self.during(widget, widget.ui.cancelButton.click, fraction)


def cases(home):
    """The widgets of the home module's case list."""
    return home.panel("CasesPanel").ui


def importing(home):
    """The widgets of the home module's import."""
    return home.panel("ImportPanel").ui


def bone(home):
    """The widgets of the home module's segmentation."""
    return home.panel("SegmentationPanel").ui


def printing(widget):
    """The widgets of the print module's page of the part that is to be made."""
    return widget.panel("PartPanel").ui


def printed(widget):
    """The widgets of the print module's page of the part that was made."""
    return widget.panel("ResultPanel").ui


def packing(widget):
    """The widgets of the export module's page that makes the package."""
    return widget.panel("PackagePanel").ui


def verifying(widget):
    """The widgets of the export module's page that verifies one."""
    return widget.panel("VerifyPanel").ui


def sending(widget):
    """The widgets of the sync module's page that sends."""
    return widget.panel("SendPanel").ui


def message(widget):
    """The text in a module's message place, empty where none is shown."""
    return "" if widget.ui.messageLabel.isHidden() else widget.ui.messageLabel.text


def tableTexts(table):
    """The rows of a table widget as tuples of text; a row that spans the table has one."""
    rows = []
    for row in range(table.rowCount):
        columns = 1 if table.columnSpan(row, 0) > 1 else table.columnCount
        rows.append(tuple(table.item(row, column).text() for column in range(columns)))
    return rows


def barTexts(widget):
    """The step bar of the home module: kind → mark."""
    return {kind: button.text[0] for kind, button in widget.stepBar.buttons.items()}


def tree(folder):
    """Path → bytes of every file below a folder, locks left out."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def sceneNodes():
    """All nodes of the scene."""
    import slicer

    scene = slicer.mrmlScene
    return [scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())]
