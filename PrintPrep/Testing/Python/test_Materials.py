"""Materials and sterilization: every rule of the table is reached, unsafe choices block, the site's list goes first."""

import json
import re

import pytest

from PlanningHubLib.Errors import GateRefused, InputRefused
from PrintPrepLib.Production import Materials, Profiles, SiteTables
from PrintPrepLib.Recipe import newRecipe

SHIPPED = [path.stem for path in SiteTables._shipped("Materials").iterdir()]
RULES = [
    (name, rule)
    for name in sorted(SHIPPED)
    for rule in json.loads((SiteTables._shipped("Materials") / f"{name}.json").read_text("utf-8"))["rules"]
]
LISTINGS = [
    (name, use, contact)
    for name in sorted(SHIPPED)
    for one in json.loads((SiteTables._shipped("Materials") / f"{name}.json").read_text("utf-8"))["listed"]
    for use in one["uses"]
    for contact in one["contacts"]
    if (use == "implant") == (contact == "implanted")
]
PROCESS_PROFILES = {
    "SLA": "sla-generic", "SLS": "sls-generic", "FDM": "fdm-generic", "MJF": "mjf-hp-4200",
    "PolyJet": "polyjet-objet500", "metal": "external-titanium", "machining": "external-peek",
}  # fmt: skip


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path))
    return tmp_path


def recipeOf(material="sla-formlabs-surgical-guide", use="guide", contact="tissue-or-bone", method="steam",
             temperatureC=121):  # fmt: skip
    sterilisation = method and {"method": method, "temperatureC": temperatureC}
    return newRecipe(material=material, use=use, contact=contact, sterilisation=sterilisation)


def profileFor(material):
    return Profiles.find(PROCESS_PROFILES[Materials.find(material).process])


def codes(findings, *severities):
    return [one.code for one in findings if not severities or one.severity in severities]


def writeCycles(home, *cycles):
    path = home / "cycles.json"
    path.write_text(json.dumps({"format": "planninghub-cycles", "version": 1, "cycles": list(cycles)}))
    path.chmod(0o644)
    return path


@pytest.mark.parametrize(("name", "rule"), RULES, ids=lambda one: one if isinstance(one, str) else "")
def test_everyRuleOfTheTableIsReached(name, rule):
    """Its source and date stand in what a user is told, and its verdict counts."""
    finding = Materials.cycleFinding(Materials.find(name), rule["method"], rule["temperatureC"])
    assert f"{rule['saidBy']}: {rule['source']}, {rule['date']}" in finding.message
    expected = {
        "accepted": ("sterilisation-accepted", "sources-disagree"),
        "not": ("unsafe-sterilisation", "sources-disagree"),
        "unknown": ("not-validated",),
    }
    assert finding.code in expected[rule["verdict"]]


@pytest.mark.parametrize(("name", "use", "contact"), LISTINGS)
def test_everyListingIsReached(name, use, contact):
    recipe = recipeOf(name, use, contact, None)
    findings = Materials.judge(recipe, "anatomy", profileFor(name))
    assert not {"use-not-listed", "contact-not-listed", "wrong-process"} & set(codes(findings))


