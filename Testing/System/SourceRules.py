"""The house's rules for product source, read from the syntax tree without running anything.

Each ``...Problems(root)`` function returns a list of sentences, empty when all is well.
"""

import ast
import re
import sys
import typing

from ExtensionTree import moduleNames, shippedFiles

OLDEST_PYTHON = (3, 11)
# What Slicer ships and the Extensions Index accepts at file scope.
FILE_SCOPE_PACKAGES = {"numpy", "scipy", "vtk", "vtkmodules", "SimpleITK", "slicer", "qt", "ctk"}
SLICER_ONLY = {"slicer", "qt", "ctk", "vtk", "vtkmodules", "vtkITK"}
# The one file that knows whether it runs inside Slicer, so that no other has to.
SESSION_FILES = {"PlanningHubLib/Session.py"}
COMMAND_WORDS = re.compile(r"(?:^|[\s(])--[a-z]|\bplanninghub [a-z]")
SLICER_SINGLETONS = {"app", "mrmlScene", "modules"}
DISTRIBUTIONS = {"PIL": "pillow", "igl": "libigl", "pxr": "usd-core", "zxingcpp": "zxing-cpp"}


class Source(typing.NamedTuple):
    """One product file: the top-level package or script it belongs to, its installed name and its syntax tree."""

    owner: str
    name: str
    tree: ast.Module


class Import(typing.NamedTuple):
    """One import statement: the dotted name, its line, and whether it runs when the file is imported."""

    dotted: str
    line: int
    atFileScope: bool

    @property
    def top(self):
        return self.dotted.split(".")[0]


def productSources(root):
    """Return every shipped Python file, parsed by the oldest supported Python's grammar, or raise SyntaxError."""
    sources = []
    for moduleName in moduleNames(root):
        for name in shippedFiles(root / moduleName)[0]:
            text = (root / moduleName / name).read_text(encoding="utf-8")
            owner = name.split("/")[0].removesuffix(".py")
            sources.append(Source(owner, name, ast.parse(text, name, feature_version=OLDEST_PYTHON)))
    return sources


