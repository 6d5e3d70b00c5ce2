"""ctkDoubleSpinBox, ctkDoubleSlider, ctkSliderWidget and ctkRangeWidget: numbers."""

from PySide6 import QtCore, QtWidgets

from .Played import forwarded, playsCpp, stored

_STEPS = 10000


@playsCpp
class ctkDoubleSpinBox(QtWidgets.QDoubleSpinBox):
    """A spin box for a real number."""

    valueIsChanging = QtCore.Signal(float)
    decimalsChanged = QtCore.Signal(int)


@playsCpp
class ctkDoubleSlider(QtWidgets.QWidget):
    """A slider for a real number."""

    valueChanged = QtCore.Signal(float)
    minimum = stored(float, "minimum", 0.0, "_standInShow")
    maximum = stored(float, "maximum", 99.99, "_standInShow")
    singleStep = stored(float, "singleStep", 1.0)
    pageStep = stored(float, "pageStep", 10.0)
    orientation = stored("QVariant", "orientation", QtCore.Qt.Orientation.Horizontal)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._standInReal = 0.0
        self._standInSlider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal, self)
        self._standInSlider.setRange(0, _STEPS)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._standInSlider)
        self._standInSlider.valueChanged.connect(self._standInMoved)

    def _standInMoved(self, step):
        self.setValue(self.minimum + step * (self.maximum - self.minimum) / _STEPS)

    def _standInShow(self):
        span = self.maximum - self.minimum
        if not 0 < span < float("inf"):
            return
        self._standInSlider.blockSignals(True)
        self._standInSlider.setValue(round((self._standInReal - self.minimum) / span * _STEPS))
        self._standInSlider.blockSignals(False)

    def _standInRead(self):
        return self._standInReal

    def setValue(self, value):
        """Slot: sets the value, held within minimum and maximum."""
        value = min(max(float(value), self.minimum), self.maximum)
        changed = value != self._standInReal
        self._standInReal = value
        self._standInShow()
        if changed:
            self.valueChanged.emit(value)

    value = QtCore.Property(float, _standInRead, setValue)


@playsCpp
class ctkSliderWidget(QtWidgets.QWidget):
    """A slider and a spin box with one value."""

    valueChanged = QtCore.Signal(float)
    valueIsChanging = QtCore.Signal(float)
    decimalsChanged = QtCore.Signal(int)

    decimals = forwarded(int, "_standInSpin", "decimals")
    singleStep = forwarded(float, "_standInSpin", "singleStep")
    prefix = forwarded(str, "_standInSpin", "prefix")
    suffix = forwarded(str, "_standInSpin", "suffix")
    pageStep = stored(float, "pageStep", 10.0)
    tickInterval = stored(float, "tickInterval", 0.0)
    tickPosition = stored("QVariant", "tickPosition", QtWidgets.QSlider.TickPosition.NoTicks)
    tracking = stored(bool, "tracking", True)
    popupSlider = stored(bool, "popupSlider", False)
    invertedAppearance = stored(bool, "invertedAppearance", False)
    invertedControls = stored(bool, "invertedControls", False)
    spinBoxVisible = stored(bool, "spinBoxVisible", True, "_standInShowSpin")
    spinBoxAlignment = stored("QVariant", "spinBoxAlignment", QtCore.Qt.AlignmentFlag.AlignRight)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._standInSlider = ctkDoubleSlider(self)
        self._standInSpin = ctkDoubleSpinBox(self)
        self._standInSpin.setRange(0.0, 99.99)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._standInSlider, 1)
        layout.addWidget(self._standInSpin)
        self._standInSpin.valueChanged.connect(self._standInSpinChanged)
        self._standInSlider.valueChanged.connect(self._standInSliderChanged)

    def _standInSpinChanged(self, value):
        self._standInSlider.setValue(value)
        self.valueChanged.emit(value)

    def _standInSliderChanged(self, value):
        self._standInSpin.setValue(value)

    def _standInShowSpin(self):
        self._standInSpin.setVisible(self.spinBoxVisible)

    def _standInLimit(name):  # noqa: N805 - builds the properties minimum and maximum while the class is made
        def read(self):
            return getattr(self._standInSpin, name)

        def write(self, value):
            setattr(self._standInSpin, name, float(value))
            setattr(self._standInSlider, name, float(value))

        return QtCore.Property(float, read, write)

    minimum = _standInLimit("minimum")
    maximum = _standInLimit("maximum")

    def _standInRead(self):
        return self._standInSpin.value

    def setValue(self, value):
        """Slot: sets the value, held within minimum and maximum."""
        self._standInSpin.setValue(float(value))

    value = QtCore.Property(float, _standInRead, setValue)

    def setDecimals(self, decimals):
        """Slot: number of decimals shown and kept."""
        self.decimals = decimals

    def setSpinBoxVisible(self, visible):
        """Slot: shows or hides the spin box."""
        self.spinBoxVisible = visible

    def reset(self):
        """Slot: back to zero, as far as the limits allow."""
        self.setValue(0.0)


