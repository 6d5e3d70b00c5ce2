"""Every field of the papers and every column of the registry's row is described, as the suite's own; none else is."""

import re
from pathlib import Path

import pytest
from PapersMaking import statedCase

import PrintPrepLib.Papers
from PlanningHubLib.Case import Case
from PlanningHubLib.Session import Session
from PrintPrepLib.Papers.Papers import makePapers, readPapers

PAGE = Path(PrintPrepLib.Papers.__file__).parent / "README.md"


@pytest.fixture
def aDocument(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    with Session.start() as session, Case.create(tmp_path / "case", "5a" * 32, side="left") as case:
        statedCase(case, session)
        yield readPapers(case, makePapers(case))


def described(text):
    """Return heading → the names that the first column of its table describes."""
    found = {}
    for section in text.split("\n## ")[1:]:
        cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
        found[section.splitlines()[0]] = {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}
    return found


def problems(text, document):
    """Return what the page does not describe, or describes although it is not there."""
    tables = {"papers.json": document, "The job ticket": document["ticket"], "The registry's row":
              document["registry"]["row"]}  # fmt: skip
    return [(title, name) for title, values in tables.items() for name in set(values) ^ described(text)[title]]


def test_thePageDescribesWhatThePapersHold(aDocument):
    text = PAGE.read_text()
    assert problems(text, aDocument) == []
    assert "this suite's own" in text and "data dictionary is not public" in text
    assert f"`{aDocument['format']}`, {int(aDocument['version'])}." in text
    assert problems(text.replace("`physicalParts`", "`parts`"), aDocument) != [], "a wrong name is found"
    assert ("The job ticket", "copies") in problems(text.replace(", `copies` |", " |"), aDocument)
    for sheet in (aDocument[name]["sheets"][0] for name in ("traveller", "inspection", "label")):
        assert all(f"`{name}`" in text for name in sheet)
