"""CMake's own reading of the extension's lists, with a stand-in for Slicer's build tree.

The stand-in has the names that Slicer's ``SlicerConfig.cmake`` and ``UseSlicer.cmake`` offer and writes down what it is
called with. It shows that the lists are valid CMake and hold what the tree holds; only Slicer's real build tree shows
that the package builds.
"""

import pathlib
import re
import shutil
import subprocess

import ExtensionTree
import pytest
from ExtensionTree import ROOT

CONFIG = """
set(Slicer_USE_FILE ${CMAKE_CURRENT_LIST_DIR}/UseSlicer.cmake)
set(Slicer_EXTENSION_GENERATE_CONFIG ${CMAKE_CURRENT_LIST_DIR}/GenerateConfig.cmake)
set(Slicer_EXTENSION_CPACK ${CMAKE_CURRENT_LIST_DIR}/CPack.cmake)
"""
USE_FILE = """
include(CTest)
macro(record)
  file(APPEND ${CMAKE_BINARY_DIR}/record.txt "${ARGN}\\n")
endmacro()
macro(slicerMacroBuildScriptedModule)
  cmake_parse_arguments(MY "WITH_GENERIC_TESTS" "NAME" "SCRIPTS;RESOURCES" ${ARGN})
  if(MY_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "unknown arguments ${MY_UNPARSED_ARGUMENTS}")
  endif()
  foreach(file IN LISTS MY_SCRIPTS MY_RESOURCES)
    if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${file})
      message(FATAL_ERROR "nonexistent file ${file}")
    endif()
  endforeach()
  record(module ${MY_NAME} ${MY_WITH_GENERIC_TESTS})
  record(scripts ${MY_NAME} ${MY_SCRIPTS})
  record(resources ${MY_NAME} ${MY_RESOURCES})
endmacro()
macro(slicer_add_python_unittest)
  cmake_parse_arguments(MY "" "SCRIPT" "SLICER_ARGS" ${ARGN})
  record(unittest ${MY_SCRIPT})
endmacro()
macro(slicer_add_python_test)
  cmake_parse_arguments(MY "" "TESTNAME_PREFIX;SCRIPT" "SLICER_ARGS;SCRIPT_ARGS" ${ARGN})
  record(test ${CMAKE_CURRENT_SOURCE_DIR}/${MY_SCRIPT})
endmacro()
"""
CPACK = """
foreach(name HOMEPAGE CATEGORY CONTRIBUTORS DESCRIPTION ICONURL SCREENSHOTURLS DEPENDS)
  if(NOT EXTENSION_${name})
    message(FATAL_ERROR "EXTENSION_${name} is not set")
  endif()
endforeach()
record(packaged ${PROJECT_NAME})
"""


def findCMake():
    """Return the command of a CMake that is new enough for Slicer, or None."""
    try:
        import cmake

        return pathlib.Path(cmake.CMAKE_BIN_DIR, "cmake")
    except ImportError:
        command = shutil.which("cmake")
    if command is None:
        return None
    version = re.search(r"(\d+)\.(\d+)", subprocess.run([command, "--version"], capture_output=True, text=True).stdout)
    return command if tuple(map(int, version.groups())) >= (3, 28) else None


@pytest.fixture
def configure(tmp_path):
    """Return a function that configures a source folder against a stand-in Slicer of a version."""
    command = findCMake()
    if command is None:
        pytest.skip("no CMake 3.28 or newer (pip install cmake)")
    if shutil.which("make") is None:
        pytest.skip("no make: CMake cannot configure a project")

    def run(source, slicerVersion="5.12.0"):
        standIn = tmp_path / "slicer"
        standIn.mkdir()
        version = f'set(PACKAGE_VERSION "{slicerVersion}")\nset(PACKAGE_VERSION_COMPATIBLE TRUE)\n'
        texts = {
            "SlicerConfig": CONFIG,
            "SlicerConfigVersion": version,
            "UseSlicer": USE_FILE,
            "GenerateConfig": "",
            "CPack": CPACK,
        }
        for name, text in texts.items():
            (standIn / f"{name}.cmake").write_text(text)
        arguments = [
            "-S",
            source,
            "-B",
            tmp_path / "build",
            "-G",
            "Unix Makefiles",
            f"-DSlicer_DIR={standIn}",
            "-DPlanningHub_REPOSITORY=https://example.org/SlicerPlanningHub",
        ]
        # Nothing is compiled: any program may play the compilers that project() asks for.
        for name in ("CMAKE_C_COMPILER", "CMAKE_CXX_COMPILER"):
            arguments += [f"-D{name}={shutil.which('true')}", f"-D{name}_FORCED=1"]
        return subprocess.run([command, *arguments], capture_output=True, text=True), tmp_path / "build" / "record.txt"

    return run


def test_cmakeReadsTheListsAsTheTreeIs(configure):
    result, record = configure(ROOT)
    assert result.returncode == 0, result.stderr
    lines = [line.split(";") for line in record.read_text().splitlines()]
    recorded = {tuple(line[:2]): line[2:] for line in lines}
    for name in ExtensionTree.moduleNames(ROOT):
        scripts, resources = ExtensionTree.shippedFiles(ROOT / name)
        assert recorded["scripts", name] == scripts
        assert recorded["resources", name] == resources
        assert recorded["module", name] == ["TRUE"]
        assert ["unittest", f"{name}.py"] in lines
    assert ["packaged", "PlanningHub"] in lines
    assert all(pathlib.Path(line[1]).is_file() for line in lines if line[0] == "test")


@pytest.mark.parametrize("version", ["5.10.0", "5.11.3", "4.13"])
def test_aSlicerThatIsTooOldIsRefusedByName(configure, version):
    result, _ = configure(ROOT, slicerVersion=version)
    assert result.returncode != 0
    said = " ".join(result.stderr.split())
    assert f"Planning Hub needs Slicer 5.12 or newer; Slicer_DIR points to Slicer {version}" in said


def test_aListedFileThatIsGoneFailsTheConfigure(configure, tmp_path):
    copy = tmp_path / "copy"
    ignored = shutil.ignore_patterns(".*", "build", "demo-output", "bench-output", "__pycache__", "*.egg-info")
    shutil.copytree(ROOT, copy, ignore=ignored)
    (copy / "ORExport/ORExportLib/__init__.py").unlink()
    result, _ = configure(copy)
    assert result.returncode != 0 and "nonexistent file ORExportLib/__init__.py" in result.stderr
