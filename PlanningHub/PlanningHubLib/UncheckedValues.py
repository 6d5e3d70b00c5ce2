"""DICOM values taken as they are: pydicom neither judges nor warns, since its warnings hold them, a name among them."""

import contextlib
import threading

_lock = threading.Lock()
_inside, _outermost = 0, contextlib.ExitStack()


@contextlib.contextmanager
def uncheckedValues():
    """Read and write values without pydicom's judgement, in any number of threads at the same time.

    pydicom's switch is one for the whole process, and each user of it puts back what it found: of two that overlap, the
    second leaves it off for good. Here the last one out puts back what the first one found.
    """
    global _inside
    import pydicom

    with _lock:
        if _inside == 0:
            _outermost.enter_context(pydicom.config.disable_value_validation())
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _outermost.close()
