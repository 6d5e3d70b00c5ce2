"""What was scanned is judged again without a scan, and imported only as it was judged."""

import os
import tempfile

import pytest
from CaseMaking import tree
from VerdictMaking import headVoxels, writeEllipsoid, writeHead

from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import Cancelled, InputRefused
from PlanningHubLib.Import import examine, importVerdict, importVerdictIntoNewFolder, rejudge
from PlanningHubLib.Thumbnails import verdictThumbnails


@pytest.fixture
def twoSeries(tmp_path):
    writeHead(tmp_path / "study" / "fine", SeriesInstanceUID="1.2.3.1", Laterality="R")
    writeHead(tmp_path / "study" / "coarse", headVoxels()[::2], (0.5, 0.5, 2.0), SeriesInstanceUID="1.2.3.2")
    return tmp_path / "study"


@pytest.mark.parametrize("uid", ["1.2.3.1", "1.2.3.2", "1.2.3.9", None])
@pytest.mark.parametrize("side", ["left", "right"])
def test_judgedAgainIsJudgedTheSame(twoSeries, uid, side):
    verdict = examine(twoSeries, procedure="mandible", side=side)
    assert rejudge(verdict, uid, side).asDict() == examine(twoSeries, uid, procedure="mandible", side=side).asDict()


def test_theNoteOnTheLimitsIsSaidAgain(twoSeries):
    verdict = examine(twoSeries, procedure="our own operation")
    assert "general-limits" in {finding.code for finding in rejudge(verdict, "1.2.3.1").findings}


def test_aRepairAgreedToIsThatOfTheCommand(tmp_path):
    scan = writeEllipsoid(tmp_path / "tilted", tiltDegrees=12.0)
    verdict = examine(scan)
    assert verdict.word == "reject" and verdict.mayBeRepaired
    again = rejudge(verdict, verdict.chosen.uid, repair=True)
    assert again.asDict() == examine(scan, repair=True).asDict() and not again.mayBeRepaired
    importVerdict(again, tmp_path / "case")
    assert Case.open(tmp_path / "case").latest("source").facts["repair"]["tiltDegrees"] == pytest.approx(12, abs=0.1)


@pytest.mark.parametrize("faults", [{"tiltDegrees": 40.0}, {"tiltDegrees": 0.0}])
def test_noRepairIsOfferedWhereNoneHelps(tmp_path, faults):
    assert not examine(writeEllipsoid(tmp_path / "ct", **faults)).mayBeRepaired


@pytest.mark.parametrize("change", ["touched", "replaced", "removed"])
def test_filesThatChangedSinceAreNotImported(twoSeries, tmp_path, change):
    verdict = examine(twoSeries, "1.2.3.1")
    path = sorted((twoSeries / "fine").iterdir())[3]
    if change == "touched":
        os.utime(path, ns=(1, 1))
    elif change == "replaced":
        path.write_bytes(path.read_bytes() + b"\0\0")
    else:
        path.unlink()
    with pytest.raises(InputRefused) as refused:
        importVerdictIntoNewFolder(verdict, tmp_path / "cases")
    assert refused.value.code == "images-changed" and refused.value.files == [str(path)]
    assert tree(tmp_path / "cases") == {}
    # The other series did not change.
    folder = importVerdictIntoNewFolder(rejudge(verdict, "1.2.3.2"), tmp_path / "cases", "left", "mandible")
    with Case.open(folder) as case:
        assert (case.folder.name, case.side, case.procedure) == (case.name, "left", "mandible")


@pytest.mark.parametrize("stage", ["Reading headers", "Judging", "Looking at a sample"])
def test_cancelledNothingUnpackedStays(twoSeries, tmp_path, monkeypatch, stage):
    import shutil

    archive = shutil.make_archive(str(tmp_path / "study"), "zip", twoSeries / "fine")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))

    def cancel(_fraction, text):
        if text.startswith(stage):
            raise Cancelled

    with pytest.raises(Cancelled):
        examine(archive, progress=cancel)
    assert list((tmp_path / "temporary").iterdir()) == []


def test_everySeriesThatCanBeShownHasAPicture(twoSeries, tmp_path):
    writeHead(twoSeries / "blind", SeriesInstanceUID="1.2.3.3", Rows=None)
    pictures = verdictThumbnails(examine(twoSeries))
    assert set(pictures) == {"1.2.3.1", "1.2.3.2"}
    assert all(picture.startswith(b"\x89PNG") for picture in pictures.values())
