"""What a person at a terminal sees: a progress line there, plain lines elsewhere, tables. All on standard error."""

import sys
import time

BAR_WIDTH = 24
PLAIN_INTERVAL_SECONDS = 5.0
TERMINAL_INTERVAL_SECONDS = 0.1


class Console:
    """Writes progress and messages, by default to standard error."""

    def __init__(self, stream=None):
        self._stream = stream or sys.stderr
        self._isTerminal = self._stream.isatty()
        self._lastTime = 0.0
        self._lastText = None
        self._barShown = False

    def progress(self, stepName):
        """Return a progress callable for one step."""

        def report(fraction, text):
            interval = TERMINAL_INTERVAL_SECONDS if self._isTerminal else PLAIN_INTERVAL_SECONDS
            now = time.monotonic()
            if now - self._lastTime >= interval:
                self._lastTime = now
                self._show(stepName, fraction, text)

        self._lastTime = time.monotonic()
        return report

    def _show(self, stepName, fraction, text):
        percent = f"{min(max(fraction, 0.0), 1.0):4.0%}"
        if not self._isTerminal:
            self._stream.write(f"{stepName}: {percent} {text}\n")
            return
        filled = round(BAR_WIDTH * min(max(fraction, 0.0), 1.0))
        bar = "#" * filled + "-" * (BAR_WIDTH - filled)
        self._stream.write(f"\r\x1b[2K{stepName} [{bar}] {percent} {text[:60]}")
        self._stream.flush()
        self._barShown = True

    def say(self, text):
        """Write a line, over the progress bar if there is one."""
        if self._barShown:
            self._stream.write("\r\x1b[2K")
            self._barShown = False
        self._stream.write(text + "\n")
        self._stream.flush()


def resultReport(result):
    """Return what a step made as a person reads it: the artefact, its files and findings."""
    lines = [f"{result['id']} revision {result['revision']}"]
    lines += [f"  {output['sha256'][:12]}  {output['path']}" for output in result["outputs"]]
    return "\n".join(lines + findingLines(result.get("findings", ())))


def findingLines(findings):
    """Return a line for each finding."""
    return [f"  {one['severity']} {one['code']}: {one['message']} {one['action']}".rstrip() for one in findings]


def table(rows, rightAligned=()):
    """Return rows of text as lines with aligned columns; the first row is the heading."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]

    def line(row):
        cells = (
            cell.rjust(width) if column in rightAligned else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        return "  ".join(cells).rstrip()

    return "\n".join([line(rows[0]), "  ".join("-" * width for width in widths), *map(line, rows[1:])])
