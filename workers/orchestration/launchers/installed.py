"""Launchers by the name a cluster carries."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings

from common.storage import runs_root
from workers.contract.fork_server import fork_server_folder
from workers.orchestration.launchers.base import Launcher
from workers.orchestration.launchers.local.launcher import LocalLauncher

Launchers = Mapping[str, Launcher]


def installed_launchers() -> Launchers:
    """What this worker can launch with; jobs of other clusters wait for a worker that can."""
    return {"local": LocalLauncher(runs_root(), fork_server_folder(settings.KOSHA_VAR))}
