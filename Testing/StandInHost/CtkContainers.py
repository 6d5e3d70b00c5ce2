"""ctkCollapsibleButton and ctkCollapsibleGroupBox: a header that shows and hides what is below it."""

from PySide6 import QtCore, QtGui, QtWidgets

from .Played import playsCpp, stored

HEADER_HEIGHT = 24
_HIDDEN_BY_COLLAPSE = "_standInHiddenByCollapse"


def showContents(container, show):
    """Hides the visible children of a container, or shows again those that it hid."""
    for child in container.children():
        if not isinstance(child, QtWidgets.QWidget):
            continue
        if not show and not child.isHidden():
            child.setProperty(_HIDDEN_BY_COLLAPSE, True)
            child.hide()
        elif show and child.property(_HIDDEN_BY_COLLAPSE):
            child.setProperty(_HIDDEN_BY_COLLAPSE, None)
            child.show()


def paintHeader(painter, rectangle, text, expanded, palette):
    """The shaded bar with a triangle and the title, as CTK draws it."""
    gradient = QtGui.QLinearGradient(0, rectangle.top(), 0, rectangle.bottom())
    gradient.setColorAt(0, palette.color(QtGui.QPalette.ColorRole.Button).lighter(104))
    gradient.setColorAt(1, palette.color(QtGui.QPalette.ColorRole.Button).darker(108))
    painter.setBrush(gradient)
    painter.setPen(palette.color(QtGui.QPalette.ColorRole.Mid))
    painter.drawRoundedRect(rectangle.adjusted(0, 0, -1, -1), 3, 3)
    middle = rectangle.center().y()
    points = [(8, -4), (18, -4), (13, 4)] if expanded else [(9, -5), (9, 5), (17, 0)]
    painter.setBrush(palette.color(QtGui.QPalette.ColorRole.ButtonText))
    painter.setPen(QtCore.Qt.PenStyle.NoPen)
    painter.drawPolygon(QtGui.QPolygon([QtCore.QPoint(x, middle + y) for x, y in points]))
    painter.setPen(palette.color(QtGui.QPalette.ColorRole.ButtonText))
    painter.drawText(rectangle.adjusted(26, 0, -6, 0), QtCore.Qt.AlignmentFlag.AlignVCenter, text.replace("&&", "&"))


@playsCpp
class ctkCollapsibleButton(QtWidgets.QAbstractButton):
    """A section of a module panel."""

    contentsCollapsed = QtCore.Signal(bool)
    collapsed = stored(bool, "collapsed", False, "_standInCollapse", notify=contentsCollapsed)
    collapsedHeight = stored(int, "collapsedHeight", 0, "_standInCollapse")
    flat = stored(bool, "flat", False, "update")
    contentsFrameShape = stored("QVariant", "contentsFrameShape", QtWidgets.QFrame.Shape.NoFrame, "update")
    contentsFrameShadow = stored("QVariant", "contentsFrameShadow", QtWidgets.QFrame.Shadow.Plain, "update")
    contentsLineWidth = stored(int, "contentsLineWidth", 1, "update")
    contentsMidLineWidth = stored(int, "contentsMidLineWidth", 0, "update")
    buttonTextAlignment = stored("QVariant", "buttonTextAlignment", QtCore.Qt.AlignmentFlag.AlignLeft, "update")
    indicatorAlignment = stored("QVariant", "indicatorAlignment", QtCore.Qt.AlignmentFlag.AlignLeft, "update")

    def __init__(self, textOrParent=None, parent=None):
        title = textOrParent if isinstance(textOrParent, str) else ""
        super().__init__(parent if isinstance(textOrParent, str) else textOrParent)
        self.setText(title)
        self.setCheckable(True)
        self.setChecked(True)
        self.setContentsMargins(0, HEADER_HEIGHT, 0, 0)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Preferred, QtWidgets.QSizePolicy.Policy.Preferred)
        self.toggled.connect(self._standInToggled)

    def _standInToggled(self, checked):
        self.collapsed = not checked

    def _standInCollapse(self):
        collapsed = self.collapsed
        self.setChecked(not collapsed)
        showContents(self, not collapsed)
        limit = HEADER_HEIGHT + self.collapsedHeight if collapsed else 16777215
        self.setMaximumHeight(limit)
        self.updateGeometry()
        self.contentsCollapsed.emit(collapsed)

    def childEvent(self, event):
        super().childEvent(event)
        if self.collapsed and event.type() == QtCore.QEvent.Type.ChildPolished:
            showContents(self, False)

    def hitButton(self, position):
        return position.y() < HEADER_HEIGHT

    def minimumSizeHint(self):
        layout = self.layout()
        size = layout.totalMinimumSize() if layout is not None and not self.collapsed else QtCore.QSize(80, 0)
        return size.expandedTo(QtCore.QSize(80, HEADER_HEIGHT))

    def sizeHint(self):
        layout = self.layout()
        size = layout.totalSizeHint() if layout is not None and not self.collapsed else QtCore.QSize(80, 0)
        return size.expandedTo(QtCore.QSize(80, HEADER_HEIGHT))

    def paintEvent(self, _event):
        painter = QtGui.QPainter(self)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        header = QtCore.QRect(0, 0, self.width, HEADER_HEIGHT - 2)
        paintHeader(painter, header, self.text, not self.collapsed, self.palette)
        painter.end()


@playsCpp
class ctkCollapsibleGroupBox(QtWidgets.QGroupBox):
    """A group box with a check box that folds it."""

    collapsed = stored(bool, "collapsed", False, "_standInCollapse")
    collapsedHeight = stored(int, "collapsedHeight", 14, "_standInCollapse")

    def __init__(self, titleOrParent=None, parent=None):
        title = titleOrParent if isinstance(titleOrParent, str) else ""
        super().__init__(title, parent if isinstance(titleOrParent, str) else titleOrParent)
        self.setCheckable(True)
        self.toggled.connect(self._standInToggled)

    def _standInToggled(self, checked):
        self.collapsed = not checked

    def _standInCollapse(self):
        collapsed = self.collapsed
        self.setChecked(not collapsed)
        showContents(self, not collapsed)
        self.setMaximumHeight(self.fontMetrics().height() + self.collapsedHeight if collapsed else 16777215)
