"""Models of a plan's copy: written anew, and left out by name where they show a face that must not be seen."""

from .DeidentifyShapes import isFace, leavesFaces, segmentPoints, showsFace
from .DeidentifySurfaces import plyPoints, rewrittenPly
from .Errors import InputRefused
from .Planning.Editing import objectsUsedBy
from .Planning.Plan import MODELS_FOLDER, readPlan

# What these make is a body of its own: it does not have the shape of what it was made for.
DESIGNED = ("defect-implant", "cutting-guide", "drill-guide", "trajectory")


def writeModels(copy, case, plan, names, folder):
    """Write the models of a plan; return the names, in the copy, of those that are left out.

    :param names: name in the plan → name in the copy
    :param folder: of the copied plan
    """
    paths = {name: case.path(plan, file) for file, name in _models(plan).items()}
    data, left = {}, set()
    for name, path in paths.items():
        try:
            data[name] = rewrittenPly(path.read_bytes())
        except InputRefused as error:
            copy.leave(_what(names, name), error.message)
            left.add(names[name])
    ofFaces = _madeOfFaces(copy, plan, *readPlan(case, plan), data) if leavesFaces(copy) else set()
    for name, content in data.items():
        if isFace(copy, plyPoints(content), _what(names, name), name in ofFaces):
            left.add(names[name])
            continue
        path = folder / MODELS_FOLDER / f"{names[name]}.ply"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        copy.add(path, "ply", paths[name])
    return left


def _models(plan):
    start, end = f"{MODELS_FOLDER}/", ".ply"
    return {one: one[len(start) : -len(end)] for one in plan.files if one.startswith(start) and one.endswith(end)}


def _what(names, name):
    return f"model {names[name]} of a plan"


def _madeOfFaces(copy, plan, document, results, data):
    """Return the names of solids that were made of a surface that shows the face.

    Mirrored or moved, it lies on no skin any more, and is a face all the same.
    """
    parents = {link.id for link in plan.parents}
    faces = {
        name
        for path in copy.found.labelmaps if copy.found.owners.get(path) in parents
        for name, points in segmentPoints(path).items() if showsFace(copy, points)
    }  # fmt: skip
    made = {step["name"]: step["objects"] for step in results["steps"]}
    for step in document["steps"]:
        ofFace = step["do"] not in DESIGNED and not faces.isdisjoint(objectsUsedBy(step))
        for name in made.get(step["name"], ()):
            if name in data and (ofFace or showsFace(copy, plyPoints(data[name]))):
                faces.add(name)
    return faces & set(data)
