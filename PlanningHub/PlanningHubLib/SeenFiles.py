"""SHA-256 of files that are looked at again and again: each is read anew only where its place, size or time changed."""

import os
import time

from .Files import sha256

# A file that was written just now may be written once more within one tick of the file system's clock.
SETTLED_SECONDS = 2.0


class SeenFiles:
    """Remembers hashes for what is only shown. Steps and checks read every byte: a changed time can be put back."""

    def __init__(self):
        self._seen = {}

    def sha256(self, path):
        """Return the SHA-256 of a file as hexadecimal text.

        :raises OSError: it cannot be read
        """
        key, status = os.fspath(path), os.stat(path)
        stamp = (status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev)
        kept = self._seen.get(key)
        if kept and kept[0] == stamp:
            return kept[1]
        digest = sha256(path)
        if time.time() - status.st_mtime > SETTLED_SECONDS:
            self._seen[key] = (stamp, digest)
        return digest
