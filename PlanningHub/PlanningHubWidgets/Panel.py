"""One page of a module's widget, with a .ui file of its own."""

import slicer


class Panel:
    """Shows one side of the active case and runs the steps that belong to it.

    A panel overrides :meth:`connectActions`, :meth:`showCase` and :meth:`updateActions`; its .ui file is named after
    its class. Widgets with a ``SlicerParameterName`` are bound to the module's parameter node.

    :param module: the :class:`PlanningHubWidgets.CaseModuleWidget.CaseModuleWidget` that it belongs to: it has the
        active case, the parameter node, the logic, and :meth:`runStep`
    :param page: widget with a layout, which the panel fills
    """

    def __init__(self, module, page):
        self.module = module
        self.page = page
        self.widget = slicer.util.loadUI(module.resourcePath(f"UI/{type(self).__name__}.ui"))
        page.layout().addWidget(self.widget)
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self.connectActions()

    def connectActions(self):
        """Connect the panel's own buttons."""
        raise NotImplementedError

    def showCase(self, case):
        """Show what the panel has to say of a case, or of none (None)."""
        raise NotImplementedError

    def updateActions(self):
        """Enable what can be done now."""
        raise NotImplementedError

    def forget(self):
        """Let go of what was entered or prepared: the scene closes, or the module does."""
