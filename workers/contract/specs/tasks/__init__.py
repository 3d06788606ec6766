"""The tasks that an evaluation can measure: one module declares one task.

Importing the package declares all of them. What an engine does for a task stands in
`workers/engines/evaluation/tasks/` under the same name.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

for _module in pkgutil.iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
