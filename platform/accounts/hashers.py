"""How passwords are hashed, and how many at a time."""

from __future__ import annotations

import os
import threading

from django.contrib.auth.hashers import Argon2PasswordHasher

from common.connections import release_connection

AT_ONCE = max(1, len(os.sched_getaffinity(0)))


class BoundedArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2, for as many passwords at once as there are cores.

    Each takes 100 MB while it is computed, on purpose; more of them than cores are no faster, and a
    morning's worth of sign-ins would be gigabytes.
    """

    _turns = threading.BoundedSemaphore(AT_ONCE)

    def encode(self, password: str, salt: str) -> str:
        with self._turns:
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        # Whoever signs in has just read the user's row; nobody else shall wait for that connection.
        release_connection()
        with self._turns:
            return super().verify(password, encoded)
