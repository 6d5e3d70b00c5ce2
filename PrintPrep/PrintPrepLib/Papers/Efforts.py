"""The eight efforts of the registry row, from the case's own audit log: what it shows, and no more.

Each line of the log says who finished what, and when. Where the same person's lines follow each other within half an
hour, the time between two of them counts for what the later one finished. That is time at the case, not a stopwatch:
what nobody did in the suite is not in it, and a person whom the site does not know is neither clinician nor other.
What is entered by hand goes first; what neither says stays unknown.
"""

import datetime
import json

from PlanningHubLib.Audit import LOG_NAME

from .PapersFields import ACTIVITIES, PEOPLE, effortField, minutesOf, standingEntries

# Site default, no source: after a longer pause somebody did something else.
LONGEST_PAUSE_MINUTES = 30.0
# What the record shows below a minute was done by a machine.
SHORTEST_MINUTES = 1.0
ACTIVITY_OF_KIND = {
    "source": "segmentation", "segmentation": "segmentation", "plan": "cad", "part": "preparation",
    "build": "preparation", "papers": "preparation", "inspection": "preparation",
}  # fmt: skip
ACTIVITY_OF_ACTION = {
    "segments-reviewed": "segmentation",
    **dict.fromkeys(
        ("request-stated", "request-moved", "request-assigned", "prescription-stated", "consent-recorded",
         "consent-withdrawn", "commented", "comment-resolved", "review-opened", "review-verdict", "review-closed",
         "approved", "reopened", "use-stated"),
        "consultation",
    ),
}  # fmt: skip
ENTERED, RECORDED, UNKNOWN = "entered", "audit log", "unknown"


def efforts(case, site, entries, part):
    """Return the eight efforts: list of ``activity``, ``people``, ``hours``, ``minutes``, ``unknown``, ``source``.

    :param site: :class:`PlanningHubLib.Site.Site`, which knows who is a clinician
    :param entries: of the papers
    """
    recorded, standing = recordedMinutes(case, site), standingEntries(entries, part)
    rows = []
    for activity in ACTIVITIES:
        for people in PEOPLE:
            entry = standing.get(effortField(activity, people))
            minutes = recorded.get((activity, people), 0.0)
            if entry:
                rows.append(_row(activity, people, minutesOf(entry["value"]), ENTERED))
            else:
                isShown = minutes >= SHORTEST_MINUTES
                rows.append(_row(activity, people, minutes if isShown else None, RECORDED if isShown else UNKNOWN))
    return rows


def _row(activity, people, minutes, source):
    hours, rest = (None, None) if minutes is None else divmod(round(minutes), 60)
    return {"activity": activity, "people": people, "hours": hours, "minutes": rest, "unknown": minutes is None,
            "source": source}  # fmt: skip


def recordedMinutes(case, site):
    """Return (activity, people) → minutes at the case that its audit log shows; people None: not known to the site."""
    people = {True: "clinician", False: "other", None: None}
    found, last = {}, {}
    for line in _lines(case):
        when = datetime.datetime.fromisoformat(line["when"])
        before, last[line["who"]] = last.get(line["who"]), when
        activity = _activityOf(line)
        if before is None or activity is None:
            continue
        minutes = (when - before).total_seconds() / 60
        if 0 <= minutes <= LONGEST_PAUSE_MINUTES:
            key = activity, people[site.isClinician(line["who"])]
            found[key] = found.get(key, 0.0) + minutes
    return found


def _lines(case):
    """Yield the entries of the audit log, in their order; a line that cannot be read counts for nothing."""
    try:
        lines = (case.folder / LOG_NAME).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        try:
            entry = json.loads(line)
            yield {key: entry[key] for key in ("when", "who", "action", "what")}
        except (ValueError, KeyError, TypeError):
            continue


def _activityOf(line):
    if line["action"] == "artefact-committed":
        return ACTIVITY_OF_KIND.get(str(line["what"].get("artefact", "")).rpartition("-")[0])
    return ACTIVITY_OF_ACTION.get(line["action"])
