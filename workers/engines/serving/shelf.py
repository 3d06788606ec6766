"""Loaded folders (base models, embedding models, indexes) kept within a memory bound."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from workers.contract.artifacts import MANIFEST, ArtifactDamaged
from workers.contract.model_folder import UnsafeModelFolder
from workers.engines.serving.errors import artifact_damaged, artifact_missing, path_not_allowed


class Loaded(Protocol):
    @property
    def bytes(self) -> int:
        """Memory it holds, about."""

    def close(self) -> None:
        """Let go of files; nobody uses it any more."""


LoadedT = TypeVar("LoadedT", bound=Loaded)
Key = tuple[str, Path, int]


@dataclass
class _Place(Generic[LoadedT]):
    lock: threading.Lock = field(default_factory=threading.Lock)
    leases: int = 0
    thing: LoadedT | None = None


class Lease(Generic[LoadedT]):
    """The right to use a loaded thing until `release()`, which may be called from any thread, twice too."""

    def __init__(self, thing: LoadedT, give_back: Callable[[], None]) -> None:
        self.thing = thing
        self._give_back: Callable[[], None] | None = give_back
        self._lock = threading.Lock()

    def release(self) -> None:
        with self._lock:
            give_back, self._give_back = self._give_back, None
        if give_back:
            give_back()

    def __enter__(self) -> LoadedT:
        return self.thing

    def __exit__(self, *_: object) -> None:
        self.release()


class Shelf:
    """Thread-safe. A folder is loaded once however many ask for it at the same time."""

    def __init__(self, roots: tuple[Path, ...], memory_bytes: int) -> None:
        self._roots = tuple(root.resolve() for root in roots)
        self._memory_bytes = memory_bytes
        self._lock = threading.Lock()
        self._places: OrderedDict[Key, _Place[Any]] = OrderedDict()

    def allowed(self, path: Path, param: str) -> Path:
        """The real path, symbolic links followed; ServeError outside of the roots or where it is missing."""
        real = path.resolve()
        if not any(real.is_relative_to(root) for root in self._roots):
            raise path_not_allowed(param)
        if not real.is_dir():
            raise artifact_missing(path.name, param)
        return real

    def lease(self, kind: str, path: Path, load: Callable[[Path], LoadedT], param: str) -> Lease[LoadedT]:
        """Wait until `path` is loaded. Raises ServeError (`path_not_allowed`, `…artifact_damaged`, …)."""
        real = self.allowed(path, param)
        key = (kind, real, _changed(real))
        place = self._take(key)
        try:
            with place.lock:
                if place.thing is None:
                    place.thing = load(real)
        except (ArtifactDamaged, UnsafeModelFolder) as error:
            self._give_back(key)
            raise artifact_damaged(str(error), param) from error
        except BaseException:
            self._give_back(key)
            raise
        self._shrink()
        return Lease(place.thing, lambda: self._give_back(key))

    def loaded(self, kind: str) -> list[Any]:
        with self._lock:
            return [place.thing for key, place in self._places.items() if key[0] == kind and place.thing]

    def paths(self) -> dict[str, list[str]]:
        with self._lock:
            found: dict[str, list[str]] = {}
            for (kind, path, _), place in self._places.items():
                if place.thing is not None:
                    found.setdefault(kind, []).append(str(path))
            return found

    def _take(self, key: Key) -> _Place[Any]:
        with self._lock:
            place = self._places.setdefault(key, _Place())
            self._places.move_to_end(key)
            place.leases += 1
            return place

    def _give_back(self, key: Key) -> None:
        with self._lock:
            place = self._places[key]
            place.leases -= 1
            if place.thing is None and not place.leases:
                del self._places[key]

    def _shrink(self) -> None:
        """Let go of what was not used for longest, never of what is in use."""
        with self._lock:
            total = sum(place.thing.bytes for place in self._places.values() if place.thing)
            for key, place in list(self._places.items()):
                if total <= self._memory_bytes:
                    return
                if place.thing is not None and not place.leases:
                    total -= place.thing.bytes
                    place.thing.close()
                    del self._places[key]


def _changed(folder: Path) -> int:
    """When the folder was sealed: one that was replaced under the same name is loaded anew."""
    for name in (MANIFEST, "config.json"):
        if (folder / name).is_file():
            return (folder / name).stat().st_mtime_ns
    return 0
