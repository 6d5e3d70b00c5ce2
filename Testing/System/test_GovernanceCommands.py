"""Governance by command: what is refused says why, leaves nothing behind, and everything is in the audit log.

A process of its own takes long to start: one step of each kind has it (``process=True``), the others run in this one.
"""

import shutil

import pytest
from GovernanceCalls import DEVICE, SIGNED, auditOf
from Judges import run
from Tampering import TAMPERINGS

from PlanningHubLib import Request
from PlanningHubLib.Case import Case

# Request and its list


def test_requestIsStatedMovedAndAssigned(ask, refuse, aCase):
    request, before = ("request", "--case", aCase), (aCase / "case.json").read_bytes()
    refuse("no-request", 4, *request, "--move-to", "accepted")
    refuse("no-request", 4, *request, "--assign", "anna")
    stated = ("--procedure", "cranioplasty", "--anatomy", "skull")
    refuse("request-incomplete", 2, *request, *stated)
    refuse("request-incomplete", 2, *request, *stated, "--design", "patient-specific")
    refuse("bad-surgery-date", 2, *request, *stated, "--design", "standard", "--surgery-date", "2.5.2027")
    refuse("other-side", 4, *request, *stated, "--design", "standard", "--side", "right")
    refuse("usage", 2, *request, "--urgency", "yesterday")
    assert (aCase / "case.json").read_bytes() == before and ask(*request)["request"] is None

    why = ("--design", "patient-specific", "--design-reason", "across the midline", "--surgery-date", "2031-05-02")
    made = ask(*request, *stated, *why, "--department", "neurosurgery", "--urgency", "urgent", process=True)

    assert made["state"] == "requested" and made["request"]["side"] == "left"
    assert made["lead_time"]["verdict"] == "in-time" and made["lead_time"]["ready"] < "2031-05-02"
    refuse("state-not-next", 4, *request, "--move-to", "approved")
    refuse("unknown-state", 2, *request, "--move-to", "somewhere")
    assert ask(*request, "--assign", "bela")["request"]["assignedTo"] == "bela"
    moved = ask(*request, "--move-to", "accepted", "--note", "complete")
    clock = moved["request"]["states"]
    assert [one["state"] for one in clock] == ["requested", "accepted"] and clock[0]["left"] == clock[1]["entered"]
    for state in ("planning", "review"):
        ask(*request, "--move-to", state)
    assert "approved first" in refuse("not-approved", 4, *request, "--move-to", "approved")["action"]
    assert ask(*request, "--assign", "")["request"]["assignedTo"] is None
    ask("verify", aCase)
    actions = [line["action"] for line in auditOf(aCase)]
    assert actions[-6:] == ["request-stated", "request-assigned", *["request-moved"] * 3, "request-assigned"]


@pytest.fixture
def manyCases(tmp_path, command):
    """A folder of four cases; only the first three have a request."""
    root = tmp_path / "cases"
    root.mkdir()
    stated = [("mandible", "2027-03-01", "elective"), ("spine", "2027-01-15", "emergency"),
              ("mandible", "2027-02-01", "urgent"), None]  # fmt: skip
    for number, one in enumerate(stated):
        with Case.create(root / f"case{number}", f"{number}a" * 32, side="left", procedure=one and one[0]) as case:
            if one:
                fields = {"anatomy": "jaw" if number else "jaw with graft", "surgeryDate": one[1], "urgency": one[2]}
                Request.stateRequest(case, design="standard", department=f"Ward {number}", **fields)
            if number == 2:
                Request.moveTo(case, "accepted")
    return root


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], None),
        (["--sort", "surgeryDate"], [1, 2, 0, 3]),
        (["--sort", "urgency"], [1, 2, 0, 3]),
        (["--sort", "department"], [0, 1, 2, 3]),
        (["--state", "requested", "--sort", "surgeryDate"], [1, 0]),
        (["--state", "accepted"], [2]),
        (["--search", "MANDIBLE graft"], [0]),
        (["--search", "mandible", "--sort", "surgeryDate", "--state", "requested"], [0]),
        (["--search", "case3"], [3]),
        (["--search", "nowhere"], []),
    ],
)
def test_casesBelowAFolderAreSearchedSortedAndFiltered(ask, manyCases, options, expected):
    listed = ask("status", "--root", manyCases, *options, process=len(options) > 4)["cases"]
    names = [one["name"] for one in listed]
    if expected is None:
        assert len(names) == 4 and names == sorted(names)
    else:
        assert [one["folder"] for one in listed] == [str(manyCases / f"case{number}") for number in expected]


