"""A module's widget with one page per panel."""

import qt

from .CaseModuleWidget import CaseModuleWidget


class PagedModuleWidget(CaseModuleWidget):
    """Fills ``pagesTabWidget``; a module overrides :meth:`createLogic` and :meth:`panelClasses`."""

    def panelClasses(self):
        """Return the pages in their order: title and the class of the panel that fills it."""
        raise NotImplementedError

    def connectActions(self):
        self.panels = [panelClass(self, self._addPage(title)) for title, panelClass in self.panelClasses()]

    def _addPage(self, title):
        """Add a page that scrolls, because a module's panel is narrow and low; returns the widget to be filled."""
        page = qt.QWidget()
        qt.QVBoxLayout(page).setContentsMargins(0, 0, 0, 0)
        scrollArea = qt.QScrollArea()
        scrollArea.setWidget(page)
        scrollArea.widgetResizable = True
        scrollArea.frameShape = qt.QFrame.NoFrame
        scrollArea.horizontalScrollBarPolicy = qt.Qt.ScrollBarAlwaysOff
        self.ui.pagesTabWidget.addTab(scrollArea, title)
        return page

    def panel(self, panelClass):
        """Return the panel of a class, by the class or its name."""
        return next(one for one in self.panels if panelClass in (type(one), type(one).__name__))

    def showPanel(self, panelClass):
        """Turn to the page of a panel."""
        self.ui.pagesTabWidget.currentIndex = self.panels.index(self.panel(panelClass))

    def guis(self):
        return [self.ui, *(panel.ui for panel in self.panels)]

    def showCase(self, case):
        for panel in self.panels:
            panel.showCase(case)

    def updateActions(self):
        for panel in self.panels:
            panel.updateActions()

    def forget(self):
        for panel in self.panels:
            panel.forget()
