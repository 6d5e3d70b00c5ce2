"""The extension as Slicer's build system, the Extensions Index and the house rules see it.

Every checker is also run on a damaged copy, so that a checker that finds nothing anywhere is found out.
"""

import re
import struct
import tomllib

import ExtensionTree
import pytest
import SourceRules
from ExtensionTree import ROOT

TREE_CHECKS = [
    ExtensionTree.cmakeListProblems,
    ExtensionTree.moduleShapeProblems,
    ExtensionTree.collisionProblems,
    ExtensionTree.testNameProblems,
]
SOURCE_CHECKS = [
    SourceRules.syntaxProblems,
    SourceRules.fileScopeImportProblems,
    SourceRules.dependencyProblems,
    SourceRules.guiProblems,
    SourceRules.fileScopeCodeProblems,
    SourceRules.translationProblems,
    SourceRules.requirementProblems,
    SourceRules.commandWordProblems,
]


@pytest.mark.parametrize("check", TREE_CHECKS + SOURCE_CHECKS, ids=lambda check: check.__name__)
def test_extensionKeepsTheRule(check):
    problems = check(ROOT)
    assert not problems, "\n" + "\n".join(problems)


# --- each checker seen to fail -------------------------------------------------------------------------------------


@pytest.fixture
def aSmallExtension(tmp_path):
    """An extension of two modules that keeps every rule; the tests damage it."""
    root = tmp_path / "extension"
    (root / "Testing" / "Phantom").mkdir(parents=True)
    (root / "CMakeLists.txt").write_text("add_subdirectory(PlanningHub)\nadd_subdirectory(PrintPrep)\n")
    for name in ("PlanningHub", "PrintPrep"):
        addModule(root, name)
    return root


def addModule(root, name):
    write(root / name / f"{name}.py", '"""A module."""\nimport slicer\n')
    write(root / name / f"{name}Lib" / "__init__.py", '"""Its domain."""\n')
    write(root / name / f"{name}Lib" / "Step.py", "import os\n\n\ndef step():\n    import pydicom\n")
    write(root / name / f"{name}Lib" / "requirements.txt", "pydicom>=3\n")
    write(root / name / "Resources" / "UI" / f"{name}.ui", "<ui/>\n")
    write(root / name / "Resources" / "Icons" / f"{name}.png", "icon\n")
    write(root / name / "README.md", "read me\n")
    write(root / name / "Testing" / "CMakeLists.txt", "add_subdirectory(Python)\n")
    write(root / name / "Testing" / "Python" / "CMakeLists.txt", "\n")
    refreshLists(root, name)


def refreshLists(root, name):
    scripts, resources = ExtensionTree.shippedFiles(root / name)
    lists = [
        ExtensionTree.pasteable("MODULE_PYTHON_SCRIPTS", scripts, name),
        ExtensionTree.pasteable("MODULE_PYTHON_RESOURCES", resources, name),
    ]
    text = f"set(MODULE_NAME {name})\n" + "\n".join(lists) + "\nslicerMacroBuildScriptedModule(NAME ${MODULE_NAME})\n"
    write(root / name / "CMakeLists.txt", text)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def append(path, text):
    path.write_text(path.read_text() + text)


@pytest.mark.parametrize("check", TREE_CHECKS + SOURCE_CHECKS, ids=lambda check: check.__name__)
def test_anExtensionThatKeepsTheRulesHasNoProblems(aSmallExtension, check):
    assert check(aSmallExtension) == []


def test_aFileThatIsNotListedIsNamedAndTheListToPasteIsPrinted(aSmallExtension):
    write(aSmallExtension / "PrintPrep/PrintPrepLib/Mesh.py", "")
    problems = ExtensionTree.cmakeListProblems(aSmallExtension)
    assert "PrintPrepLib/Mesh.py is in the tree but not listed" in problems[0]
    paste = problems[1].split("\n", 1)[1]
    path = aSmallExtension / "PrintPrep/CMakeLists.txt"
    path.write_text(re.sub(r"set\(MODULE_PYTHON_SCRIPTS.*?\)", lambda _: paste, path.read_text(), flags=re.DOTALL))
    assert ExtensionTree.cmakeListProblems(aSmallExtension) == []


@pytest.mark.parametrize("name", ["PrintPrepLib/Step.py", "Resources/UI/PrintPrep.ui", "PrintPrepLib/requirements.txt"])
def test_aListedFileThatIsGoneIsNamed(aSmallExtension, name):
    (aSmallExtension / "PrintPrep" / name).unlink()
    assert f"{name} is listed but not in the tree" in ExtensionTree.cmakeListProblems(aSmallExtension)[0]


def test_aResourceThatIsNotListedIsNamed(aSmallExtension):
    write(aSmallExtension / "PlanningHub/PlanningHubLib/Schemas/case.json", "{}")
    problems = ExtensionTree.cmakeListProblems(aSmallExtension)
    assert "MODULE_PYTHON_RESOURCES: PlanningHubLib/Schemas/case.json is in the tree but not listed" in problems[0]


