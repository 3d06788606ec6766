"""The hashing of passwords, with a limit on concurrent computations."""

from __future__ import annotations

import os
import threading

from django.contrib.auth.hashers import Argon2PasswordHasher

from common.connections import release_connection

AT_ONCE = max(1, len(os.sched_getaffinity(0)))


class BoundedArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2, for as many passwords at once as there are cores.

    Each computation takes 100 MB by design. More of them than cores are no faster, and many concurrent sign-ins would
    take gigabytes.
    """

    _turns = threading.BoundedSemaphore(AT_ONCE)

    def encode(self, password: str, salt: str) -> str:
        with self._turns:
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        # The sign-in has just read the user's row; other requests must not wait for its connection.
        release_connection()
        with self._turns:
            return super().verify(password, encoded)
