"""What the extension's tree says about itself: its modules, what each ships, and what its CMake lists claim.

Each ``...Problems(root)`` function returns a list of sentences, empty when all is well.
"""

import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
NOT_SHIPPED_FOLDERS = {"Testing", "Pictures", "__pycache__"}
NOT_SHIPPED_FILES = {
    "CMakeLists.txt",
    "PlanningHubCommand/requirements.txt",  # what Slicer ships itself; only pip outside Slicer may read it
}
# Names so general that another extension in the same flat folder is likely to bring them too.
TOO_GENERAL = {"common", "helpers", "lib", "logic", "resources/requirements.txt", "testing", "tests", "util", "utils"}


def moduleNames(root):
    """Return the names of the folders that hold a scripted module, in the order of the top CMakeLists.txt."""
    inTree = [path.parent.name for path in sorted(root.glob("*/CMakeLists.txt")) if isModuleList(path.read_text())]
    listed = subdirectories((root / "CMakeLists.txt").read_text())
    return sorted(inTree, key=lambda name: listed.index(name) if name in listed else len(listed))


def isModuleList(text):
    return "slicerMacroBuildScriptedModule" in text


def subdirectories(text):
    """Return the arguments of every ``add_subdirectory`` of a CMake file."""
    return re.findall(r"^\s*add_subdirectory\(\s*([^\s)]+)", text, re.MULTILINE)


def cmakeList(text, variable):
    """Return the items of ``set(<variable> ...)``, ``${MODULE_NAME}`` filled in; None without such a list."""
    withoutComments = re.sub(r"#.*", "", text)
    found = re.search(rf"set\(\s*{variable}\b(.*?)\)", withoutComments, re.DOTALL)
    if found is None:
        return None
    moduleName = re.search(r"set\(\s*MODULE_NAME\s+(\w+)\s*\)", withoutComments)
    items = found.group(1).split()
    return [item.replace("${MODULE_NAME}", moduleName.group(1)) for item in items] if moduleName else items


def shippedFiles(moduleFolder):
    """Return the files that a module must install as (scripts, resources), relative to its folder with slashes."""
    relative = (path.relative_to(moduleFolder) for path in moduleFolder.rglob("*") if path.is_file())
    shipped = sorted(path.as_posix() for path in relative if isShipped(path))
    shipped.sort(key=lambda name: name.count("/") > 0)  # the module's own script first
    scripts = [name for name in shipped if name.endswith(".py")]
    return scripts, [name for name in shipped if not name.endswith(".py")]


def isShipped(path):
    if NOT_SHIPPED_FOLDERS.intersection(path.parts) or path.name.startswith(".") or path.suffix in {".pyc", ".pyo"}:
        return False
    return path.name != "README.md" and path.as_posix() not in NOT_SHIPPED_FILES


def pasteable(variable, names, moduleName):
    """Return a CMake list in the form in which the module's CMakeLists.txt holds it."""
    pattern = rf"\b{moduleName}(?=(Lib|Widgets|Command)?[./])"
    lines = [f"  {re.sub(pattern, '${MODULE_NAME}', name)}" for name in names]
    return "\n".join([f"set({variable}", *lines, "  )"])


def cmakeListProblems(root):
    """Compare every module's two lists with its folder, both ways; a difference prints the list to paste."""
    problems = []
    for moduleName in moduleNames(root):
        text = (root / moduleName / "CMakeLists.txt").read_text()
        expected = dict(
            zip(("MODULE_PYTHON_SCRIPTS", "MODULE_PYTHON_RESOURCES"), shippedFiles(root / moduleName), strict=True)
        )
        for variable, names in expected.items():
            problems += listDifferences(moduleName, variable, cmakeList(text, variable), names)
    return problems


def listDifferences(moduleName, variable, listed, expected):
    if listed is None:
        return [f"{moduleName}/CMakeLists.txt has no {variable}"]
    counts = collections.Counter(listed)
    faults = [f"{name} is in the tree but not listed" for name in expected if name not in counts]
    faults += [f"{name} is listed but not in the tree" for name in counts if name not in expected]
    faults += [f"{name} is listed {count} times" for name, count in counts.items() if count > 1]
    if not faults:
        return []
    paste = f"paste into {moduleName}/CMakeLists.txt:\n{pasteable(variable, expected, moduleName)}"
    return [f"{moduleName}/CMakeLists.txt, {variable}: {fault}" for fault in faults] + [paste]


def moduleShapeProblems(root):
    """Check that each module has what Slicer's template has, and that the top CMakeLists.txt adds each."""
    problems = []
    listed = subdirectories((root / "CMakeLists.txt").read_text())
    for moduleName in moduleNames(root):
        if moduleName not in listed:
            problems.append(f"CMakeLists.txt does not add the module {moduleName}")
        wanted = [
            f"{moduleName}.py",
            f"{moduleName}Lib/__init__.py",
            f"{moduleName}Lib/requirements.txt",
            f"Resources/UI/{moduleName}.ui",
            f"Resources/Icons/{moduleName}.png",
            "README.md",
            "Testing/CMakeLists.txt",
            "Testing/Python/CMakeLists.txt",
        ]
        problems += [f"{moduleName}/{name} is missing" for name in wanted if not (root / moduleName / name).is_file()]
    return problems


def collisionProblems(root):
    """Check the names that all modules together put into Slicer's one folder of scripted modules.

    Case is ignored, as Windows and macOS ignore it.
    """
    owners = collections.defaultdict(set)
    problems = []
    for moduleName in moduleNames(root):
        for name in sum(shippedFiles(root / moduleName), []):
            owners[name.lower()].add(moduleName)
            if not name.startswith("Resources/"):
                owners[name.split("/")[0].lower()].add(moduleName)
    for name, modules in sorted(owners.items()):
        if len(modules) > 1:
            problems.append(f"{name} is installed by {' and '.join(sorted(modules))}")
        if name in TOO_GENERAL:
            problems.append(f"{name} is too general a name for Slicer's flat folder")
        if name.removesuffix(".py") in {standard.lower() for standard in sys.stdlib_module_names}:
            problems.append(f"{name} hides a module of Python's standard library")
    return problems


def testNameProblems(root):
    """Check that no two test files share a name: pytest imports them into one namespace."""
    folders = [*(root / name / "Testing" for name in moduleNames(root)), root / "Testing"]
    seen = collections.defaultdict(list)
    for path in (path for folder in folders for path in sorted(folder.rglob("test_*.py"))):
        seen[path.name].append(path.relative_to(root).as_posix())
    return [f"{name} exists more than once: {', '.join(paths)}" for name, paths in seen.items() if len(paths) > 1]
