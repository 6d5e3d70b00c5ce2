"""What a de-identified copy may keep: the allow-list, the profiles and the controlled values, read from one resource.

The resource names, per attribute, an action and the source of the rule (DICOM PS3.15 Table E.1-1 where it has the
attribute). What it does not name is dropped, at any depth.
"""

import dataclasses
import functools
import importlib.resources
import json
import re

from .Errors import UsageError

DUMMY_CODE = ("85756007", "SCT", "Tissue")


@dataclasses.dataclass(frozen=True)
class Profile:
    """Who a copy is for, and what follows from it; its name is the purpose that the patient's consent has to cover.

    :param dates: ``shifted`` or ``removed``
    :param age: ``capped`` at 90 years, or a ``band`` of ten years
    :param methodCodes: DCM codes of CID 7050 that always hold
    :param faces: ``accepted`` or ``refused``
    :param without: attributes of the allow-list that this profile drops all the same
    """

    name: str
    dates: str
    age: str
    methodCodes: tuple
    faces: str
    without: tuple = ()


@functools.lru_cache(maxsize=1)
def rules():
    """Return the whole resource as a dictionary."""
    return json.loads((importlib.resources.files(__package__) / "Schemas" / "deidentify-1.json").read_bytes())


def profileNames():
    """Return the names of the profiles."""
    return tuple(rules()["profiles"])


def profileOf(name):
    """Return the :class:`Profile` of a name.

    :raises UsageError: ``unknown-profile``
    """
    values = rules()["profiles"].get(name)
    if values is None:
        raise UsageError("unknown-profile", f"Profile {name!r} is not known.", f"Use {', '.join(profileNames())}.")
    return Profile(name, **{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})


def actionOf(keyword):
    """Return the action of an attribute, or None where it is dropped."""
    row = rules()["attributes"].get(keyword)
    return row[0] if row else None


def isListed(keyword, value):
    """Tell whether a text is one of the controlled values of an attribute."""
    pattern = rules()["patterns"].get(keyword)
    return value in rules()["values"][keyword] or bool(pattern and re.fullmatch(pattern, value))


def isKnownUid(uid):
    """Tell whether a UID is one that the DICOM standard assigns, which names nobody."""
    from pydicom.uid import UID_dictionary

    return uid in UID_dictionary


@functools.lru_cache(maxsize=1)
def _codeDictionary():
    from pydicom.sr.codedict import codes

    known = {tuple(name.split(" ", 1)): meaning for name, meaning in rules()["codes"].items()}
    for scheme in ("DCM", "SCT"):
        concepts = getattr(codes, scheme)
        for name in concepts.dir():
            code = getattr(concepts, name)
            known[scheme, code.value] = code.meaning
    return known


def knownCode(value, scheme):
    """Return (value, scheme, meaning) of a code with the dictionary's own meaning, or None where it is not known."""
    meaning = _codeDictionary().get((scheme, value))
    # The dictionary names what kind of concept a SNOMED term is; a reader does not need it.
    return (value, scheme, meaning.removesuffix(" (body structure)")[:64]) if meaning else None
