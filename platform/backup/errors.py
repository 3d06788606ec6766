"""Why a backup or a restore was refused or failed: a stable code and a sentence for the operator."""

from __future__ import annotations


class BackupError(Exception):
    """`code` is stable; `sentence` says what is wrong and what to do, and holds no secret."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(f"{code}: {sentence}")
        self.code = code
        self.sentence = sentence
