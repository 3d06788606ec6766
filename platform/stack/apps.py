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
            make_storage(Path(settings.KOSHA_STORAGE_ROOT))


def make_storage(root: Path) -> None:
    """From a web's start on, a storage that is not there is one that was lost, and no new installation's.

    Where it cannot be made the web starts all the same and tells of it (`health/probes.py`).
    """
    with suppress(OSError):
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
