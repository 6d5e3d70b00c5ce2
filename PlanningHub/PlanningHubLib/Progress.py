"""Progress of long work: a callable ``progress(fraction, text)`` that may raise ``Cancelled``."""


def noProgress(fraction, text):
    """Report to nobody."""


def part(progress, start, stop):
    """Return a progress callable whose 0..1 fills ``start..stop`` of the given one."""

    def report(fraction, text):
        progress(start + (stop - start) * fraction, text)

    return report