def test_aFileListedTwiceAndAMissingListAreNamed(aSmallExtension):
    path = aSmallExtension / "PrintPrep/CMakeLists.txt"
    path.write_text(path.read_text().replace("PrintPrepLib/Step.py", "${MODULE_NAME}Lib/Step.py PrintPrepLib/Step.py"))
    path.write_text(path.read_text().replace("${MODULE_NAME}Lib/Step.py", "PrintPrepLib/Step.py PrintPrepLib/Step.py"))
    path.write_text(path.read_text().replace("MODULE_PYTHON_RESOURCES", "MODULE_RESOURCES"))
    problems = "\n".join(ExtensionTree.cmakeListProblems(aSmallExtension))
    assert "PrintPrepLib/Step.py is listed 2 times" in problems
    assert "PrintPrep/CMakeLists.txt has no MODULE_PYTHON_RESOURCES" in problems


def test_aModuleThatIsNotAddedAndAMissingIconAreNamed(aSmallExtension):
    append(aSmallExtension / "CMakeLists.txt", "")
    (aSmallExtension / "CMakeLists.txt").write_text("add_subdirectory(PlanningHub)\n")
    (aSmallExtension / "PlanningHub/Resources/Icons/PlanningHub.png").unlink()
    problems = ExtensionTree.moduleShapeProblems(aSmallExtension)
    assert problems == [
        "PlanningHub/Resources/Icons/PlanningHub.png is missing",
        "CMakeLists.txt does not add the module PrintPrep",
    ]


@pytest.mark.parametrize(
    "names, problem",
    [
        (["PlanningHub/Resources/Icons/stop.png", "PrintPrep/Resources/icons/Stop.png"], "resources/icons/stop.png is"),
        (["PlanningHub/Shared/A.py", "PrintPrep/Shared/B.py"], "shared is installed by PlanningHub and PrintPrep"),
        (["PrintPrep/utils/A.py"], "utils is too general"),
        (["PrintPrep/Resources/requirements.txt"], "resources/requirements.txt is too general"),
        (["PrintPrep/queue.py"], "queue.py hides a module"),
    ],
)
def test_namesThatCollideInSlicersFlatFolderAreNamed(aSmallExtension, names, problem):
    for name in names:
        write(aSmallExtension / name, "")
    assert any(found.startswith(problem) for found in ExtensionTree.collisionProblems(aSmallExtension))


def test_twoTestFilesOfOneNameAreNamed(aSmallExtension):
    for name in ("PlanningHub", "PrintPrep"):
        write(aSmallExtension / name / "Testing/Python/test_Step.py", "")
    assert ExtensionTree.testNameProblems(aSmallExtension)[0].startswith("test_Step.py exists more than once")


NEW_FILE = "PrintPrep/PrintPrepLib/New.py"


@pytest.mark.parametrize(
    "check, code, problem",
    [
        (SourceRules.syntaxProblems, "x: list[int = 3\n", "New.py:1:"),
        (SourceRules.syntaxProblems, "type Length = float\n", "New.py:1:"),
        (SourceRules.fileScopeImportProblems, "import pydicom\n", "imports pydicom at file scope"),
        (SourceRules.fileScopeImportProblems, "try:\n    from lib3mf import Wrapper\nfinally:\n    pass\n", "lib3mf"),
        (SourceRules.fileScopeImportProblems, "class A:\n    import requests\n", "imports requests at file scope"),
        (SourceRules.dependencyProblems, "def f():\n    from PlanningHub import A\n", "must not import PlanningHub"),
        (SourceRules.dependencyProblems, "def f():\n    importlib.import_module('Phantom.Head')\n", "import Phantom"),
        (SourceRules.guiProblems, "def f():\n    import qt\n", "imports qt"),
        (SourceRules.guiProblems, "def f():\n    slicer.app.processEvents()\n", "uses slicer.app"),
        (SourceRules.guiProblems, "from slicer import mrmlScene\n", "uses slicer.mrmlScene"),
        (SourceRules.guiProblems, "def f():\n    getattr(slicer, 'app')\n", "uses slicer.app"),
        (SourceRules.guiProblems, "def f():\n    print(1)\n", "uses print"),
        (SourceRules.fileScopeCodeProblems, "import os\nos.getcwd()\n", "New.py:2: runs code"),
        (SourceRules.fileScopeCodeProblems, "for a in ():\n    pass\n", "New.py:1: runs code"),
        (SourceRules.translationProblems, "def f(x):\n    return _(f'{x} mm')\n", "New.py:2:"),
        (SourceRules.requirementProblems, "def f():\n    import manifold3d\n", "manifold3d is in no requirements.txt"),
        (SourceRules.commandWordProblems, "def f(x):\n    return f'{x}: run with --force'\n", "names a command line"),
    ],
)
def test_sourceThatBreaksARuleIsNamed(aSmallExtension, check, code, problem):
    write(aSmallExtension / NEW_FILE, code)
    problems = check(aSmallExtension)
    assert len(problems) == 1 and problem in problems[0]


def test_aTestHelperThatDoesNotCompileIsNamed(aSmallExtension):
    write(aSmallExtension / "Testing/Phantom/New.py", "def broken(:\n")
    assert SourceRules.syntaxProblems(aSmallExtension)[0].startswith("Testing/Phantom/New.py:1:")


