"""Which part of some work takes how much of the processors' time, that of child processes included."""

import contextlib
import resource
import time


def cpuSeconds():
    """Return the processors' seconds of this process, all its threads, and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


class Shares:
    """Processor seconds by name, in the order in which they came up."""

    def __init__(self):
        self.seconds = {}

    @contextlib.contextmanager
    def of(self, name):
        """Count what is done inside the block; blocks do not lie within each other."""
        start = cpuSeconds()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + cpuSeconds() - start

    def counted(self, name, function):
        """Return a function that does the same and is counted."""

        def wrapped(*arguments, **named):
            with self.of(name):
                return function(*arguments, **named)

        return wrapped

    def text(self, whole):
        """Return the shares in words, the largest first, with the rest of a whole."""
        ranked = sorted(self.seconds.items(), key=lambda one: -one[1])
        rest = whole - sum(self.seconds.values())
        return ", ".join(f"{name} {seconds:.1f}" for name, seconds in [*ranked, ("rest", rest)])
