"""Start the whole installation in the foreground: `python manage.py up`. Ctrl-C stops it."""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from common import static_files
from common.disk import is_disk_full
from config.env import environment
from stack.composition import PortTaken, Stack
from stack.servers import ServerFailed, ServerMissing
from stack.state import AlreadyRunning, RestoreUnfinished, lock, refuse_unfinished_restore
from stack.supervisor import ServiceNotReady, StopRequested

NO_SPACE = (
    "disk_full: There is no space left on the disk of %(var)s. Free some space there, then start again."
)
REFUSALS = (AlreadyRunning, RestoreUnfinished, PortTaken, ServerFailed, ServerMissing, ServiceNotReady)


class Command(BaseCommand):
    help = "Start PostgreSQL, Valkey, the workers, the model server and the web, and keep them running."
    requires_system_checks = ()
    requires_migrations_checks = False

    def handle(self, *args: Any, **options: Any) -> None:
        env = environment()
        try:
            with lock(env.var):
                refuse_unfinished_restore(env.var)
                self._collect_static_files()
                self._run(Stack(env, echo=self._echo))
        except REFUSALS as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            if not is_disk_full(error):
                raise
            raise CommandError(NO_SPACE % {"var": env.var}) from error

    def _collect_static_files(self) -> None:
        """Before the web starts, which reads their names once."""
        if settings.DEBUG:
            return
        try:
            static_files.collect(settings.STATIC_ROOT)
        except OSError as error:
            self._echo(f"static files are served uncompressed: {error.strerror or error}")

    def _run(self, stack: Stack) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # Under nohup SIGHUP is ignored; it stays so.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, stack.supervisor.request_stop)
        try:
            with suppress(StopRequested):
                stack.start()
                self._echo(f"Kosha answers on {stack.base_url} (Ctrl-C stops it)")
                while True:
                    stack.supervisor.tick()
        finally:
            self._echo("stopping")
            stack.stop()
            self._echo("stopped")

    def _echo(self, sentence: str) -> None:
        # The reader may be gone (a closed terminal, `up | head`); the installation goes on.
        with suppress(OSError):
            self.stdout.write(sentence)
            self.stdout.flush()
