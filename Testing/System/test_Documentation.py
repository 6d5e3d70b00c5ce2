"""The README files say what the tree and the code say; each check is also seen to fail on a damaged copy."""

import shutil

import DocumentationRules as Rules
import pytest
from ExtensionTree import ROOT, moduleNames

CHECKS = [
    Rules.linkProblems,
    Rules.commandProblems,
    Rules.makeProblems,
    Rules.nameProblems,
    Rules.fileProblems,
    Rules.pageProblems,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_documentationKeepsTheRule(check):
    problems = check(ROOT)
    assert not problems, "\n" + "\n".join(problems)


def test_everyModuleHasAPage():
    pages = {path.parent.name for path in Rules.readmes(ROOT)}
    assert {*moduleNames(ROOT), "Testing", "StandInHost"} <= pages


@pytest.fixture(scope="module")
def aCopy(tmp_path_factory):
    """A copy of the project without what commands leave; only to be copied again."""
    root = tmp_path_factory.mktemp("documentation") / "project"
    left = shutil.ignore_patterns(".*", "__pycache__", "*-output", "*.egg-info", "build", "dist")
    folders = [*moduleNames(ROOT), "Testing"]
    for name in folders:
        shutil.copytree(ROOT / name, root / name, ignore=left)
    for name in ("README.md", "Makefile", "CMakeLists.txt", "LICENSE.txt"):
        shutil.copy(ROOT / name, root / name)
    (root / ".github/workflows").mkdir(parents=True)
    shutil.copy(ROOT / ".github/workflows/ci.yml", root / ".github/workflows/ci.yml")
    return root


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_theCopyHasTheSameProblemsAsTheProject(aCopy, check):
    assert check(aCopy) == check(ROOT)


def test_aPictureThatIsGoneIsNamed(aCopy, tmp_path):
    root = shutil.copytree(aCopy, tmp_path / "project")
    (root / "PlanningHub/Pictures/Overview.png").unlink()
    assert "README.md links to PlanningHub/Pictures/Overview.png, which does not exist" in Rules.linkProblems(root)


@pytest.mark.parametrize(
    "check, text, problem",
    [
        (Rules.linkProblems, "[here](Nowhere.md)", "README.md links to Nowhere.md, which does not exist"),
        (Rules.linkProblems, "[here](#nowhere)", "README.md links to #nowhere, which is no heading there"),
        (Rules.linkProblems, "[x](Testing/README.md#no)", "links to Testing/README.md#no, which is no heading there"),
        (Rules.commandProblems, "```sh\nplanninghub conquer --case case\n```", "planninghub conquer is no command"),
        (Rules.commandProblems, "`planninghub sync --case DIR --quietly`", "planninghub sync has no --quietly"),
        (Rules.commandProblems, "```sh\nplanninghub print --case \\\n  c --fast\n```", "print has no --fast"),
        (Rules.commandProblems, "`planninghub import x --side north`", "import --side cannot be north"),
        (Rules.makeProblems, "`make coffee`", "README.md: the Makefile does not know coffee"),
        (Rules.makeProblems, "```sh\nmake demo SUGAR=yes\n```", "README.md: the Makefile does not know SUGAR=yes"),
        (Rules.nameProblems, "`missing-head`", "README.md names missing-head, which is nowhere in the source"),
        (Rules.nameProblems, "`stale-bread`", "README.md names stale-bread, which is nowhere in the source"),
        (Rules.fileProblems, "`Gone.py`", "README.md names Gone.py, which does not exist"),
        (Rules.pageProblems, "```python\nif\n```", "README.md: invalid syntax in a Python block"),
        (Rules.pageProblems, "See /" + "home/someone/case.", "README.md holds a path of a machine"),
        (Rules.pageProblems, "\n" * Rules.MOST_LINES, f"README.md has {Rules.MOST_LINES} lines or more"),
    ],
)
def test_aPageThatBreaksARuleIsNamed(aCopy, tmp_path, check, text, problem):
    root = shutil.copytree(aCopy, tmp_path / "project")
    before = check(root)
    page = root / "README.md"
    page.write_text(f"{page.read_text(encoding='utf-8')}\n{text}\n", encoding="utf-8")
    found = [one for one in check(root) if one not in before]
    assert len(found) == 1
    assert problem in found[0]


def test_aCommandThatTheTopPageLeavesOutIsNamed(aCopy, tmp_path):
    root = shutil.copytree(aCopy, tmp_path / "project")
    page = root / "README.md"
    page.write_text(page.read_text(encoding="utf-8").replace("planninghub status", "planninghub"), encoding="utf-8")
    assert "README.md does not name planninghub status" in Rules.commandProblems(root)


def test_aLibFileThatItsPageLeavesOutIsNamed(aCopy, tmp_path):
    root = shutil.copytree(aCopy, tmp_path / "project")
    (root / "PrintPrep/PrintPrepLib/Support.py").write_text('"""New."""\n')
    assert "PrintPrep/README.md does not name Support.py" in Rules.fileProblems(root)