def test_listOfNothingAndAnUnknownOrder(ask, refuse, tmp_path):
    assert ask("status", "--root", tmp_path)["cases"] == []
    refuse("no-source", 3, "status", "--root", tmp_path / "nowhere")
    refuse("usage", 2, "status", "--root", tmp_path, "--sort", "beauty")


def test_caseThatCannotBeReadStaysInTheList(ask, manyCases):
    (manyCases / "case1" / "case.json").write_text("{")
    listed = {one["folder"]: one["name"] for one in ask("status", "--root", manyCases)["cases"]}
    assert len(listed) == 4 and listed[str(manyCases / "case1")] == "[not-a-case]"


def test_prescriptionIsStructuredAndDraftedAsPdf(ask, refuse, aCase, tmp_path):
    words, draft = ("prescription", "--case", aCase), tmp_path / "draft.pdf"
    refuse("no-prescription", 4, *words, "--pdf", draft)
    refuse("prescription-incomplete", 2, *words, "--device", "Cranial plate", "--characteristic", "material", "PEEK")
    refuse("no-design-characteristics", 2, *words, *DEVICE, "--characteristic", "dimension", "80")
    refuse("bad-characteristic", 2, *words, *DEVICE, "--characteristic", "plate-thickness", "thin")
    refuse("bad-characteristic", 2, *words, *DEVICE, "--characteristic", "please", "nice")
    refuse("usage", 2, *words, *DEVICE, "--characteristic", "material")
    assert ask(*words)["prescription"] is None
    plate = ("--characteristic", "plate-thickness", "3.5", "--characteristic", "screw-number", "6", "titanium")
    made = ask(*words, *DEVICE, *plate, "--pdf", draft, process=True)["prescription"]
    assert made["characteristics"] == [
        {"kind": "plate-thickness", "value": 3.5, "unit": "mm", "note": ""},
        {"kind": "screw-number", "value": 6, "unit": None, "note": "titanium"},
    ]
    text = run("pdftotext", "-layout", draft, "-")
    assert all(one in text for one in ("DRAFT", "LEFT", "Cranial plate", "A. Prescriber", "3.5 mm", "titanium"))
    refuse("already-there", 3, *words, "--pdf", draft)
    again = ask(*words, "--device", "Cranial plate, second")["prescription"]
    assert again["revision"] == 2 and again["characteristics"] == made["characteristics"]
    left = ask("consent", "--case", aCase)["left"]
    assert [(one["purpose"], one["destination"]) for one in left] == [("prescription", f"file {draft}")]
    ask("verify", aCase)


def test_commentsArePinnedAndAReviewWaitsForThem(ask, refuse, aFullCase):
    comment, review = ("comment", "--case", aFullCase), ("review", "--case", aFullCase)
    point = ("--point-lps", "12.5", "-80", "-801.25")
    (made,) = ask(*comment, "--text", "screw too long", *point, process=True)["comments"]
    assert made["artefact"]["id"] == "part-1" and not made["outdated"]
    assert made["pointLpsMm"] == [12.5, -80, -801.25]
    with Case.open(aFullCase) as case:
        assert case.governance["comments"][0]["pointRasMm"] == [-12.5, 80, -801.25]
    ask(*comment, "--text", "threshold too low", "--on", "segmentation")
    refuse("no-review", 4, *review, "--verdict", "accepted")
    (opened,) = ask(*review, "--open", "anna", "bela", process=True)["reviews"]
    assert opened["reviewers"] == ["anna", "bela"] and opened["closed"] is None
    assert {one["id"] for one in opened["artefacts"]} == {"source-1", "segmentation-1", "part-1"}
    refuse("review-open", 4, *review, "--open", "anna")
    assert "comment-1, comment-2" in refuse("comments-open", 4, *review, "--verdict", "accepted")["message"]
    for number in (1, 2):
        ask(*comment, "--resolve", f"comment-{number}")
    ask("segment", "--case", aFullCase, "--closing-voxels", "0")
    assert [one["outdated"] for one in ask(*comment)["comments"]] == [False, True]
    refuse("review-outdated", 4, *review, "--verdict", "accepted")
    (closed,) = ask(*review, "--verdict", "changes", "--note", "bone was made anew")["reviews"]
    assert closed["closed"]["verdict"] == "changes"
    ask("verify", aFullCase)


