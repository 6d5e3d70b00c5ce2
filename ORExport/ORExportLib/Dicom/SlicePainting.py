"""Slices with marks and words painted into their values: bright lines within dark ones, visible in every window."""

import numpy

from ..BurnedText import textBlock

# Rows of the image per line of text, and how small text may get.
ROWS_PER_LINE, LEAST_TEXT_PIXELS = 36, 9
# What share of the image's height the list of marks may take.
LEGEND_SHARE = 0.4
# Up to so many rows, dark lines around bright ones are one pixel wide, else two.
FINE_ROWS = 320
COVERED = 0.4


class Painter:
    """Paints the slices of a series.

    :param marks: list of :class:`ORExportLib.Dicom.SliceMarks.Mark`
    :param shape: slices, rows, columns
    :param words: lines that stand in the first corner of every slice
    :param bright: value of lines and letters, ``dark`` of what surrounds them
    """

    def __init__(self, marks, shape, words, bright, dark):
        self._marks = marks
        self._shape = shape
        self._bright, self._dark = bright, dark
        self._textPixels = max(LEAST_TEXT_PIXELS, shape[1] // ROWS_PER_LINE)
        self._halo = 1 if shape[1] <= FINE_ROWS else 2
        self._words = textBlock(words, self._textPixels, shape[2])
        self._bounds = [numpy.searchsorted(mark.pixels[:, 0], numpy.arange(shape[0] + 1)) for mark in marks]

    def painted(self, number, values):
        """Return a copy of the values (rows, columns) of a slice with everything painted that belongs on it."""
        # With a margin, so that nothing that is painted has to be cut at the image's edge.
        canvas = numpy.pad(values, self._halo)
        shown = {}
        for index, (mark, bounds) in enumerate(zip(self._marks, self._bounds, strict=True), 1):
            pixels = mark.pixels[bounds[number] : bounds[number + 1], 1:]
            if len(pixels):
                shown[index] = (mark, pixels)
        if shown:
            self._paintPixels(canvas, *numpy.concatenate([pixels for _mark, pixels in shown.values()]).T)
            self._paintNumbers(canvas, shown)
            self._paintLegend(canvas, shown)
        painted = canvas[self._halo : -self._halo, self._halo : -self._halo]
        self._paintBox(painted, self._words)
        return painted

    def _paintPixels(self, canvas, rows, columns):
        """Paint pixels bright, and those around them dark."""
        reach = range(2 * self._halo + 1)
        for down in reach:
            for right in reach:
                canvas[rows + down, columns + right] = self._dark
        canvas[rows + self._halo, columns + self._halo] = self._bright

    def _paintNumbers(self, canvas, shown):
        """Put each mark's number to the right of it, below what stands there already."""
        taken = []
        for index, (_mark, pixels) in shown.items():
            block = textBlock([str(index)], self._textPixels, self._shape[2])
            row, column = pixels[pixels[:, 1].argmax()] + (-len(block) // 2, self._halo + 2)
            while any(abs(row - top) < len(block) and abs(column - left) < block.shape[1] for top, left in taken):
                row += len(block)
            row, column = self._within(block, row, column)
            taken.append((row, column))
            self._paintBlock(canvas, block, row, column)

    def _within(self, block, row, column):
        limits = (self._shape[1] - len(block), self._shape[2] - block.shape[1])
        return tuple(int(max(0, min(place, limit))) for place, limit in zip((row, column), limits, strict=True))

    def _paintLegend(self, canvas, shown):
        lines = [f"{index} {mark.name} ({mark.kind})" for index, (mark, _pixels) in shown.items()]
        most = max(1, int(self._shape[1] * LEGEND_SHARE / (1.2 * self._textPixels)))
        if len(lines) > most:
            lines = [*lines[: most - 1], f"and {len(lines) - most + 1} more"]
        block = textBlock(lines, self._textPixels, self._shape[2])
        self._paintBlock(canvas, block, *self._within(block, self._shape[1], 0))

    def _paintBlock(self, canvas, block, row, column):
        rows, columns = numpy.nonzero(block[: self._shape[1] - row, : self._shape[2] - column] > COVERED)
        self._paintPixels(canvas, rows + row, columns + column)

    def _paintBox(self, values, block):
        part = values[: len(block), : block.shape[1]]
        part[...] = numpy.where(block[: len(part), : part.shape[1]] > COVERED, self._bright, self._dark)
