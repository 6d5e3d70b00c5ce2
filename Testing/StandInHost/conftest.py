"""Fixtures of the stand-in's own tests."""

from pathlib import Path

import pytest

SAMPLE_MODULE = Path(__file__).parent / "SampleModule" / "SampleModule.py"


@pytest.fixture(scope="module")
def stoppedHost():
    """After the test file the stand-in is stopped, so that other tests find slicer-core as it is."""
    pytest.importorskip("PySide6")
    from StandInHost import Host

    yield
    Host.start().stop()


@pytest.fixture
def host(stoppedHost):
    """The stand-in with an empty scene, no messages and no queued answers."""
    from StandInHost import Host

    host = Host.start()
    host.closeScene()
    host.forget()
    return host


@pytest.fixture
def sample(host):
    """The panel of the sample module, selected."""
    host.loadModule(SAMPLE_MODULE)
    return host.selectModule("SampleModule")


@pytest.fixture
def addVolume(host):
    """Adds a 10×10×10 volume whose voxels count from 0 to 999 HU."""
    import numpy
    import slicer

    def add(name="CT"):
        voxels = numpy.arange(1000, dtype="int16").reshape(10, 10, 10)
        return slicer.util.addVolumeFromArray(voxels, name=name)

    return add
