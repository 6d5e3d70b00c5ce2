"""The outbox's connections: one for each thread that asks at the same time, one transaction for each change."""

import contextlib
import threading

from . import Schema
from .Transitions import Author, Recorder


class Database:
    """An open database of the outbox.

    :param db: a first connection to it
    """

    def __init__(self, folder, db, seals, clock):
        self._folder, self._seals, self._clock = folder, seals, clock
        self._author = Author.here()
        self._writing, self._guard = threading.Lock(), threading.Lock()
        self._free, self._all = [db], [db]
        self.isSound = True
        """Whether no damage was met."""

    @property
    def isOpen(self):
        return bool(self._all)

    @contextlib.contextmanager
    def reading(self):
        """Yield a connection that nobody else uses meanwhile; SQLite's errors leave as named ones."""
        with self._guard:
            db = self._free.pop() if self._free else None
        try:
            with Schema.namedErrors(self._folder, self._noteDamage):
                db = db or self._connect()
                yield db
        finally:
            with self._guard:
                if db in self._all:
                    self._free.append(db)

    @contextlib.contextmanager
    def locked(self):
        """As :meth:`reading`, inside a transaction that lets no other one write."""
        with self._writing, self.reading() as db, Schema.transaction(db):
            yield db

    @contextlib.contextmanager
    def changing(self):
        """As :meth:`locked`; yield connection and :class:`CentralSyncLib.Outbox.Transitions.Recorder`."""
        with self.locked() as db:
            recorder = Recorder(db, self._seals, self._author, float(self._clock()))
            yield db, recorder
            recorder.write()

    def close(self):
        with self._guard:
            connections, self._free, self._all = self._all, [], []
        for db in connections:
            db.close()

    def _connect(self):
        db = Schema.connect(self._folder / Schema.FILE_NAME)
        with self._guard:
            self._all.append(db)
        return db

    def _noteDamage(self):
        self.isSound = False
