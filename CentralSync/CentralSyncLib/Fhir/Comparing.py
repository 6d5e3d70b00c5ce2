"""Whether an endpoint keeps what it was given: everything that was sent is there; what a server adds is its own."""

import datetime


def firstDifference(sent, there, references, path=""):
    """Return the path of the first element that is not there as it was sent; None where all is.

    :param references: name in the transaction → ``Type/id`` at the endpoint
    """
    if isinstance(sent, dict):
        return _inDictionary(sent, there, references, path)
    if isinstance(sent, list):
        return _inList(sent, there, references, path)
    return None if _isSame(sent, there, references) else path


def _inDictionary(sent, there, references, path):
    if not isinstance(there, dict):
        return path
    for name, value in sent.items():
        place = f"{path}.{name}" if path else name
        if name not in there:
            return place
        # A server may add tags of its own, and keep older ones.
        if place == "meta.tag":
            if not isinstance(there[name], list) or not all(one in there[name] for one in value):
                return place
            continue
        found = firstDifference(value, there[name], references, place)
        if found:
            return found
    return None


def _inList(sent, there, references, path):
    if not isinstance(there, list) or len(there) != len(sent):
        return path
    pairs = enumerate(zip(sent, there, strict=True))
    return next(filter(None, (firstDifference(a, b, references, f"{path}[{n}]") for n, (a, b) in pairs)), None)


def _isSame(sent, there, references):
    if sent == there and type(sent) is type(there):
        return True
    if not (isinstance(sent, str) and isinstance(there, str)):
        return False
    if sent in references:
        # Absolute, or of a version, it is the same resource.
        return f"/{there}".split("/_history/")[0].endswith(f"/{references[sent]}")
    return _instant(sent) is not None and _instant(sent) == _instant(there)


def _instant(text):
    """A point in time, which servers write in several ways; None for other texts."""
    if "T" not in text:
        return None
    try:
        return datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