def syntaxProblems(root):
    """Compile every Python file of the tree, tests included, with this Python and the oldest one's grammar."""
    problems = []
    for moduleName in [*moduleNames(root), "Testing"]:
        for path in sorted((root / moduleName).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            try:
                ast.parse(text, str(path), feature_version=OLDEST_PYTHON)
                compile(text, str(path), "exec", dont_inherit=True)
            except SyntaxError as error:
                problems.append(f"{path.relative_to(root).as_posix()}:{error.lineno}: {error.msg}")
    return problems


def importsOf(tree):
    """Return every import of a file; one inside a function does not run when the file is imported."""
    found = []

    def visit(node, atFileScope):
        if isinstance(node, ast.Import):
            found.extend(Import(alias.name, node.lineno, atFileScope) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.append(Import(node.module, node.lineno, atFileScope))
        elif isinstance(node, ast.Call) and calledName(node) in {"import_module", "__import__"}:
            found.extend(
                Import(argument.value, node.lineno, atFileScope)
                for argument in node.args[:1]
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
            )
        inner = atFileScope and not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for child in ast.iter_child_nodes(node):
            visit(child, inner)

    for statement in tree.body:
        if not isTypeChecking(statement):
            visit(statement, True)
    return found


def calledName(call):
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", None)


def isTypeChecking(statement):
    return isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test)


def isLib(owner):
    return owner.endswith("Lib")


def fileScopeImportProblems(root):
    """Packages that Slicer does not ship must not be imported at file scope."""
    sources = productSources(root)
    allowed = FILE_SCOPE_PACKAGES | set(sys.stdlib_module_names) | {source.owner for source in sources}
    return [
        f"{source.name}:{found.line}: imports {found.top} at file scope; import it in the function that uses it"
        for source in sources
        for found in importsOf(source.tree)
        if found.atFileScope and found.top not in allowed
    ]


def dependencyProblems(root):
    """Who may import whom: siblings never each other, nobody a module's main file, no product code a test package."""
    modules = moduleNames(root)
    sources = productSources(root)
    testPackages = {path.name for path in (root / "Testing").iterdir() if path.is_dir()}
    own = {source.owner for source in sources} | testPackages | {"Testing"}
    problems = []
    for source in sources:
        allowed = allowedOwnImports(source.owner, modules)
        problems += [
            f"{source.name}:{found.line}: {source.owner} must not import {found.top}"
            for found in importsOf(source.tree)
            if found.top in own and found.top not in allowed | {source.owner}
        ]
    return problems


def allowedOwnImports(owner, modules):
    """Return the suite's packages that a package or a module's main file may import besides itself."""
    libs = {f"{name}Lib" for name in modules}
    if owner == "PlanningHubLib":
        return set()
    if owner == "PlanningHubCommand":
        return libs
    if owner in modules:
        return {"PlanningHubLib", "PlanningHubWidgets", f"{owner}Lib", f"{owner}Widgets"}
    if owner.endswith("Widgets"):
        return {"PlanningHubLib", "PlanningHubWidgets", f"{owner.removesuffix('Widgets')}Lib"}
    return {"PlanningHubLib"}


def guiProblems(root):
    """Libs and the command know no Qt; Libs know neither Slicer's application nor its one scene, and never print."""
    problems = []
    for source in productSources(root):
        if isLib(source.owner) or source.owner == "PlanningHubCommand":
            problems += [
                f"{source.name}:{found.line}: imports {found.top}"
                for found in importsOf(source.tree)
                if found.top in {"qt", "ctk", "PySide6"}
            ]
        if isLib(source.owner):
            for node in ast.walk(source.tree):
                what = forbiddenInLib(node, source.name)
                problems += [f"{source.name}:{node.lineno}: uses {what}"] if what else []
    return problems


def forbiddenInLib(node, name):
    if isinstance(node, ast.Call) and calledName(node) == "print" and isinstance(node.func, ast.Name):
        return "print"
    if name in SESSION_FILES:
        return None
    if isinstance(node, ast.Attribute) and node.attr in SLICER_SINGLETONS and getattr(node.value, "id", "") == "slicer":
        return f"slicer.{node.attr}"
    if isinstance(node, ast.ImportFrom) and node.module == "slicer":
        return next((f"slicer.{alias.name}" for alias in node.names if alias.name in SLICER_SINGLETONS), None)
    if isinstance(node, ast.Call) and calledName(node) == "getattr" and getattr(node.args[0], "id", "") == "slicer":
        singleton = node.args[1].value if isinstance(node.args[1], ast.Constant) else None
        return f"slicer.{singleton}" if singleton in SLICER_SINGLETONS else None
    return None


def fileScopeCodeProblems(root):
    """Nothing runs at file scope: only imports, definitions, assignments and the ``__main__`` guard stand there."""
    problems = []
    for source in productSources(root):
        if source.name.endswith("/__main__.py"):
            continue
        problems += [
            f"{source.name}:{statement.lineno}: runs code at file scope"
            for statement in source.tree.body
            if not isDeclaration(statement)
        ]
    return problems


def isDeclaration(statement):
    if isinstance(
        statement,
        (
            ast.Import,
            ast.ImportFrom,
            ast.FunctionDef,
            ast.AsyncFunctionDef,
            ast.ClassDef,
            ast.Assign,
            ast.AnnAssign,
            ast.Pass,
        ),
    ):
        return True
    if isinstance(statement, ast.Try):
        handlers = [inner for handler in statement.handlers for inner in handler.body]
        return all(map(isDeclaration, [*statement.body, *handlers, *statement.orelse, *statement.finalbody]))
    if isinstance(statement, ast.If):
        return isTypeChecking(statement) or "__name__" in ast.unparse(statement.test)
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def translationProblems(root):
    """A string to translate is a literal: an f-string is filled in before it can be looked up."""
    return [
        f"{source.name}:{node.lineno}: an f-string is passed to _()"
        for source in productSources(root)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "_"
        and any(isinstance(argument, ast.JoinedStr) for argument in node.args)
    ]


def commandWordProblems(root):
    """What a Lib says is read in a widget, too: it names no command line and no option."""
    problems = []
    for source in productSources(root):
        docstrings = {id(node.value) for node in ast.walk(source.tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(source.tree) if isLib(source.owner) else ():
            isText = isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
            if isText and " " in node.value and COMMAND_WORDS.search(node.value):
                problems.append(f"{source.name}:{node.lineno}: names a command line")
    return problems


def requirementProblems(root):
    """Every package that a Lib imports is in its requirements.txt, in PlanningHubLib's or in pip's base list."""
    sources = productSources(root)
    known = FILE_SCOPE_PACKAGES | SLICER_ONLY | set(sys.stdlib_module_names) | {source.owner for source in sources}
    requirementFiles = {path.parent.name: requirementNames(path) for path in root.glob("*/*/requirements.txt")}
    shared = requirementFiles.get("PlanningHubLib", set()) | requirementFiles.get("PlanningHubCommand", set())
    problems = []
    for source in sources:
        declared = requirementFiles.get(source.owner, set()) | shared
        problems += [
            f"{source.name}:{found.line}: {found.top} is in no requirements.txt that {source.owner} reads"
            for found in importsOf(source.tree)
            if found.top not in known and normalized(DISTRIBUTIONS.get(found.top, found.top)) not in declared
        ]
    return problems


def requirementNames(path):
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    return {normalized(re.match(r"[\w.-]+", line).group()) for line in lines if line}


def normalized(name):
    return re.sub(r"[-_.]+", "-", name).lower()