def test_commentsAndReviewsThatSayNothingAreRefused(refuse, aCase):
    before = (aCase / "case.json").read_bytes()
    refuse("empty-comment", 2, "comment", "--case", aCase, "--text", " ")
    refuse("bad-point", 2, "comment", "--case", aCase, "--text", "here", "--point-lps", "nan", "0", "0")
    refuse("usage", 2, "comment", "--case", aCase, "--point-lps", "1", "2", "3")
    refuse("usage", 2, "comment", "--case", aCase, "--text", "here", "--point-lps", "1", "2")
    refuse("no-part", 4, "comment", "--case", aCase, "--text", "here", "--on", "part")
    refuse("no-such-comment", 2, "comment", "--case", aCase, "--resolve", "comment-7")
    refuse("usage", 2, "review", "--case", aCase, "--open", "anna", "--verdict", "accepted")
    refuse("usage", 2, "review", "--case", aCase, "--on", "source")
    assert (aCase / "case.json").read_bytes() == before


# Pseudonyms


def test_pseudonymLeadsBackOnlyWithTheKeyAndIsAudited(ask, refuse, aFullCase, tmp_path):
    ask("consent", "--case", aFullCase, "--scope", "manufacturer", *SIGNED)
    copy = ask("deidentify", aFullCase, "--out", tmp_path / "copy", "--profile", "treatment-partner",
               "--recipient", "A workshop")  # fmt: skip
    words = ("reidentify", copy["pseudonym"], "--case", aFullCase, "--reason", "incidental finding")
    before = auditOf(aFullCase)
    elsewhere = {"extraEnvironment": {"PLANNINGHUB_HOME": str(tmp_path / "elsewhere")}}
    refuse("no-key", 4, *words, "--recipient", "A workshop", **elsewhere)
    assert auditOf(aFullCase) == before and not (tmp_path / "elsewhere").exists()
    refuse("usage", 2, *words[:-2])
    refuse("not-this-patient", 4, *words)

    found = ask(*words, "--recipient", "A workshop", process=True)

    assert found["patientId"] == "PHANTOM-1" and found["profile"] == "treatment-partner"
    inCopy = {one["sopInstanceUid"] for one in copy["files"] if one["kind"] == "ct"}
    assert inCopy and inCopy <= set(found["uids"]) and not set(found["uids"]) & set(found["uids"].values())
    tries = [line["what"] for line in auditOf(aFullCase) if line["action"] == "reidentified"]
    assert [(one["matched"], one["reason"]) for one in tries] == [
        (False, "incidental finding"), (True, "incidental finding"),
    ]  # fmt: skip
    ask("verify", aFullCase)


# Audit, held against the store


@pytest.fixture(scope="module")
def aSyncedTwice(command, aPackagedCase, tmp_path_factory):
    """A case in a folder store, its state before the second sync beside it as ``older``; only to be copied."""
    folder = tmp_path_factory.mktemp("synced")
    shutil.copytree(aPackagedCase / "case", folder / "case")
    sync = ("sync", "--case", folder / "case", "--store", folder / "store")
    assert command(*sync)[0] == 0
    shutil.copytree(folder / "case", folder / "older")
    assert command("consent", "--case", folder / "case", "--scope", "teaching", *SIGNED)[0] == 0
    assert command(*sync)[0] == 0
    return folder


@pytest.mark.parametrize(("tamper", "aloneSees"), TAMPERINGS.items())
def test_everyTamperingIsFoundWithTheStore(call, ask, aSyncedTwice, tmp_path, tamper, aloneSees):
    case, store = shutil.copytree(aSyncedTwice / "case", tmp_path / "case"), aSyncedTwice / "store"
    (tmp_path / "older").symlink_to(aSyncedTwice / "older")
    assert ask("verify", case, "--store", store)["findings"] == []
    tamper(case)
    exitCode, result = call("verify", case)
    assert exitCode == (6 if aloneSees else 0)
    exitCode, result = call("verify", case, "--store", store, process=not aloneSees)
    assert exitCode == 6 and not result["ok"]
    codes = {one["code"] for one in result["findings"] if one["severity"] == "reject"}
    assert codes and codes <= {"audit-broken", "audit-differs-from-store"}
    assert "audit-differs-from-store" in codes or aloneSees
