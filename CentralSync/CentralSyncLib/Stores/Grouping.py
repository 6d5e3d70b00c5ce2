"""Items of DICOM objects, put together as stores ask for them, and answers put together again."""

import itertools

from .CentralStore import CONFLICT, UNFIT, Answer

NO_IDENTITY = "It has no SOP Instance, Series or Study UID of its own, so an archive cannot keep it."
TWO_CONTENTS = "Two files of the case have this SOP Instance UID and different content; neither is sent."


def unfit(items):
    """Return answers for the items whose identity does not let an archive keep them."""
    answers, byUid = {}, {}
    for item in items:
        if not (item.sopInstanceUid and item.seriesUid and item.studyUid):
            answers[item.sha256] = Answer(UNFIT, NO_IDENTITY)
        else:
            byUid.setdefault(item.sopInstanceUid, []).append(item)
    for same in byUid.values():
        if len(same) > 1:
            answers.update(forAll(same, Answer(CONFLICT, TWO_CONTENTS)))
    return answers


def bySeries(items):
    """Return lists of the items of each series."""

    def key(item):
        return item.studyUid, item.seriesUid

    return [list(group) for _key, group in itertools.groupby(sorted(items, key=key), key)]


def batches(items, mostItems, mostBytes):
    """Yield lists of items in their order, of limited number and size; at least one in each."""
    batch, size = [], 0
    for item in items:
        if batch and (len(batch) == mostItems or size + item.bytes > mostBytes):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += item.bytes
    if batch:
        yield batch


def forAll(items, answer):
    return {item.sha256: answer for item in items}


def merged(answers):
    return {digest: answer for answered in answers for digest, answer in answered.items()}