@pytest.mark.parametrize(
    ("name", "method", "temperatureC", "code"),
    [
        ("sls-3d-systems-pa12", "steam", 134, "sterilisation-accepted"),
        ("polyjet-stratasys-med610", "steam", 121, "sterilisation-accepted"),
        ("polyjet-stratasys-med610", "steam", 134, "sources-disagree"),
        ("sla-formlabs-surgical-guide", "steam", 134, "sources-disagree"),
        ("sla-formlabs-elastic-50", "steam", 134, "sources-disagree"),
        ("sla-formlabs-durable", "steam", 134, "unsafe-sterilisation"),
        ("sla-formlabs-flexible-80", "hydrogen-peroxide", 50, "unsafe-sterilisation"),
        ("polyjet-stratasys-vero", "steam", 134, "sterilisation-accepted"),
        ("fdm-kimya-pla", "hydrogen-peroxide", None, "sterilisation-accepted"),
        ("fdm-kimya-pla", "steam", 121, "unsafe-sterilisation"),
        ("fdm-polyamide", "steam", 121, "unsafe-sterilisation"),
        ("fdm-polyamide", "steam", 134, "unsafe-sterilisation"),
        ("sls-3d-systems-pa12", "steam", 143, "not-validated"),
        ("sls-3d-systems-pa12", "ethylene-oxide", None, "not-validated"),
    ],
)
def test_verdictsOfTheStudysTable(name, method, temperatureC, code):
    assert Materials.cycleFinding(Materials.find(name), method, temperatureC).code == code


def test_polyamideOfAnotherProcessIsAnotherMaterial():
    """Sintered polyamide stands 134 °C, extruded polyamide does not stand 121 °C."""
    with pytest.raises(GateRefused) as refusal:
        Materials.requireSafe(recipeOf("sls-3d-systems-pa12"), "guide", Profiles.find("fdm-generic"))
    assert refusal.value.code == "wrong-process"


def test_disagreementShowsBothSidesAndDoesNotBlock():
    recipe = recipeOf(temperatureC=134)
    findings = Materials.requireAllowed(recipe, "guide", Profiles.find("sla-form-4"))
    message = next(one.message for one in findings if one.code == "sources-disagree")
    assert "literature: " in message and "maker: " in message
    assert message.index("not (literature") < message.index("accepted (maker")


def test_unsafeChoicesBlockWithReasonAndSource():
    with pytest.raises(GateRefused) as refusal:
        Materials.requireSafe(recipeOf("fdm-abs"), "guide", Profiles.find("fdm-generic"))
    assert refusal.value.code == "unsafe-sterilisation"
    assert "BMC Veterinary Research" in refusal.value.message
    assert refusal.value.action


def test_theSitesListGoesFirstAndSaysSo(home):
    accepted = {"material": "fdm-abs", "method": "steam", "temperatureC": 121, "verdict": "accepted",
                "source": "validation report 7", "date": "2026-02-03"}  # fmt: skip
    writeCycles(home, accepted)
    findings = Materials.requireSafe(recipeOf("fdm-abs"), "guide", Profiles.find("fdm-generic"))
    message = next(one.message for one in findings if one.code == "site-validated")
    assert "site: validation report 7, 2026-02-03" in message
    writeCycles(home, {**accepted, "material": "sls-3d-systems-pa12", "verdict": "not"})
    assert Materials.cycleFinding(Materials.find("sls-3d-systems-pa12"), "steam", 121).code == "unsafe-sterilisation"


@pytest.mark.parametrize("missing", ["source", "date", "verdict"])
def test_anIncompleteSiteListIsRefused(home, missing):
    cycle = {"material": "fdm-abs", "method": "steam", "temperatureC": 121, "verdict": "accepted",
             "source": "validation report 7", "date": "2026-02-03"}  # fmt: skip
    del cycle[missing]
    writeCycles(home, cycle)
    with pytest.raises(InputRefused) as refusal:
        Materials.judge(recipeOf("fdm-abs"), "guide", Profiles.find("fdm-generic"))
    assert refusal.value.code == "bad-cycles"


@pytest.mark.parametrize("part", ["rules", "listed"])
@pytest.mark.parametrize("missing", ["source", "date", "saidBy"])
def test_aStatementWithoutSourceFailsTheSchema(home, part, missing):
    values = json.loads((SiteTables._shipped("Materials") / "fdm-abs.json").read_text("utf-8"))
    del values[part][0][missing]
    (home / "materials").mkdir()
    (home / "materials" / "fdm-abs.json").write_text(json.dumps(values))
    (home / "materials" / "fdm-abs.json").chmod(0o644)
    with pytest.raises(InputRefused) as refusal:
        Materials.find("fdm-abs")
    assert refusal.value.code == "bad-material" and missing in refusal.value.message


