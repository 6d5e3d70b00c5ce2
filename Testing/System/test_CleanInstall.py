"""What `pip install .` brings: a wheel is built from a copy of the tree, installed without dependencies and asked."""

import email
import importlib.metadata
import pathlib
import shutil
import subprocess
import sys
import tomllib
import zipfile

import ExtensionTree
import pytest
from ExtensionTree import ROOT
from SourceRules import requirementNames

PACKAGES = ("PlanningHubLib", "PlanningHubCommand", "PrintPrepLib", "ORExportLib", "CentralSyncLib")


def copyTree(destination):
    """Copy the sources alone: what an earlier build left beside them would find its way into the wheel."""
    ignored = shutil.ignore_patterns(".*", "build", "dist", "*-output", "__pycache__", "*.egg-info", "Testing")
    return pathlib.Path(shutil.copytree(ROOT, destination, ignore=ignored))


def buildWheel(tree, folder):
    """Build the wheel of a tree with the setuptools of this environment and return its path."""
    major = int(importlib.metadata.version("setuptools").split(".")[0])
    isolation = ["--no-build-isolation"] if major >= 77 else []
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", *isolation, "--wheel-dir", folder, tree]
    result = subprocess.run(command, capture_output=True, encoding="utf-8")
    if result.returncode != 0 and not isolation:
        pytest.skip(f"setuptools is older than 77 and a newer one cannot be had: {result.stderr[-200:]}")
    assert result.returncode == 0, result.stderr
    return next(pathlib.Path(folder).glob("*.whl"))


def wheelProblems(wheel):
    """Compare the files of a wheel with the packages in the tree, both ways."""
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    expected = {"PlanningHubCommand/requirements.txt"}
    for module in ExtensionTree.moduleNames(ROOT):
        shipped = sum(ExtensionTree.shippedFiles(ROOT / module), [])
        expected.update(name for name in shipped if name.startswith(tuple(f"{package}/" for package in PACKAGES)))
    problems = [f"{name} is not in the wheel" for name in sorted(expected - names)]
    return problems + [f"{name} is in the wheel but not in the packages" for name in sorted(names - expected)]


@pytest.fixture(scope="module")
def aWheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    return buildWheel(copyTree(folder / "tree"), folder)


@pytest.fixture(scope="module")
def anInstallation(aWheel, tmp_path_factory):
    """A folder with the installed wheel alone; its dependencies come from this environment."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, aWheel]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def run(installation, *arguments):
    """Run this Python from an empty folder, seeing the installation and not the tree."""
    empty = installation / "empty"
    empty.mkdir(exist_ok=True)
    environment = {"PYTHONPATH": str(installation), "PATH": "/usr/bin:/bin", "HOME": str(empty)}
    program = [sys.executable, *arguments]
    return subprocess.run(program, cwd=empty, env=environment, capture_output=True, encoding="utf-8")


def test_theWheelHoldsEveryFileOfThePackagesAndNothingElse(aWheel):
    problems = wheelProblems(aWheel)
    assert not problems, "\n" + "\n".join(problems)


def test_aResourceThatTheWheelLeavesOutIsNamed(tmp_path):
    tree = copyTree(tmp_path / "tree")
    text = (tree / "pyproject.toml").read_text()
    assert '"Schemas/*.json"' in text
    (tree / "pyproject.toml").write_text(text.replace(', "Schemas/*.json"', ""))
    assert "PlanningHubLib/Schemas/case-1.schema.json is not in the wheel" in wheelProblems(buildWheel(tree, tmp_path))


def test_theMetadataNamesVersionLicenseAndEveryRequirement(aWheel):
    archive = zipfile.ZipFile(aWheel)
    metadata = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    headers = email.message_from_string(archive.read(metadata).decode())
    source = (ROOT / "PlanningHub/PlanningHubLib/__init__.py").read_text()
    assert f'__version__ = "{headers["Version"]}"' in source
    assert headers["License-Expression"] == "Apache-2.0"
    assert headers["Requires-Python"] == ">=3.11"
    required = [line.lower() for line in headers.get_all("Requires-Dist") if "extra ==" not in line]
    listed = set.union(*(requirementNames(path) for path in ROOT.glob("*/*/requirements.txt")))
    assert {name for name in listed if not any(line.startswith(name) for line in required)} == set()
    entryPoints = archive.read(metadata.replace("METADATA", "entry_points.txt")).decode()
    assert "planninghub = PlanningHubCommand.Main:main" in entryPoints


def test_everyRequirementsFileIsAResourceOfItsInstalledPackage(anInstallation):
    code = (
        "import importlib.resources as r, json, sys\n"
        "print(json.dumps([[len((r.files(p) / 'requirements.txt').read_text()), sys.modules[p].__file__]\n"
        "                  for p in sys.argv[1:] if __import__(p)]))"
    )
    result = run(anInstallation, "-c", code, *PACKAGES)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count(str(anInstallation)) == len(PACKAGES)


def test_theInstalledCommandExplainsItself(anInstallation):
    result = run(anInstallation, "-m", "PlanningHubCommand", "--help")
    assert result.returncode == 0, result.stderr
    for command in ("run", "import", "segment", "print", "package", "sync", "verify", "status"):
        assert command in result.stdout


def test_theInstalledPackagesImportWithoutQtOrTheTree(anInstallation):
    modules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    code = f"import sys, {', '.join(modules)}; assert not {{'qt', 'ctk', 'PySide6'}} & set(sys.modules)"
    result = run(anInstallation, "-c", code)
    assert result.returncode == 0, result.stderr
