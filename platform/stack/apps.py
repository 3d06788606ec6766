from contextlib import suppress
from pathlib import Path

from django.apps import AppConfig
from django.conf import settings


class StackConfig(AppConfig):
    name = "stack"

    def ready(self) -> None:
        from config import checks  # noqa: F401 - importing registers them
        from config.env import environment

        if environment().process == "web":
            # Once a web has started, a missing storage is a lost one and not that of a new installation.
            # Where it cannot be made the web starts all the same and reports it (`health/probes.py`).
            with suppress(OSError):
                Path(settings.KOSHA_STORAGE_ROOT).mkdir(mode=0o700, parents=True, exist_ok=True)
