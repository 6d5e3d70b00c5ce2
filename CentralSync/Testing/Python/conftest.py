"""Fixtures of the sync module's tests."""

from StandInHost.Fixtures import aCaseFolder, host, smallHead, stages, startedHost, user, widgetHome  # noqa: F401
