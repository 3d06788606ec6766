"""A cache of base models, embedding models and indexes, within a memory limit."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from workers.contract.artifacts import MANIFEST, ArtifactDamaged
from workers.contract.model_folder import UnsafeModelFolder
from workers.engines.serving.errors import ServeError, artifact_damaged


class Loaded(Protocol):
    @property
    def bytes(self) -> int:
        """Approximate size in memory."""

    def close(self) -> None:
        """Free the memory; called when there is no lease."""


LoadedT = TypeVar("LoadedT", bound=Loaded)
Key = tuple[str, Path, int]


@dataclass
class _CacheEntry(Generic[LoadedT]):
    lock: threading.Lock = field(default_factory=threading.Lock)
    leases: int = 0
    loaded: LoadedT | None = None


class Lease(Generic[LoadedT]):
    """The right to use what was loaded until `release()`, which any thread may call, also twice."""

    def __init__(self, loaded: LoadedT, end: Callable[[], None]) -> None:
        self.loaded = loaded
        self._end: Callable[[], None] | None = end
        self._lock = threading.Lock()

    def release(self) -> None:
        with self._lock:
            end, self._end = self._end, None
        if end:
            end()

    def __enter__(self) -> LoadedT:
        return self.loaded

    def __exit__(self, *_: object) -> None:
        self.release()


class ModelCache:
    """Thread-safe. A folder is loaded once, however many threads ask for it at the same time."""

    def __init__(self, roots: tuple[Path, ...], memory_bytes: int) -> None:
        self._roots = tuple(root.resolve() for root in roots)
        self._memory_bytes = memory_bytes
        self._lock = threading.Lock()
        # The entry used longest ago first.
        self._entries: OrderedDict[Key, _CacheEntry[Any]] = OrderedDict()

    def allowed(self, path: Path, param: str) -> Path:
        """The real path, symbolic links followed; ServeError outside of the roots or where it is missing."""
        real = path.resolve()
        if not any(real.is_relative_to(root) for root in self._roots):
            message = "This folder is outside of what is served."
            raise ServeError(403, "path_not_allowed", message, param=param)
        if not real.is_dir():
            message = f"The folder {path.name} is missing."
            raise ServeError(500, "serve.system.artifact_missing", message, param=param)
        return real

    def lease(self, kind: str, path: Path, load: Callable[[Path], LoadedT], param: str) -> Lease[LoadedT]:
        """Wait until `path` is loaded. Raises ServeError (`path_not_allowed`, `…artifact_damaged`, …)."""
        real = self.allowed(path, param)
        # By its time of writing, so that a folder that was replaced under the same name is loaded again.
        sealing = (real / name for name in (MANIFEST, "config.json"))
        sealed_at = next((file.stat().st_mtime_ns for file in sealing if file.is_file()), 0)
        key = (kind, real, sealed_at)
        with self._lock:
            entry = self._entries.setdefault(key, _CacheEntry())
            self._entries.move_to_end(key)
            entry.leases += 1
        try:
            with entry.lock:
                if entry.loaded is None:
                    entry.loaded = load(real)
        except (ArtifactDamaged, UnsafeModelFolder) as error:
            self._end_lease(key)
            raise artifact_damaged(str(error), param) from error
        except BaseException:
            self._end_lease(key)
            raise
        self._unload_unused()
        return Lease(entry.loaded, lambda: self._end_lease(key))

    def paths(self) -> dict[str, list[str]]:
        """Folders of what is in memory, by kind."""
        with self._lock:
            found: dict[str, list[str]] = {}
            for (kind, path, _), entry in self._entries.items():
                if entry.loaded is not None:
                    found.setdefault(kind, []).append(str(path))
            return found

    def _end_lease(self, key: Key) -> None:
        with self._lock:
            entry = self._entries[key]
            entry.leases -= 1
            if entry.loaded is None and not entry.leases:
                del self._entries[key]

    def _unload_unused(self) -> None:
        """Down to the memory limit: what was used longest ago first, never what is in use."""
        unused: list[Loaded] = []
        with self._lock:
            total = sum(entry.loaded.bytes for entry in self._entries.values() if entry.loaded)
            for key, entry in list(self._entries.items()):
                if total <= self._memory_bytes:
                    break
                if entry.loaded is not None and not entry.leases:
                    total -= entry.loaded.bytes
                    unused.append(entry.loaded)
                    del self._entries[key]
        # Outside of the lock: a backend may have to wait for a process to end.
        for loaded in unused:
            loaded.close()
