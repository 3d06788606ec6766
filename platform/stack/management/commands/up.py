"""Start the whole installation in the foreground: `python manage.py up`. Ctrl-C stops it."""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common.disk import is_disk_full
from config.env import environment
from stack.composition import PortTaken, Stack
from stack.servers import ServerFailed, ServerMissing
from stack.state import AlreadyRunning, RestoreUnfinished, lock, refuse_unfinished_restore
from stack.supervisor import ServiceNotReady, StopRequested

NO_ROOM = "disk_full: There is no room left on the disk of %(var)s. Free some space there, then start again."


class Command(BaseCommand):
    help = "Start PostgreSQL, Valkey, the workers, the model server and the web, and keep them alive."
    requires_system_checks = ()
    requires_migrations_checks = False

    def handle(self, *args: Any, **options: Any) -> None:
        env = environment()
        try:
            with lock(env.var):
                refuse_unfinished_restore(env.var)
                self._run(Stack(env, say=self._say))
        except (
            AlreadyRunning,
            RestoreUnfinished,
            PortTaken,
            ServerFailed,
            ServerMissing,
            ServiceNotReady,
        ) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            if not is_disk_full(error):
                raise
            raise CommandError(NO_ROOM % {"var": env.var}) from error

    def _run(self, stack: Stack) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # nohup asks for SIGHUP to be ignored; it is.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, stack.supervisor.request_stop)
        try:
            stack.start()
            self._say(f"Kosha answers on {stack.base_url} (Ctrl-C stops it)")
            stack.supervisor.run_until_stopped()
        except StopRequested:
            pass
        finally:
            self._say("stopping")
            stack.stop()
            self._say("stopped")

    def _say(self, sentence: str) -> None:
        # Whoever read it may be gone (a closed terminal, `up | head`); the installation goes on.
        with suppress(OSError):
            self.stdout.write(sentence)
            self.stdout.flush()
