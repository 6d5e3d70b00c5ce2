"""Fixtures of the sync module's tests."""

from UpkeepFixtures import aCase, kept, outbox, pastSeconds  # noqa: F401

from StandInHost.Fixtures import aCaseFolder, host, smallHead, stages, startedHost, user, widgetHome  # noqa: F401
