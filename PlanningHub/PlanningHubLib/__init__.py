"""The shared domain of the Planning Hub suite: cases, sources, segmentations and the session they live in."""

__version__ = "0.1.0"
