"""What people enter into a part's papers after it was made: the fields, and the entries, none of which is ever lost."""

import dataclasses
import datetime
import json
import re

from PlanningHubLib.Errors import InputRefused, UsageError
from PlanningHubLib.Locking import currentUser, utcNow

from .Copies import SIGN

TRAVELLER, STATEMENT, LABEL, REGISTRY = "traveller", "statement", "label", "registry"
TEXT, DATE, DURATION = "text", "date", "duration"
ACTIVITIES = ("consultation", "segmentation", "cad", "preparation")
# How an activity is called on paper.
ACTIVITY_TITLES = {
    "consultation": "consultation", "segmentation": "segmentation", "cad": "design (CAD)",
    "preparation": "print preparation and post-processing",
}  # fmt: skip
PEOPLE = {"clinician": "clinician", "other": "non-clinician"}
_LONGEST = 500
_DURATION = re.compile(r"(\d{1,3}):([0-5]\d)")


@dataclasses.dataclass(frozen=True)
class Field:
    """A field of the papers.

    :param section: which paper it stands on
    :param kind: ``text``, ``date`` (2026-01-31) or ``duration`` (hours:minutes)
    :param needed: whether the part is not released without
    """

    name: str
    section: str
    title: str
    kind: str = TEXT
    needed: bool = False


TRAVELLER_FIELDS = (
    Field("machine", TRAVELLER, "Machine (name or serial number)", needed=True),
    Field("lot", TRAVELLER, "Lot of the material", needed=True),
    Field("operator", TRAVELLER, "Operator", needed=True),
    Field("printed", TRAVELLER, "Date of printing", DATE, needed=True),
    Field("cleaning", TRAVELLER, "Cleaning (agent, duration)", needed=True),
    Field("post-cure", TRAVELLER, "Post-curing (duration, temperature; or not applicable)", needed=True),
    Field("cycle-number", TRAVELLER, "Number of the sterilization cycle"),
)
OTHER_FIELDS = (
    Field("conformity", STATEMENT, "Conformity with Annex I, as the manufacturer declares it"),
    Field("annex-1-exceptions", STATEMENT, "Requirements of Annex I not fully met, with the grounds; or none"),
    Field("substances", STATEMENT, "Medicinal substances, tissues or cells of human or animal origin; or none"),
    Field("storage", LABEL, "Storage and handling"),
    Field("warnings", LABEL, "Warnings and precautions"),
    Field("model-use", REGISTRY, "What the print was used for"),
    Field("assessment", REGISTRY, "Assessment by the user"),
)


def fields():
    """Return name → :class:`Field`, in the order in which pages show them."""
    efforts = [
        Field(effortField(activity, people), REGISTRY, f"Time for {title}, {who}", DURATION)
        for activity, title in ACTIVITY_TITLES.items()
        for people, who in PEOPLE.items()
    ]
    return {one.name: one for one in (*TRAVELLER_FIELDS, *OTHER_FIELDS, *efforts)}


def effortField(activity, people):
    """Return the name of the field of an activity's time."""
    return f"effort-{activity}-{people}"


def readEntries(path):
    """Read entries from a JSON file that maps field names to texts.

    :raises InputRefused: ``cannot-read``, ``bad-entries``
    """
    try:
        values = json.loads(path.read_bytes())
    except OSError as error:
        raise InputRefused("cannot-read", f"{path} cannot be read: {error.strerror}.", "", [path]) from error
    except ValueError as error:
        raise InputRefused("bad-entries", f"{path.name} is no JSON: {error}.", "Correct the file.", [path]) from error
    if not isinstance(values, dict):
        raise InputRefused("bad-entries", f"{path.name} maps no fields to texts.", "Correct the file.", [path])
    return values