def test_pagesOfAModuleImportItsLib_neverItsMainFile_andNoLibImportsPages(aSmallExtension):
    write(aSmallExtension / "PrintPrep/PrintPrepWidgets/Page.py", "import PrintPrepLib\nimport PlanningHubWidgets\n")
    assert SourceRules.dependencyProblems(aSmallExtension) == []
    write(aSmallExtension / "PrintPrep/PrintPrepWidgets/New.py", "import PrintPrep\n")
    write(aSmallExtension / NEW_FILE, "import PrintPrepWidgets\n")
    assert SourceRules.dependencyProblems(aSmallExtension) == [
        "PrintPrepLib/New.py:1: PrintPrepLib must not import PrintPrepWidgets",
        "PrintPrepWidgets/New.py:1: PrintPrepWidgets must not import PrintPrep",
    ]


def test_planningHubLibImportsNoSibling(aSmallExtension):
    write(aSmallExtension / "PlanningHub/PlanningHubLib/New.py", "import PrintPrepLib.Step\n")
    assert SourceRules.dependencyProblems(aSmallExtension) == [
        "PlanningHubLib/New.py:1: PlanningHubLib must not import PrintPrepLib"
    ]


def test_siblingLibsNeverImportEachOther(aSmallExtension):
    addModule(aSmallExtension, "ORExport")
    append(aSmallExtension / "CMakeLists.txt", "add_subdirectory(ORExport)\n")
    append(aSmallExtension / "ORExport/ORExportLib/Step.py", "\n\ndef g():\n    import PrintPrepLib.Step\n")
    assert SourceRules.dependencyProblems(aSmallExtension) == [
        "ORExportLib/Step.py:9: ORExportLib must not import PrintPrepLib"
    ]


# --- metadata ------------------------------------------------------------------------------------------------------


def metadata(name):
    """Return the text of ``set(EXTENSION_<name> "...")``, found as the Extensions Index's checker finds it."""
    return re.search(rf'^set\(EXTENSION_{name} "([^"]+)"\)', topList(), re.MULTILINE).group(1)


def topList():
    return (ROOT / "CMakeLists.txt").read_text()


def test_projectNameIsTheExtensionsAndDoesNotStartWithSlicer():
    assert re.search(r"^project\((\w+)\)", topList(), re.MULTILINE).group(1) == "PlanningHub"


def test_theDescriptionIsOneOrTwoSentencesAndTheCategoryIsAKnownOne():
    assert 1 <= len(re.findall(r"\.(?=\s|$)", metadata("DESCRIPTION"))) <= 2
    assert metadata("CATEGORY") == "Planning"
    assert metadata("DEPENDS") == "NA"


@pytest.mark.parametrize("name", ["ICONURL", "SCREENSHOTURLS"])
def test_everyPictureThatTheMetadataNamesIsInTheTree(name):
    for address in metadata(name).split():
        base, inTree = address.split("/raw/main/")
        assert base == metadata("HOMEPAGE")
        assert (ROOT / inTree).read_bytes().startswith(b"\x89PNG"), f"{inTree} is no PNG"


@pytest.mark.parametrize("path", [f"{name}/Resources/Icons/{name}.png" for name in ExtensionTree.moduleNames(ROOT)])
def test_iconsAre128PixelsSquareWithTransparency(path):
    header = (ROOT / path).read_bytes()[:26]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", header[16:24]) == (128, 128)
    assert header[25] == 6, "the color type is not RGBA"


def test_theLicenseIsApache2():
    text = (ROOT / "LICENSE.txt").read_text()
    assert "Apache License" in text and "Version 2.0, January 2004" in text and "END OF TERMS AND CONDITIONS" in text


# --- pip's view ----------------------------------------------------------------------------------------------------


def pyproject():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_pipInstallsEveryLibAndTheCommandAndReadsEveryRequirementsFile():
    settings = pyproject()["tool"]["setuptools"]
    inTree = {path.name: path.relative_to(ROOT).as_posix() for path in ROOT.glob("*/*Lib") if path.is_dir()}
    inTree["PlanningHubCommand"] = "PlanningHub/PlanningHubCommand"
    below = {
        path.parent.relative_to(folder.parent).as_posix().replace("/", ".")
        for folder in (ROOT / place for place in inTree.values())
        for path in folder.rglob("*/__init__.py")
    }
    assert set(settings["packages"]) == {*inTree, *below}
    assert settings["package-dir"] == inTree
    requirements = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("*/*/requirements.txt")}
    assert set(settings["dynamic"]["dependencies"]["file"]) == requirements


def test_slicerNeverInstallsWhatItShips():
    """Only pip outside Slicer may read the list that names slicer-core."""
    for path in ROOT.glob("*/*Lib/requirements.txt"):
        assert not SourceRules.requirementNames(path) & {"slicer-core", "vtk", "numpy", "scipy", "simpleitk"}, path
    resources = ExtensionTree.shippedFiles(ROOT / "PlanningHub")[1]
    assert "PlanningHubCommand/requirements.txt" not in resources
