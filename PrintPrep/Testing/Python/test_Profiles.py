"""Profiles of processes: every figure has a source, a site's own go before the shipped ones, bad files are refused."""

import json
import re

import pytest

from PlanningHubLib.Errors import GateRefused, InputRefused
from PrintPrepLib.Production import Profiles, SiteTables


@pytest.fixture(autouse=True)
def siteFolder(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path))
    folder = tmp_path / "profiles"
    folder.mkdir()
    return folder


def shipped(name):
    return json.loads((SiteTables._shipped("Profiles") / f"{name}.json").read_text())


def write(folder, values):
    path = folder / f"{values['name']}.json"
    path.write_text(json.dumps(values))
    path.chmod(0o644)
    return path


def test_allProcessesHaveAProfile():
    found = [Profiles.find(name) for name in Profiles.names()]
    assert {one.process for one in found} >= {"SLA", "SLS", "FDM", "MJF", "PolyJet", "metal"}
    assert all(one.external == one.implants for one in found), "only external makers make implants by default"


@pytest.mark.parametrize("name", [path.stem for path in SiteTables._shipped("Profiles").iterdir()])
def test_everyFigureHasSourceAndDate(name):
    profile = Profiles.find(name)
    for figure, (source, date) in profile.sources.items():
        assert len(source) >= 8, figure
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", date), figure
    if not profile.external:
        assert all(profile.buildVolumeMm) and profile.machineTime and profile.cost
        assert 0 < profile.layerMm <= profile.minimumEngravingDepthMm < profile.minimumEngravingHeightMm
        assert profile.minimumWallMm >= profile.layerMm


def test_externalMakersGiveNoTimeAndCost():
    profile = Profiles.find("external-titanium")
    assert profile.machineTime is None and profile.cost is None
    assert profile.sources["machineTime"][0] == "ask the maker"


def test_toleranceIsAShareButNoLessThanTheMinimum():
    profile = Profiles.find("sla-generic")
    assert profile.toleranceMm(10) == pytest.approx(0.16)
    assert profile.toleranceMm(100) == pytest.approx(0.5)
    assert profile.toleranceMm(-100) == pytest.approx(0.5)


def test_theSitesOwnGoesBeforeTheShippedOne(siteFolder):
    values = shipped("fdm-generic")
    values["figures"]["minimumWallMm"] = {"value": 0.9, "source": "our test plates", "date": "2026-01-02"}
    write(siteFolder, values)
    profile = Profiles.find("fdm-generic")
    assert (profile.minimumWallMm, profile.origin) == (0.9, "site")
    assert profile.sources["minimumWallMm"] == ("our test plates", "2026-01-02")
    write(siteFolder, {**values, "name": "fdm-ours", "implants": True})
    assert "fdm-ours" in Profiles.names()
    assert Profiles.find("fdm-ours").implants


@pytest.mark.parametrize("what", ["source", "date"])
def test_aFigureWithoutSourceOrDateIsRefused(siteFolder, what):
    values = shipped("fdm-generic")
    del values["figures"]["layerMm"][what]
    write(siteFolder, values)
    with pytest.raises(InputRefused) as refusal:
        Profiles.find("fdm-generic")
    assert refusal.value.code == "bad-profile"
    assert "layerMm" in refusal.value.message and what in refusal.value.message


def test_anUnknownProfileNamesTheKnownOnes():
    with pytest.raises(InputRefused) as refusal:
        Profiles.find("../fdm-generic")
    assert refusal.value.code == "bad-profile"
    assert "sla-generic" in refusal.value.action


def test_afileThatOthersCanChangeIsRefused(siteFolder):
    path = write(siteFolder, shipped("fdm-generic"))
    path.chmod(0o666)
    with pytest.raises(GateRefused) as refusal:
        Profiles.find("fdm-generic")
    assert refusal.value.code == "site-file-open-to-others"


def test_aFileUnderAnotherNameIsRefused(siteFolder):
    (siteFolder / "other.json").write_text(json.dumps(shipped("fdm-generic")))
    (siteFolder / "other.json").chmod(0o644)
    with pytest.raises(InputRefused, match="calls itself"):
        Profiles.find("other")
