"""What the README files say, held against the tree and the code.

Each ``...Problems(root)`` function returns a list of sentences, empty when all is well.
"""

import argparse
import ast
import re
import shlex

from ExtensionTree import moduleNames

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
INLINE_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
KEBAB = re.compile(r"[a-z]+(?:-[a-z]+)+")
PLACEHOLDER = re.compile(r"[A-Z]+$")
MACHINE_PATH = re.compile(r"(?<![\w.>])/(?:tmp|home|root|work|Users|mnt)/")
MOST_LINES = 360
STARTS_OF_KINDS = ("no-", "stale-", "damaged-")


def readmes(root):
    """Return the README files of the project: the top one, and those at most three folders down."""
    found = [path for depth in range(4) for path in root.glob("[!.]*/" * depth + "README.md")]
    return sorted(path for path in found if path.is_file())


def code(text, *languages):
    """Return the contents of the fenced blocks in any of the languages."""
    return [content for language, content in FENCE.findall(text) if language in languages]


def prose(text):
    """Return the text without its fenced blocks."""
    return FENCE.sub("", text)


def named(root, path):
    return path.relative_to(root).as_posix()


def linkProblems(root):
    """Check that each relative link leads to a file or folder, and each anchor to a heading."""
    problems = []
    for path in readmes(root):
        for target in LINK.findall(prose(path.read_text(encoding="utf-8"))):
            if re.match(r"[a-z]+:", target):
                continue
            name, _mark, anchor = target.partition("#")
            place = path.parent / name if name else path
            if not place.exists():
                problems.append(f"{named(root, path)} links to {target}, which does not exist")
            elif anchor and anchor not in anchors(place):
                problems.append(f"{named(root, path)} links to {target}, which is no heading there")
    return problems


def anchors(path):
    """Return the anchors of a page's headings, as the hosts of repositories make them."""
    headings = re.findall(r"^#+ (.+)$", prose(path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commandProblems(root):
    """Check each ``planninghub`` command line against the parser, and that the top page names every command."""
    from PlanningHubCommand.Main import buildParser

    commands = subparsers(buildParser())
    problems = []
    for path in readmes(root):
        for words in commandLines(path.read_text(encoding="utf-8")):
            problems += [f"{named(root, path)}: {fault}" for fault in commandFaults(words, commands)]
    top = (root / "README.md").read_text(encoding="utf-8")
    return problems + [
        f"README.md does not name planninghub {name}" for name in commands if f"planninghub {name} " not in top
    ]


def subparsers(parser):
    """Return command name → its parser."""
    return next(action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction))


def commandLines(text):
    """Return the words after ``planninghub`` of every command in shell blocks and in inline code."""
    lines = [line for block in code(text, "sh") for line in block.replace("\\\n", " ").splitlines()]
    lines += INLINE_CODE.findall(prose(text))
    found = (re.match(r"(?:\$ )?(?:\S*/)?planninghub\s+(.+)", line.strip()) for line in lines)
    return [shlex.split(match.group(1).replace("[", " ").replace("]", " "), comments=True) for match in found if match]


def commandFaults(words, commands):
    name = words[0]
    if name.startswith("-") or PLACEHOLDER.match(name):
        return [] if name in ("--version", "--help", "COMMAND") else [f"planninghub {name} is no option"]
    if name not in commands:
        return [f"planninghub {name} is no command"]
    known = {option: action for action in innermost(words, commands)._actions for option in action.option_strings}
    faults = [f"planninghub {name} has no {word}" for word in words if word.startswith("--") and word not in known]
    for option, value in zip(words[1:], words[2:], strict=False):
        choices = known[option].choices if option in known else None
        if choices and value not in choices and not PLACEHOLDER.match(value):
            faults.append(f"planninghub {name} {option} cannot be {value}")
    return faults


def innermost(words, commands):
    """Return the parser of a command, or of the act of it that the next word names."""
    parser = commands[words[0]]
    isNested = any(isinstance(action, argparse._SubParsersAction) for action in parser._actions)
    acts = subparsers(parser) if isNested else {}
    return acts.get(words[1] if len(words) > 1 else "", parser)


def makeProblems(root):
    """Check that each ``make`` target named is one of the Makefile's, and each variable one that it reads."""
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    targets = {"", *re.findall(r"^(\w+):", makefile, re.MULTILINE)}
    problems = []
    for path in readmes(root):
        text = path.read_text(encoding="utf-8")
        lines = [line for block in code(text, "sh") for line in block.splitlines()] + INLINE_CODE.findall(prose(text))
        for line in (line for line in lines if re.match(r"make( |$)", line)):
            for word in shlex.split(line)[1:]:
                variable = word.partition("=")[0] if "=" in word else None
                if f"$({variable})" not in makefile if variable else word not in targets:
                    problems.append(f"{named(root, path)}: the Makefile does not know {word}")
    return problems


def nameProblems(root):
    """Check that every name such as ``missing-slice`` in inline code is one that the source uses.

    Pages about testing name Debian packages too: they are left out.
    """
    known = sourceNames(root)
    return [
        f"{named(root, path)} names {name}, which is nowhere in the source"
        for path in readmes(root)
        if "Testing" not in path.relative_to(root).parts
        for name in sorted(set(INLINE_CODE.findall(prose(path.read_text(encoding="utf-8")))))
        if KEBAB.fullmatch(name) and name not in known
    ]


def sourceNames(root):
    """Return the kebab-case texts of the product's source, codes that end in a kind, names of packages, procedures."""
    files = [path for name in moduleNames(root) for path in (root / name).glob("*/**/*.py")]
    texts = set()
    for path in files:
        if "Testing" in path.relative_to(root).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
    kinds = texts & {"source", "segmentation", "plan", "part", "package", "receipt", "external"}
    starts = {text for text in texts if text in STARTS_OF_KINDS}
    packages = [path.read_text(encoding="utf-8") for path in (root / "Makefile", *root.glob("*/*/requirements.txt"))]
    texts |= {path.stem for path in root.glob("*/*/Procedures/*.json")}
    return texts | {start + kind for start in starts for kind in kinds} | set(KEBAB.findall(" ".join(packages)))


def fileProblems(root):
    """Check that each module's page names every file of its Lib package, and no page a file that is not there."""
    problems = []
    present = {path.name for path in root.glob("[!.]*/**/*.py")} | {path.name for path in root.glob("*.py")}
    for path in readmes(root):
        text = prose(path.read_text(encoding="utf-8"))
        names = {name for name in INLINE_CODE.findall(text) if re.fullmatch(r"\w+\.py", name)}
        gone = sorted(names - present - {"my_test.py"})
        problems += [f"{named(root, path)} names {name}, which does not exist" for name in gone]
    for name in moduleNames(root):
        text = (root / name / "README.md").read_text(encoding="utf-8")
        library = sorted(path.name for path in (root / name / f"{name}Lib").glob("[!_]*.py"))
        problems += [f"{name}/README.md does not name {file}" for file in library if f"`{file}`" not in text]
    return problems


def pageProblems(root):
    """Check each page: Python blocks compile, no paths of a machine, not too long."""
    problems = []
    for path in readmes(root):
        text = path.read_text(encoding="utf-8")
        for block in code(text, "python"):
            try:
                ast.parse(block)
            except SyntaxError as error:
                problems.append(f"{named(root, path)}: {error.msg} in a Python block")
        if MACHINE_PATH.search(text):
            problems.append(f"{named(root, path)} holds a path of a machine")
        if len(text.splitlines()) >= MOST_LINES:
            problems.append(f"{named(root, path)} has {MOST_LINES} lines or more")
    return problems
