"""The tasks that the engine can run: one module implements one task that the contract declares.

Importing the package fills `TASKS`. No module here needs a machine-learning library.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

from workers.engines.evaluation.tasks.task import TASKS

for _module in pkgutil.iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["TASKS"]
