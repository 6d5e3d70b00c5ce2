"""Fixtures of the print module's tests."""

from MadeParts import aGuide, ownSite  # noqa: F401

from StandInHost.Fixtures import aCaseFolder, host, smallHead, stages, startedHost, user, widgetHome  # noqa: F401
