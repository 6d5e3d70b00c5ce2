"""The files of a part: their names, and one file or one body in it for each piece."""

from PlanningHubLib.Files import fileWord, writeAside

from .Formats import WritersGlb, WritersText, WritersThreeMf
from .Formats.WritersStl import PartLabel, stlBytes
from .Recipe import RECIPE_FILE, recipeBytes

# What the case's view, the package and its DICOM model are made from: always there.
OWN_FORMATS = ("stl", "3mf")
# Formats that hold one body hold one piece.
OF_A_PIECE = {"stl": stlBytes, "ply": WritersText.plyBytes}


def partLabel(work):
    """Return what the part's files say about it."""
    identity = work.identity
    side = f"_{identity.side}" if identity.side else ""
    return PartLabel(
        name=f"{identity.caseName}_{fileWord(identity.objectName)}{side}_{identity.partNumber}",
        caseName=identity.caseName,
        partNumber=identity.partNumber,
        side=identity.side,
        sourceContent=identity.sourceContent,
    )


def pieceLabel(label, piece):
    """Return the label of one piece: that of the part where it is the only one."""
    if not piece.name:
        return label
    return label.ofPiece(fileWord(piece.name))


def writeFiles(folder, work, recipe):
    """Write a part's recipe and its pieces in all formats of the recipe, and in STL and 3MF; return each piece's files.

    :returns: list of dictionaries: ``name``, ``volumeMl``, ``triangles``, ``boundsLpsMm``, ``files``
    :raises InputRefused: ``cannot-write``, ``disk-full``
    """
    (folder / RECIPE_FILE).write_bytes(recipeBytes(recipe))
    if work.shape.file:
        writeAside(folder / work.shape.file.keptName, work.shape.file.data)
    label = partLabel(work)
    formats = list(dict.fromkeys([*OWN_FORMATS, *recipe["formats"]]))
    shared = []
    for suffix, data in _ofAllPieces(work, label, formats):
        writeAside(folder / f"{label.name}.{suffix}", data)
        shared.append(f"{label.name}.{suffix}")
    return [_writePiece(folder, piece, pieceLabel(label, piece), formats, shared) for piece in work.pieces]


def _ofAllPieces(work, label, formats):
    bodies = [
        WritersThreeMf.Body(piece.mesh, pieceLabel(label, piece).name, label.partNumber, work.shape.color)
        for piece in work.pieces
    ]
    if "3mf" in formats:
        yield "3mf", WritersThreeMf.packageBytes(bodies, label)
    if "glb" in formats:
        yield "glb", WritersGlb.glbBytes(bodies, label)
    if "obj" in formats:
        yield "obj", WritersText.objBytes(bodies, label)
        yield "mtl", WritersText.mtlBytes(bodies, label)


def _writePiece(folder, piece, label, formats, shared):
    names = []
    for suffix in formats:
        if suffix in OF_A_PIECE:
            writeAside(folder / f"{label.name}.{suffix}", OF_A_PIECE[suffix](piece.mesh, label))
            names.append(f"{label.name}.{suffix}")
    return {
        "name": piece.name,
        "volumeMl": round(piece.mesh.volumeMl, 3),
        "triangles": len(piece.mesh.triangles),
        "boundsLpsMm": piece.mesh.boundsMm,
        "files": [*names, *shared],
    }