@playsCpp
class ctkRangeWidget(QtWidgets.QWidget):
    """Two numbers, the lower never above the upper, within limits."""

    minimumValueChanged = QtCore.Signal(float)
    maximumValueChanged = QtCore.Signal(float)
    valuesChanged = QtCore.Signal(float, float)
    rangeChanged = QtCore.Signal(float, float)

    decimals = stored(int, "decimals", 2, "_standInConfigure")
    singleStep = stored(float, "singleStep", 1.0, "_standInConfigure")
    minimum = stored(float, "minimum", 0.0, "_standInConfigure")
    maximum = stored(float, "maximum", 99.99, "_standInConfigure")
    prefix = stored(str, "prefix", "", "_standInConfigure")
    suffix = stored(str, "suffix", "", "_standInConfigure")
    tickInterval = stored(float, "tickInterval", 0.0)
    tracking = stored(bool, "tracking", True)
    symmetricMoves = stored(bool, "symmetricMoves", False)
    autoSpinBoxWidth = stored(bool, "autoSpinBoxWidth", True)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._standInLow, self._standInHigh = ctkDoubleSpinBox(self), ctkDoubleSpinBox(self)
        self._standInBar = QtWidgets.QProgressBar(self)
        self._standInBar.setTextVisible(False)
        self._standInBar.setMaximumHeight(8)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for each, stretch in ((self._standInLow, 0), (self._standInBar, 1), (self._standInHigh, 0)):
            layout.addWidget(each, stretch)
        self._standInConfigure()
        self._standInHigh.setValue(99.99)
        self._standInLow.valueChanged.connect(self._standInLowChanged)
        self._standInHigh.valueChanged.connect(self._standInHighChanged)

    def _standInConfigure(self):
        for spin in (self._standInLow, self._standInHigh):
            spin.setDecimals(self.decimals)
            spin.setSingleStep(self.singleStep)
            spin.setRange(self.minimum, self.maximum)
            spin.setPrefix(self.prefix)
            spin.setSuffix(self.suffix)

    def _standInLowChanged(self, value):
        if value > self._standInHigh.value:
            self._standInHigh.setValue(value)
        self.minimumValueChanged.emit(value)
        self.valuesChanged.emit(value, self._standInHigh.value)

    def _standInHighChanged(self, value):
        if value < self._standInLow.value:
            self._standInLow.setValue(value)
        self.maximumValueChanged.emit(value)
        self.valuesChanged.emit(self._standInLow.value, value)

    def setMinimumValue(self, value):
        """Slot: sets the lower number."""
        self._standInLow.setValue(value)

    def setMaximumValue(self, value):
        """Slot: sets the upper number."""
        self._standInHigh.setValue(value)

    minimumValue = QtCore.Property(float, lambda self: self._standInLow.value, setMinimumValue)
    maximumValue = QtCore.Property(float, lambda self: self._standInHigh.value, setMaximumValue)

    def setRange(self, minimum, maximum):
        """The limits of both numbers."""
        self.minimum, self.maximum = minimum, maximum
        self.rangeChanged.emit(minimum, maximum)

    def setValues(self, minimumValue, maximumValue):
        """Slot: sets both numbers."""
        self._standInHigh.setValue(maximumValue)
        self._standInLow.setValue(minimumValue)
