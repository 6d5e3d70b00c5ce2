"""The print step by command: a recipe's file, or the options that make one."""

import json
import shutil

import pytest

from PlanningHubCommand.Main import buildParser
from PlanningHubCommand.PartOptions import recipeOf
from PlanningHubLib.Errors import InputRefused, UsageError

FILE = {"format": "planninghub-recipe", "version": 1}


def recipeFrom(*options, command=("print", "--case", "case")):
    return recipeOf(buildParser().parse_args([*command, *map(str, options)]))


@pytest.fixture
def recipeFile(tmp_path):
    def write(**keys):
        path = tmp_path / "recipe.json"
        path.write_text(json.dumps({**FILE, **keys}))
        return path

    return write


@pytest.mark.parametrize("command", [("print", "--case", "case"), ("run", "ct", "--out", "out")])
def test_optionsMakeARecipe(command):
    recipe = recipeFrom(
        "--object", "Guide", "--maximum-deviation-mm", "0.1", "--format", "glb", "--format", "ply", "--profile",
        "sla-generic", "--material", "x", "--use", "guide", "--contact", "tissue-or-bone", "--sterilise", "steam:121",
        "--label-part", command=command,
    )  # fmt: skip
    assert recipe["object"] == "Guide" and recipe["maximumDeviationMm"] == 0.1 and recipe["formats"] == ["glb", "ply"]
    assert (recipe["profile"], recipe["material"], recipe["use"]) == ("sla-generic", "x", "guide")
    assert recipe["contact"] == "tissue-or-bone"
    assert recipe["sterilisation"] == {"method": "steam", "temperatureC": 121}
    assert [step["do"] for step in recipe["steps"]] == ["label"]


def test_withoutOptionsThePartIsTheFirstSegment():
    recipe = recipeFrom()
    assert recipe["object"] is None and recipe["maximumDeviationMm"] == 0.25 and recipe["steps"] == []
    assert all(recipe[key] is None for key in ("profile", "material", "use", "contact", "sterilisation"))


def test_aRecipesFileSaysAllButTheObject(recipeFile):
    path = recipeFile(maximumDeviationMm=0.1, steps=[{"do": "hollow", "wallMm": 3}])
    recipe = recipeFrom("--recipe", path, "--object", "Plate")
    assert recipe["object"] == "Plate" and recipe["maximumDeviationMm"] == 0.1
    assert recipe["steps"][0]["wallMm"] == 3 and recipe["steps"][0]["holesEach"] == 2
    assert recipeFrom("--recipe", recipeFile(object="Bone"))["object"] == "Bone"


@pytest.mark.parametrize("options", [("--maximum-deviation-mm", "0.1"), ("--use", "guide"), ("--label-part",)])
def test_aRecipesFileAndOptionsExcludeEachOther(recipeFile, options):
    with pytest.raises(UsageError):
        recipeFrom("--recipe", recipeFile(), *options)


def test_badOptionsAndRecipesAreRefused(recipeFile, tmp_path):
    for options in (("--sterilise", "sun"), ("--sterilise", "steam:hot"), ("--use", "toy"), ("--format", "step")):
        with pytest.raises(UsageError):
            recipeFrom(*options)
    for path in (recipeFile(steps=[{"do": "melt"}]), tmp_path / "absent.json"):
        with pytest.raises(InputRefused):
            recipeFrom("--recipe", path)


def test_aModelIsLookedForBesideItsRecipe(recipeFile, tmp_path):
    recipe = recipeFrom("--recipe", recipeFile(model={"file": "tray.stl", "unit": "mm", "frame": "LPS"}))
    assert recipe["model"]["file"] == str(tmp_path / "tray.stl")


def test_aRecipeIsCarriedOutOnACase(command, aPackagedCase, recipeFile, tmp_path):
    case = shutil.copytree(aPackagedCase / "case", tmp_path / "case")
    steps = [{"do": "split", "halvesAlong": "left-right", "pins": 0}]
    exitCode, result = command(
        "print",
        "--case",
        case,
        "--recipe",
        recipeFile(maximumDeviationMm=1.0, toleranceMm=3.0, formats=["glb"], steps=steps),
    )
    assert exitCode == 0, result
    names = [output["path"] for output in result["outputs"]]
    assert sum(name.endswith(".stl") for name in names) == 2 and sum(name.endswith(".glb") for name in names) == 1
    assert [piece["name"] for piece in result["facts"]["pieces"]] == ["1", "2"]
    # What is made of the part goes on with both pieces.
    exitCode, packaged = command("package", "--case", case, "--out", tmp_path / "package")
    assert exitCode == 0, packaged
    assert sum("-part-" in output["path"] and output["path"].endswith(".stl") for output in packaged["outputs"]) == 2
    assert command("verify", tmp_path / "package")[1]["ok"] and command("verify", case)[1]["ok"]
