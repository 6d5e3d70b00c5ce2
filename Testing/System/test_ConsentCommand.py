"""Consent by command: what it opens, what its withdrawal closes, and what is kept elsewhere."""

from GovernanceCalls import DEVICE, SIGNED, auditOf, writeSite

from PlanningHubLib.Case import Case

# Consent


def test_withdrawnScopeClosesItsWaysAndListsWhatHasLeft(ask, refuse, aFullCase, aPackagedCase, tmp_path):
    consent, copy = ("consent", "--case", aFullCase), ("deidentify", aFullCase, "--profile", "treatment-partner")
    finding = refuse("no-consent", 4, *copy, "--out", tmp_path / "a")
    assert "scope manufacturer: none is recorded" in finding["message"] and "scope manufacturer" in finding["action"]
    assert ask(*consent, "--scope", "manufacturer", *SIGNED)["consent"]["manufacturer"] == "given"
    ask(*copy, "--out", tmp_path / "a")
    ask("sync", "--case", aFullCase, "--store", tmp_path / "store")

    withdrawn = ask(*consent, "--scope", "manufacturer", "--withdraw", "--reason", "asked for it")

    assert withdrawn["consent"] == {
        "treatment": "given", "manufacturer": "withdrawn", "teaching": "none", "research": "none",
    }  # fmt: skip
    assert [(one["purpose"], one["destination"]) for one in withdrawn["left"]] == [
        ("treatment-partner", f"folder {tmp_path / 'a'}")
    ]
    finding = refuse("no-consent", 4, *copy, "--out", tmp_path / "b", process=True)
    assert "scope manufacturer" in finding["message"] and "withdrawn on" in finding["message"]
    assert not (tmp_path / "b").exists()

    withdrawn = ask(*consent, "--scope", "treatment", "--withdraw", "--reason", "asked for it")

    assert {(one["destination"], one["proven"]) for one in withdrawn["left"]} == {
        (f"folder {aPackagedCase / 'package'}", False),
        (f"folder store {tmp_path / 'store'}", True),
    }
    for words in (("package", "--case", aFullCase, "--out", tmp_path / "b"),
                  ("sync", "--case", aFullCase, "--store", tmp_path / "b"),
                  ("sync", "--case", aFullCase, "--store", tmp_path / "store")):  # fmt: skip
        assert "scope treatment" in refuse("no-consent", 4, *words, process=True)["message"]
    assert not (tmp_path / "b").exists()
    ask("verify", aFullCase)
    actions = [line["action"] for line in auditOf(aFullCase)]
    assert actions.count("consent-withdrawn") == 2 and "deidentified-copy" in actions


def test_consentThatIsHalfStatedIsNotRecorded(refuse, aCase):
    consent, before = ("consent", "--case", aCase), (aCase / "case.json").read_bytes()
    refuse("no-consent-document", 2, *consent, "--scope", "teaching", "--date", "2026-01-31")
    refuse("bad-consent-date", 2, *consent, "--scope", "teaching", "--date", "31.1.2026", "--document", "v")
    refuse("no-consent", 4, *consent, "--scope", "teaching", "--withdraw")
    refuse("usage", 2, *consent, "--withdraw")
    refuse("usage", 2, *consent, "--scope", "everything", *SIGNED)
    assert (aCase / "case.json").read_bytes() == before


def test_consentKeptElsewhereIsShownWithdrawnAndRecorded(ask, refuse, aCase, tmp_path):
    consent = ("consent", "--case", aCase)
    (record,) = ask(*consent)["records"]
    assert (record["basis"], record["given"]) == ("elsewhere", None)
    assert ask("status", "--case", aCase)["consent"]["treatment"] == "kept elsewhere"
    for words in (
        ("--elsewhere",),
        ("--scope", "research", "--elsewhere"),
        ("--scope", "treatment", "--elsewhere", *SIGNED),
    ):
        refuse("usage", 2, *consent, *words)
    assert ask(*consent, "--scope", "treatment", "--withdraw")["consent"]["treatment"] == "withdrawn"
    prescription = ("prescription", "--case", aCase, *DEVICE, "--characteristic", "material", "PEEK")
    refuse("no-consent", 4, *prescription, "--pdf", tmp_path / "a.pdf")
    refuse("no-consent", 4, *consent, "--scope", "treatment", "--elsewhere")
    assert ask(*consent, "--scope", "treatment", *SIGNED)["consent"]["treatment"] == "given"
    old = tmp_path / "old"
    with Case.create(old, "5a" * 32):
        pass
    refuse("no-consent", 4, "prescription", "--case", old, *prescription[3:], "--pdf", tmp_path / "a.pdf")
    told = ask("consent", "--case", old, "--scope", "treatment", "--elsewhere")["consent"]
    assert told["treatment"] == "kept elsewhere"
    ask("prescription", "--case", old, *prescription[3:], "--pdf", tmp_path / "a.pdf")


def test_prescriptionIsNotDraftedWithoutConsentWhereTheSiteAsksForIt(ask, refuse, aCase, aHome, tmp_path):
    writeSite(aHome, treatmentConsent="recorded")
    site = {"extraEnvironment": {"PLANNINGHUB_HOME": str(aHome)}}
    words = ("prescription", "--case", aCase)
    ask(*words, *DEVICE, "--characteristic", "material", "PEEK", **site)
    assert "scope treatment" in refuse("no-consent", 4, *words, "--pdf", tmp_path / "a.pdf", **site)["message"]
    assert not (tmp_path / "a.pdf").exists()
