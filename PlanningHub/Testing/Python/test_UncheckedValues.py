"""pydicom's judgement of values is off where it has to be, and on again afterwards, whatever threads do."""

import threading

import pydicom
import pytest
from pydicom.config import IGNORE, settings

from PlanningHubLib.UncheckedValues import uncheckedValues


def modes():
    return settings.reading_validation_mode, settings.writing_validation_mode


def overlapping(switch):
    """Enter in two threads; the first to enter is the first to leave."""
    bothInside, entered, firstIsOut = threading.Barrier(2, timeout=10), threading.Event(), threading.Event()

    def first():
        with switch():
            entered.set()
            bothInside.wait()
        firstIsOut.set()

    thread = threading.Thread(target=first)
    thread.start()
    assert entered.wait(10)
    with switch():
        bothInside.wait()
        assert firstIsOut.wait(10)
        inside = modes()
    thread.join()
    return inside


@pytest.fixture
def asBefore():
    before = settings._reading_validation_mode, settings._writing_validation_mode
    yield modes()
    settings._reading_validation_mode, settings._writing_validation_mode = before


def test_twoThreadsLeaveItAsItWas(asBefore):
    assert overlapping(uncheckedValues) == (IGNORE, IGNORE)
    assert modes() == asBefore != (IGNORE, IGNORE)


def test_pydicomsOwnSwitchStaysOff(asBefore):
    """Why there is one of ours."""
    overlapping(pydicom.config.disable_value_validation)
    assert modes() == (IGNORE, IGNORE)


def test_anErrorInsideTurnsItOnAgain(asBefore):
    with pytest.raises(KeyError), uncheckedValues(), uncheckedValues():
        raise KeyError
    assert modes() == asBefore
