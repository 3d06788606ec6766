"""What the commands `backup` and `restore` share."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backup.errors import BackupError
from stack.servers import ServerFailed, ServerMissing
from stack.state import AlreadyRunning, RestoreUnfinished


class OperatorCommand(BaseCommand, ABC):
    """Writes its progress to standard error and a JSON summary to standard output."""

    requires_system_checks = ()
    requires_migrations_checks = False
    impossible = ""
    """The code of a refusal that comes from the servers or from the state of the installation."""

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            summary = self.summary(options)
        except BackupError as error:
            raise CommandError(str(error)) from error
        except (AlreadyRunning, RestoreUnfinished, ServerFailed, ServerMissing) as error:
            raise CommandError(f"{self.impossible}: {error}") from error
        self.stdout.write(json.dumps(summary, ensure_ascii=False, indent=1))

    @abstractmethod
    def summary(self, options: dict[str, Any]) -> dict[str, Any]:
        """Do the work; what is written at the end. Raises the errors that `handle` turns into refusals."""

    def progress(self, sentence: str) -> None:
        # Progress is no error, so it is not coloured as one.
        self.stderr.write(sentence, style_func=str)
        self.stderr.flush()
