"""The case list as its user meets it: searched, filtered, sorted, and long."""

import shutil

import pytest
from CaseMaking import newCase

from PlanningHubLib import Request
from PlanningHubLib.Case import Case
from StandInHost.User import cases, tableTexts

SHOWN_ROWS = 500
PLANS = {
    "a": ("left", "cranioplasty", "elective", "2026-05-02"),
    "b": ("right", "mandible", "emergency", "2026-05-01"),
    "c": ("bilateral", "mandible", "urgent", None),
}


@pytest.fixture
def home(user):
    """The home module in front of four cases: three with a request, of which one is accepted, one without."""
    for name, (side, procedure, urgency, date) in PLANS.items():
        with newCase(user.casesFolder / name, side=side, procedure=procedure) as case:
            Request.stateRequest(
                case, anatomy="skull", design="standard", urgency=urgency, surgeryDate=date, department=f"ward {name}"
            )
            if name == "b":
                Request.moveTo(case, "accepted")
    with newCase(user.casesFolder / "d"):
        pass
    home = user.show("PlanningHub")
    user.host.click(cases(home).refreshButton)
    return home


def shown(home):
    """The folders' names of the listed cases, in the order of the rows; the rows say the same."""
    listed = home.panel("CasesPanel").cases
    assert [row[0].split("\n")[0] for row in tableTexts(cases(home).casesTable)] == [case.name for case in listed]
    return "".join(case.folder.name for case in listed)


def sortBy(user, home, title):
    user.host.enter(cases(home).sortComboBox, title)


def clickTitle(user, home, column):
    user.host.act(cases(home).casesTable.horizontalHeader().sectionClicked.emit, column)


def test_aRowSaysWhatACaseIsAndWhatIsNext(user, home):
    sortBy(user, home, "urgency")
    rows = tableTexts(cases(home).casesTable)
    name = home.panel("CasesPanel").cases[0].name
    assert rows[0] == (f"{name}\nmandible", "RIGHT", "Images", "accepted", "2026-05-01\nemergency")
    assert [row[1:] for row in rows[1:]] == [
        ("BOTH", "Images", "requested", "urgent"),
        ("LEFT", "Images", "requested", "2026-05-02\nelective"),
        ("SIDE NOT STATED", "Images", "", ""),
    ]
    assert cases(home).countLabel.text == "4 cases" and cases(home).showAllButton.isHidden()


@pytest.mark.parametrize(
    "text, found", [("mandible", "bc"), ("SKULL ward", "abc"), ("mandible right", "b"), ("nobody", ""), ("", "abcd")]
)
def test_allWordsMustStandInACase(user, home, text, found):
    user.host.enter(cases(home).searchLineEdit, text)
    assert sorted(shown(home)) == sorted(found)
    assert cases(home).countLabel.text == ("4 cases" if found == "abcd" else f"{len(found)} of 4 cases match")


@pytest.mark.parametrize(
    "state, found",
    [("accepted", "b"), ("requested", "ac"), ("No request", "d"), ("closed", ""), ("All states", "abcd")],
)
def test_onlyCasesInAState(user, home, state, found):
    user.host.enter(cases(home).stateComboBox, state)
    assert sorted(shown(home)) == sorted(found)


def test_sortedByWhatWasChosenOrByTheTitleThatWasClicked(user, home):
    sortBy(user, home, "date of the surgery")
    assert shown(home)[:2] == "ba"
    user.host.enter(cases(home).descendingCheckBox, True)
    assert shown(home)[:2] == "ab" and set(shown(home)[2:]) == set("cd"), "what states no date comes last"
    clickTitle(user, home, 3)
    assert cases(home).sortComboBox.currentText == "state of the request" and not cases(home).descendingCheckBox.checked
    assert shown(home)[0] == "b" and shown(home)[3] == "d"
    clickTitle(user, home, 3)
    assert shown(home)[2:] == "bd" and cases(home).descendingCheckBox.checked
    before = shown(home)
    # The next step has no order.
    clickTitle(user, home, 2)
    assert shown(home) == before


def test_theSelectedCaseStaysSelectedAndIsTheOneThatOpens(user, home):
    sortBy(user, home, "department")
    user.host.act(cases(home).casesTable.setCurrentCell, 1, 0)
    user.host.enter(cases(home).searchLineEdit, "mandible")
    assert shown(home) == "bc" and cases(home).casesTable.currentRow() == 0
    user.host.click(cases(home).openButton)
    assert home.activeFolder() == str(user.casesFolder / "b")
    user.host.enter(cases(home).searchLineEdit, "cranioplasty")
    assert cases(home).casesTable.currentRow() == -1 and not cases(home).openButton.enabled


def test_aRefreshShowsWhatChangedAndLeavesTheRest(user, home):
    table = cases(home).casesTable
    sortBy(user, home, "department")
    item = table.item(0, 0)
    user.host.click(cases(home).refreshButton)
    assert table.item(0, 0) is item, "nothing changed: nothing is filled anew"
    with Case.open(user.casesFolder / "a", writable=True) as case:
        Request.moveTo(case, "accepted")
    user.host.click(cases(home).refreshButton)
    assert shown(home) == "abcd" and tableTexts(table)[0][3] == "accepted"
    shutil.rmtree(user.casesFolder / "b")
    user.host.click(cases(home).refreshButton)
    assert shown(home) == "acd"


def test_aLongListShowsItsBeginningAndTheRestWhenAsked(user, tmp_path):
    with newCase(tmp_path / "one", side="left", procedure="cranioplasty"):
        pass
    for number in range(SHOWN_ROWS + 5):
        shutil.copytree(tmp_path / "one", user.casesFolder / f"case{number:03}")
    home = user.show("PlanningHub")
    user.host.click(cases(home).refreshButton)
    assert cases(home).casesTable.rowCount == SHOWN_ROWS
    assert cases(home).countLabel.text == "500 of 505: search to narrow"
    user.host.click(cases(home).showAllButton)
    assert cases(home).casesTable.rowCount == SHOWN_ROWS + 5 and cases(home).showAllButton.isHidden()
    user.host.enter(cases(home).searchLineEdit, "case504")
    assert shown(home) == "case504" and cases(home).countLabel.text == "1 of 505 cases match"
