"""Runs commands of governance on copies of cases and checks how they end."""

import json
import shutil

import pytest

SIGNED = ("--date", "2026-01-31", "--document", "version 4")


@pytest.fixture(scope="module")
def anImported(command, smallHead, tmp_path_factory):
    """Folder of a case with nothing but its CT; only to be copied."""
    folder = tmp_path_factory.mktemp("imported") / "case"
    assert command("import", smallHead, "--case", folder, "--side", "left")[0] == 0
    return folder


@pytest.fixture
def aCase(anImported, tmp_path):
    return shutil.copytree(anImported, tmp_path / "case")


@pytest.fixture
def aFullCase(aPackagedCase, tmp_path):
    """A copy of a case with part and package."""
    return shutil.copytree(aPackagedCase / "case", tmp_path / "case")


@pytest.fixture
def aHome(ownHome, tmp_path):
    """A copy of the settings with the installation's key; a site of its own can be written into it."""
    return shutil.copytree(ownHome, tmp_path / "home")


def writeSite(home, users=(), **settings):
    values = {"format": "planninghub-site", "version": 1, "users": list(users), "approvals": [], **settings}
    (home / "site.json").write_text(json.dumps(values))
    (home / "site.json").chmod(0o644)


@pytest.fixture
def call(command, program):
    """Run a command and return its exit code and its JSON object."""

    def called(*arguments, process=False, **options):
        exitCode, result = (program if process else command)(*arguments, **options)
        assert result["exit_code"] == exitCode
        return exitCode, result

    return called


@pytest.fixture
def ask(call):
    """Run a command that must succeed, and return its JSON object."""

    def succeed(*arguments, **options):
        exitCode, result = call(*arguments, **options)
        assert exitCode == 0, result
        return result

    return succeed


@pytest.fixture
def refuse(call):
    """Run a command that must be refused by this code and exit code; return its finding."""

    def refused(code, exitCode, *arguments, **options):
        given, result = call(*arguments, **options)
        assert given == exitCode, result
        (finding,) = [one for one in result["findings"] if one["severity"] == "reject"]
        assert finding["code"] == code and finding["message"], finding
        return finding

    return refused


def auditOf(case):
    return [json.loads(line) for line in (case / "audit.log").read_text().splitlines()]


# Prescription, comments, review
PRESCRIBER = ("--prescriber-name", "A. Prescriber", "--prescriber-qualification", "neurosurgeon",
              "--prescriber-institution", "A hospital")  # fmt: skip
DEVICE = ("--device", "Cranial plate", *PRESCRIBER)
