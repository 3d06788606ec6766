"""`var/demo-report.json`: the steps of the demo with their figures, and the ids of what they made.

The next run reads it to reuse what is still valid.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Report:
    def __init__(self, path: Path, base_model: str) -> None:
        self.path = path
        self.access: dict[str, Any] = {}
        """base_url, api_key, email, password, and the reviewer's."""
        self.ids: dict[str, str] = {}
        self.files: list[str] = []
        self.base_model = base_model
        self.steps: list[dict[str, Any]] = []
        self.earlier: dict[str, Any] = {}
        """The report of the run before, if it used the same base model."""
        with contextlib.suppress(OSError, ValueError):
            earlier = json.loads(path.read_text())
            self.earlier = earlier if earlier.get("base_model") == base_model else {}

    def known(self, name: str) -> str | None:
        """The id that an earlier run left under this name."""
        id: str | None = self.earlier.get("ids", {}).get(name)
        return id

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[dict[str, Any]]:
        """Record the time and the outcome of a step; the caller fills its figures."""
        step: dict[str, Any] = {"name": name, "ok": False, "seconds": 0.0, "figures": {}}
        self.steps.append(step)
        start = time.monotonic()
        try:
            yield step["figures"]
            step["ok"] = True
        except BaseException as error:
            step["error"] = f"{type(error).__name__}: {error}"
            raise
        finally:
            step["seconds"] = round(time.monotonic() - start, 2)
            self.write()

    @property
    def ok(self) -> bool:
        return all(step["ok"] for step in self.steps)

    def write(self) -> None:
        value = {
            **self.access,
            "base_model": self.base_model,
            "ok": self.ok,
            "seconds": round(sum(step["seconds"] for step in self.steps), 2),
            "ids": self.ids,
            "files": self.files,
            "steps": self.steps,
        }
        partial = self.path.with_suffix(".tmp")
        # It holds a key and passwords, so only its owner may read it.
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(value, file, ensure_ascii=False, indent=1)
        partial.replace(self.path)