def test_unknownCyclesBlockWhereThePatientIsTouched():
    profile = Profiles.find("mjf-hp-4200")
    unknown = recipeOf("mjf-hp-pa12", "model", "none", "steam", 134)
    assert "not-validated" in codes(Materials.requireSafe(unknown, "anatomy", profile), "warn")
    touching = recipeOf("mjf-hp-pa12", "model", "skin", "steam", 134)
    assert "not-validated" in codes(Materials.judge(touching, "anatomy", profile), "reject")


def test_implantsAreForExternalMakers(home):
    implant = recipeOf("sls-3d-systems-pa12", "implant", "implanted", "steam", 134)
    with pytest.raises(GateRefused) as refusal:
        Materials.requireSafe(implant, "implant", Profiles.find("sls-generic"))
    assert refusal.value.code == "external-maker-only"
    titanium = recipeOf("external-titanium", "implant", "implanted", "steam", 134)
    findings = Materials.requireAllowed(titanium, "implant", Profiles.find("external-titanium"))
    assert "ask-the-maker" in codes(findings, "warn")
    # A print of the implant to look at is no implant.
    model = recipeOf("fdm-kimya-pla", "model", "none", None)
    assert "external-maker-only" not in codes(Materials.requireAllowed(model, "implant", Profiles.find("fdm-generic")))
    # Without a stated use it counts as one.
    unsaid = recipeOf("fdm-kimya-pla", None, None, None)
    assert "external-maker-only" in codes(Materials.judge(unsaid, "implant", Profiles.find("fdm-generic")), "reject")


@pytest.mark.parametrize(
    ("recipe", "code"),
    [
        (recipeOf(use=None), "use-not-stated"),
        (recipeOf(contact=None), "contact-not-stated"),
        (recipeOf(material=None), "material-not-stated"),
        (recipeOf(method=None), "sterilisation-not-stated"),
        (recipeOf(temperatureC=None), "temperature-not-stated"),
        (recipeOf(method="none"), "no-sterilisation"),
        (recipeOf(use="implant"), "use-and-contact-differ"),
        (recipeOf("sla-formlabs-durable"), "use-not-listed"),
        (recipeOf("sla-formlabs-durable", "model", "mucosa"), "contact-not-listed"),
    ],
)
def test_whatIsNotStatedOrDoesNotFitIsRefused(recipe, code):
    profile = Profiles.find("sla-generic")
    assert code in codes(Materials.judge(recipe, "guide", profile), "warn", "reject")
    with pytest.raises(GateRefused):
        Materials.requireAllowed(recipe, "anatomy", profile)


def test_withoutProcessAndMaterialOnlyThatIsSaid():
    assert codes(Materials.judge(newRecipe(), "anatomy", None)) == ["no-process"]
    with pytest.raises(GateRefused) as refusal:
        Materials.requireAllowed(newRecipe(), "anatomy", None)
    assert refusal.value.code == "no-process"


def test_hollowsAndSterilizationAreWarnedOf():
    profile = Profiles.find("sla-generic")
    assert "hollow-sterilisation" in codes(Materials.judge(recipeOf(), "guide", profile, ["closed-cavity"]), "warn")
    assert "hollow-sterilisation" not in codes(Materials.judge(recipeOf(), "guide", profile, ["several-pieces"]))


def test_nothingEverSaysSterile():
    texts = [(SiteTables._shipped("Materials") / f"{name}.json").read_text("utf-8") for name in SHIPPED]
    for name, rule in RULES:
        finding = Materials.cycleFinding(Materials.find(name), rule["method"], rule["temperatureC"])
        texts += [finding.message, finding.action]
    assert not [text for text in texts if re.search(r"\bsteril(e|ity)\b", text, re.IGNORECASE)]
