"""One dataset through the allow-list: what is not named there is not copied, however deep it lies."""

import math
import re

from . import DeidentifyRules as Rules
from .UncheckedValues import uncheckedValues

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
TRACKING_IDENTIFIER = ("112039", "DCM")
SHORTEST_IDENTIFIER = 5


class Cleaner:
    """Copies datasets by allow-list and remembers, by name only, what it dropped and replaced.

    :param mapping: the :class:`PlanningHubLib.DeidentifyKeys.Mapping` of the patient

    ``identifiers`` collects the source's own identifiers, for the check of the copy; they never leave this object.
    """

    def __init__(self, mapping):
        self.mapping = mapping
        self.profile = mapping.profile
        self.dropped, self.replaced = set(), set()
        self.identifiers, self.written = set(), set()

    def clean(self, dataset, isTop=True):
        """Return a new dataset with what may be kept; pixels and documents are left to the caller."""
        from pydicom.dataset import Dataset

        result = Dataset()
        with uncheckedValues():
            for tag in dataset.keys():
                self._copy(dataset, tag, result, isTop)
        return result

    def _copy(self, dataset, tag, result, isTop):
        from pydicom.datadict import keyword_for_tag

        if tag.is_private:
            self.dropped.add("private")
            return
        keyword = keyword_for_tag(tag)
        action = Rules.actionOf(keyword)
        element = _element(dataset, tag, keyword)
        if element is not None:
            self._remember(element)
        if action in ("pixels", "model"):
            return
        value = None
        if action and element is not None and keyword not in self.profile.without:
            value = getattr(self, f"_{action}")(element)
        if value is None and isTop and keyword in Rules.rules()["stayEmpty"]:
            value = ""
        if value is None:
            self.dropped.add(keyword or "unknown")
            return
        setattr(result, keyword, value)
        # A sequence counts by what is in it.
        if element is not None and element.VR != "SQ" and _texts(element) != _texts(result[tag]):
            self.replaced.add(keyword)

    def _remember(self, element):
        """Keep what names the patient or the place, to look for it in the finished copy."""
        if element.VR == "PN":
            for name in _values(element):
                self.identifiers |= {part for part in re.split(r"[\^= ]+", str(name)) if _isTelling(part)}
        elif element.VR == "UI":
            self.identifiers |= {text for text in _texts(element) if text and not Rules.isKnownUid(text)}
        elif element.keyword in Rules.rules()["identifiers"] and element.VR != "SQ":
            self.identifiers |= {text for text in _texts(element) if _isTelling(text)}

    # One function per action; None drops the attribute.

    def _number(self, element):
        from pydicom.datadict import dictionary_VM

        multiplicity, texts = dictionary_VM(element.tag), _texts(element)
        if multiplicity.isdigit() and len(texts) != int(multiplicity):
            return None
        if element.VR in ("DS", "IS"):
            return texts if all(NUMBER.fullmatch(text) for text in texts) else None
        numbers = _values(element)
        isNumeric = all(isinstance(number, (int, float)) and math.isfinite(number) for number in numbers)
        return element.value if numbers and isNumeric else None

    def _choice(self, element):
        texts, kept = _texts(element), []
        for text in texts:
            if not Rules.isListed(element.keyword, text):
                break
            kept.append(text)
        if element.keyword == "ImageType":
            return kept if len(kept) >= 2 else ["DERIVED", "SECONDARY"]
        return kept if kept and len(kept) == len(texts) else None

    def _uid(self, element):
        texts = [text for text in _texts(element) if text]
        return [text if Rules.isKnownUid(text) else self.mapping.uid(text) for text in texts] or None

    def _knownUid(self, element):
        texts = _texts(element)
        return texts if texts and all(map(Rules.isKnownUid, texts)) else None

    def _date(self, element):
        return self.mapping.date(_one(element))

    def _dateTime(self, element):
        return self.mapping.date(_one(element)[:8])

    def _time(self, _element):
        return "000000" if self.profile.dates == "shifted" else None

    def _age(self, element):
        return self.mapping.age(_one(element))

    def _pseudonym(self, _element):
        return self.mapping.pseudonym

    def _empty(self, _element):
        return ""

    def _emptyItems(self, _element):
        return []

    def _label(self, element):
        return Rules.rules()["labels"][element.keyword]

    def _tag(self, element):
        from pydicom.datadict import dictionary_has_tag

        tags = _values(element)
        return element.value if tags and all(map(dictionary_has_tag, tags)) else None

    def _code(self, element):
        items = [self._codeItem(item, element.keyword) for item in element.value]
        return [item for item in items if item is not None] or None

    def _codeItem(self, item, keyword):
        known = Rules.knownCode(_textOf(item, "CodeValue"), _textOf(item, "CodingSchemeDesignator"))
        if known is None or set(item.keys()) - {0x00080100, 0x00080102, 0x00080104}:
            self.dropped.add("CodeMeaning")
        if known is None and keyword.startswith("SegmentedProperty"):
            known = Rules.DUMMY_CODE
        if known is None:
            return None
        self.written.add(known[2])
        return codeItem(*known)

    def _items(self, element):
        if element.keyword == "ContentSequence":
            return self._content(element.value)
        items = [self.clean(item, isTop=False) for item in element.value]
        if element.keyword == "ContentTemplateSequence":
            # A template without its number is none (PS3.3 C.18.8): then the report names no template.
            return [item for item in items if "TemplateIdentifier" in item] or None
        return items

    def _content(self, items):
        """Return the content items that say nothing in words, each with a concept that is known."""
        kept = []
        for item in items:
            cleaned = self.clean(item, isTop=False)
            isReference = "ReferencedSOPSequence" in cleaned and "ConceptNameCodeSequence" not in item
            isKept = "ValueType" in cleaned and ("ConceptNameCodeSequence" in cleaned or isReference)
            if isKept and _hasItsValue(cleaned):
                kept.append(cleaned)
            else:
                self.dropped.add("ContentSequence item")
        return kept or None


