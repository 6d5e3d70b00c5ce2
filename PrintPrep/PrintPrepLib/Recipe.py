"""The recipe of a part: which object, how exact, for which process and material, and the steps that shape it.

Read from a file or filled in on the page; checked, every default written out, so that a part states what it was made
with. Lengths in mm, points and directions in LPS, as in the files that leave.
"""

import json

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Planning.Document import complete, encode, rounded
from PlanningHubLib.SchemaCheck import inWords, schemaFault, shippedSchema

from .PartSteps import steps
from .PartWork import SURFACE

RECIPE_FILE = "recipe.json"


def newRecipe(objectName=None, maximumDeviationMm=0.25, **more):
    """Return a recipe without steps.

    :param objectName: a solid of the current plan or a segment; empty text for the first segment as part of the plan,
        None for the first segment without any plan
    :param more: further keys of the recipe, as ``recipe-1.schema.json`` describes them
    """
    return checked(
        {"format": "planninghub-recipe", "version": 1, "object": objectName, "maximumDeviationMm": maximumDeviationMm,
         **more}
    )  # fmt: skip


def readRecipe(path):
    """Read a recipe's file; a model file that it names is looked for beside it.

    :raises InputRefused: ``cannot-read``, ``bad-recipe``
    """
    try:
        values = json.loads(path.read_bytes())
    except OSError as error:
        raise InputRefused("cannot-read", f"{path} cannot be read: {error.strerror}.", "", [path]) from error
    except ValueError as error:
        raise InputRefused("bad-recipe", f"{path} is no JSON: {error}.", "Correct the file.", [path]) from error
    recipe = checked(values)
    if recipe["model"] and not recipe["model"]["artefact"]:
        recipe["model"]["file"] = str(path.absolute().parent / recipe["model"]["file"])
    return recipe


def checked(values):
    """Return a recipe as it counts: checked, complete, its numbers rounded to a nanometre.

    Checking what is checked already changes nothing.

    :raises InputRefused: ``bad-recipe``, saying where and what
    """
    schema = shippedSchema("recipe-1.schema.json")
    _validate(values, schema, "the recipe")
    recipe = complete(values, schema)
    recipe["steps"] = [rounded(_checkedStep(step, number + 1)) for number, step in enumerate(recipe["steps"])]
    stages = [steps()[step["do"]].stage for step in recipe["steps"]]
    if stages != sorted(stages, key=lambda stage: stage != SURFACE):
        raise _bad("a step that changes the surface stands behind one that changes the solid", "Change their order.")
    return recipe


def recipeBytes(recipe):
    """Return the bytes of a recipe's file; equal recipes give equal bytes."""
    return encode(recipe)


def _checkedStep(step, number):
    kind = steps().get(step["do"])
    if kind is None:
        raise _bad(f"step {number} asks for {step['do']!r}", f"Use one of {', '.join(steps())}.")
    given = {key: value for key, value in step.items() if key != "do"}
    schema = {
        "type": "object", "properties": kind.parameters, "required": list(kind.required), "additionalProperties": False,
    }  # fmt: skip
    _validate(given, schema, f"step {number} ({kind.do})")
    return {"do": kind.do, **complete(given, schema)}


def _validate(values, schema, where):
    fault = schemaFault(values, schema)
    if fault:
        raise _bad(f"in {inWords(where, fault)}", "Correct the recipe.")


def _bad(reason, action):
    return InputRefused("bad-recipe", f"The recipe cannot be used: {reason}.", action)