def newEntries(values, part, user=None, patientWords=frozenset(), copies=(None,)):
    """Return checked entries of a part: field, value, who, when, and the content of the part that they are about.

    :param values: field's name → text; ``cycle-number@2`` is about copy 2 only
    :param patientWords: in lower case; the papers know the patient by the pseudonym only
    :param copies: the numbers of the part's copies
    :raises UsageError: ``no-such-field``, ``no-such-copy``, ``bad-entry``, ``identifying-text``
    """
    who, now = user or currentUser(), utcNow()
    entries = []
    for key, value in values.items():
        name, copy = _fieldAndCopy(key, copies)
        text = _checked(name, value)
        if {word.casefold() for word in re.findall(r"\w+", text)} & patientWords:
            raise UsageError(
                "identifying-text", f"{fields()[name].title}: the text holds a part of the patient's name or ID.",
                "Use other words: the papers know the patient by the case's pseudonym only.",
            )  # fmt: skip
        about = {} if copy is None else {"copy": copy}
        entries.append({"field": name, **about, "value": text, "who": who, "when": now, "part": part.content})
    return entries


def _fieldAndCopy(key, copies):
    name, sign, number = key.partition(SIGN)
    if not sign:
        return name, None
    copy = int(number) if number.isdecimal() else 0
    if copy not in copies or name not in [one.name for one in TRAVELLER_FIELDS]:
        action = f"The build has copies 1 to {copies[-1]}." if copies[-1] else "The build has one of the part."
        raise UsageError("no-such-copy", f"Nothing of {key} can be entered.", action)
    return name, copy


def _checked(name, value):
    known = fields()
    if name not in known:
        raise UsageError("no-such-field", f"The papers have no field {name}.", f"Use {', '.join(known)}.")
    field, text = known[name], value.strip() if isinstance(value, str) else ""
    isGood = 0 < len(text) <= _LONGEST and text.isprintable()
    if field.kind == DATE:
        isGood = isGood and _isPastDate(text)
    if field.kind == DURATION:
        isGood = isGood and _DURATION.fullmatch(text) is not None
    if not isGood:
        form = {TEXT: "some words on one line", DATE: "a date not in the future, such as 2026-01-31",
                DURATION: "hours:minutes, such as 1:30"}[field.kind]  # fmt: skip
        raise UsageError("bad-entry", f"{field.title}: {value!r} cannot be entered.", f"Enter {form}.")
    return text


def _isPastDate(text):
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError:
        return False
    # One day of grace for time zones.
    latest = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=1)
    return day.isoformat() == text and day <= latest


def minutesOf(text):
    """Return the minutes of a duration as it is entered."""
    hours, minutes = _DURATION.fullmatch(text).groups()
    return 60 * int(hours) + int(minutes)


def standingEntries(entries, part, copy=None):
    """Return field's name → the newest entry about this very content of a part.

    :param copy: number of a copy: what was entered for it goes before what was entered for all
    """
    found = {}
    for about in (None, copy):
        found |= {one["field"]: one for one in entries if one["part"] == part.content and one.get("copy") == about}
    return found


def fieldRows(entries, part, copies=(None,)):
    """Return (:class:`Field`, the value that stands or empty text, whether release waits for it) of all fields.

    :param copies: one number: of that copy; several: a value has to stand for each of them
    """
    standing = standingEntries(entries, part, copies[0] if len(copies) == 1 else None)
    missing = [field for copy in copies for field in missingFields(entries, part, copy)]
    return [
        (field, standing[name]["value"] if name in standing else "", field in missing)
        for name, field in fields().items()
    ]


def changedValues(texts, entries, part, copy=None):
    """Return field's name → text of those texts that say something else than what stands.

    :param copy: whose traveller it is; None for all copies
    """
    standing, ofCopy = standingEntries(entries, part, copy), [one.name for one in TRAVELLER_FIELDS]
    return {
        f"{name}{SIGN}{copy}" if copy is not None and name in ofCopy else name: text
        for name, text in texts.items()
        if text.strip() and (name not in standing or standing[name]["value"] != text.strip())
    }


def missingFields(entries, part, copy=None):
    """Return the fields that the traveller still needs before the part, or a copy of it, is released."""
    standing = standingEntries(entries, part, copy)
    return [field for field in TRAVELLER_FIELDS if field.needed and field.name not in standing]
