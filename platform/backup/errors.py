"""Why a backup or a restore was refused or failed."""

from __future__ import annotations


class BackupError(Exception):
    """`code` is stable; `sentence` says what is wrong and what to do, and contains no secret."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(f"{code}: {sentence}")
        self.code = code
        self.sentence = sentence