def codeItem(value, scheme, meaning):
    """Return an item of a code sequence."""
    from pydicom.dataset import Dataset

    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _hasItsValue(item):
    concept = [(code.CodeValue, code.CodingSchemeDesignator) for code in item.get("ConceptNameCodeSequence", [])]
    needed = {
        "CODE": "ConceptCodeSequence", "NUM": "MeasuredValueSequence", "UIDREF": "UID",
        "IMAGE": "ReferencedSOPSequence", "COMPOSITE": "ReferencedSOPSequence", "SCOORD": "GraphicData",
        "SCOORD3D": "GraphicData", "PNAME": "PersonName",
    }  # fmt: skip
    if item.ValueType == "TEXT":
        return concept == [TRACKING_IDENTIFIER]
    return item.ValueType == "CONTAINER" or needed[item.ValueType] in item


def _element(dataset, tag, keyword):
    """Return an element, None where its value cannot be understood or is not of the kind the standard says."""
    from pydicom.datadict import dictionary_VR

    try:
        element = dataset[tag]
        _values(element)
    except Exception:
        # Whatever a damaged value makes the reader raise: it is not copied.
        return None
    if not keyword:
        return None
    expected = dictionary_VR(tag)
    return element if element.VR in expected.split(" or ") else None


def _values(element):
    value = element.value
    if value is None or (isinstance(value, (str, bytes)) and not value):
        return []
    return list(value) if isinstance(value, (list, tuple)) or hasattr(value, "append") else [value]


def _texts(element):
    return [str(getattr(value, "original_string", None) or value).strip(" \0") for value in _values(element)]


def _one(element):
    texts = _texts(element)
    return texts[0] if len(texts) == 1 else ""


def _textOf(item, keyword):
    try:
        return str(item.get(keyword) or "").strip()
    except Exception:
        return ""


def _isTelling(text):
    """Tell whether a text is long enough not to be met by chance."""
    return len(text) >= (7 if text.isdigit() else SHORTEST_IDENTIFIER)
