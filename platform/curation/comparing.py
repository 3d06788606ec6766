"""Two versions side by side: their documents, their recipes, and their records with what differs in each."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Any, Literal, get_args

from curation.alignment import Alignment, DocumentDifferences, FirstOf, align
from curation.models import DatasetVersion
from curation.selectors import (
    others_ready,
    records_path,
    require_ready,
    version_folder,
    version_get,
    with_source,
)
from workers.contract.record_index import INDEX_FILE, document_digest, write_index
from workers.contract.records import RECORDS_FILE
from workers.contract.specs.curation import Recipe
from workers.contract.specs.curation_steps import step_keys

KEPT_COMPARISONS = 4
"""In the memory of a process; each holds some megabytes at most."""

Change = Literal["added", "removed", "changed", "moved"]
CHANGES: tuple[Change, ...] = get_args(Change)
DocumentState = Literal["added", "removed", "revised", "same"]


def compared_with(new: DatasetVersion, named: str) -> DatasetVersion | None:
    """The version of this id; without one the newest earlier version that is ready, else the newest other one.

    Raises NotFound and what `require_ready` raises.
    """
    if named:
        return require_ready(version_get(named, dataset_id=new.dataset_id, param="base"), param="base")
    others = others_ready(new)
    earlier: DatasetVersion | None = others.filter(number__lt=new.number).first()
    return earlier or others.first()


# -- records ----------------------------------------------------------------------------------
_one_at_a_time = Lock()


def alignment(old: DatasetVersion, new: DatasetVersion) -> Alignment:
    """Kept by the digests of the two manifests, since a version never changes."""
    with _one_at_a_time:
        return _aligned(version_folder(old), old.manifest_sha256, version_folder(new), new.manifest_sha256)


@lru_cache(KEPT_COMPARISONS)
def _aligned(old: Path, old_sha256: str, new: Path, new_sha256: str) -> Alignment:
    with ExitStack() as folders:
        return align(_index(old, folders), _index(new, folders))


def _index(folder: Path, folders: ExitStack) -> Path:
    """A version that an earlier release made has none: it is made for this comparison."""
    index = folder / INDEX_FILE
    if not index.exists():
        index = Path(folders.enter_context(tempfile.TemporaryDirectory())) / INDEX_FILE
        write_index(folder / RECORDS_FILE, index)
    return index


def differences_of(found: Alignment, change: Change) -> FirstOf:
    kinds = {"added": found.added, "removed": found.removed, "changed": found.changed, "moved": found.moved}
    return kinds[change]


def changed_records(
    old: DatasetVersion, new: DatasetVersion, change: Change, *, after: int, limit: int
) -> tuple[list[dict[str, Any]], bool]:
    """Up to `limit` differences after the first `after` ones, each with its `number`, `before` and `after`; and whether
    more follow."""
    pairs = differences_of(alignment(old, new), change).pairs()
    chosen = pairs[after : after + limit]
    with open(records_path(old), "rb") as before, open(records_path(new), "rb") as now:
        found = [
            {"number": number, "before": _record_at(before, pair[0]), "after": _record_at(now, pair[1])}
            for number, pair in enumerate(chosen, start=after + 1)
        ]
    return found, after + limit < len(pairs)


def _record_at(file: Any, offset: int | None) -> dict[str, Any] | None:
    if offset is None:
        return None
    file.seek(offset)
    return with_source(json.loads(file.readline()))


# -- documents --------------------------------------------------------------------------------
@dataclass(frozen=True)
class DocumentChange:
    document_id: str
    name: str
    is_deleted: bool
    state: DocumentState
    old_revision: int | None
    new_revision: int | None
    records: DocumentDifferences


def document_changes(old: DatasetVersion, new: DatasetVersion) -> list[DocumentChange]:
    """Those that are in one version alone, in another revision, or with other records; in this order, by name."""
    before, now = _revisions(old), _revisions(new)
    records = alignment(old, new).documents
    found = []
    for document_id in before.keys() | now.keys():
        one, other = before.get(document_id), now.get(document_id)
        differences = records.get(document_digest(document_id), DocumentDifferences())
        state = _state(one, other)
        if state != "same" or differences != DocumentDifferences():
            _number, name, is_deleted = other or one or (0, "", False)
            found.append(
                DocumentChange(
                    document_id,
                    name,
                    is_deleted,
                    state,
                    one[0] if one else None,
                    other[0] if other else None,
                    differences,
                )
            )
    order = get_args(DocumentState)
    return sorted(found, key=lambda each: (order.index(each.state), each.name, each.document_id))


_Source = tuple[int, str, bool]
"""The number of the revision, the document's name, and whether it was deleted."""


def _revisions(version: DatasetVersion) -> dict[str, _Source]:
    rows = version.revisions.values_list(
        "document_id", "number", "document__name", "document__deleted_at"
    ).iterator()
    return {document_id: (number, name, deleted is not None) for document_id, number, name, deleted in rows}


def _state(one: _Source | None, other: _Source | None) -> DocumentState:
    if one is None:
        return "added"
    if other is None:
        return "removed"
    return "same" if one[0] == other[0] else "revised"


# -- recipes ----------------------------------------------------------------------------------
@dataclass(frozen=True)
class SettingChange:
    step: str
    """Its key."""
    setting: str
    """Empty: the step itself is in one recipe alone, or in another place."""
    before: Any
    after: Any


def recipe_changes(old: DatasetVersion, new: DatasetVersion) -> list[SettingChange]:
    before, now = _steps(old), _steps(new)
    common = [key for key in before if key in now]
    places = {key: place for place, key in enumerate(key for key in now if key in before)}
    found = []
    for key in chain(before, (key for key in now if key not in before)):
        if key not in before or key not in now:
            found.append(SettingChange(key, "", key in before, key in now))
        elif places[key] != common.index(key):
            found.append(SettingChange(key, "", common.index(key) + 1, places[key] + 1))
        found += _setting_changes(key, before.get(key), now.get(key))
    return found


def _steps(version: DatasetVersion) -> dict[str, dict[str, Any]]:
    steps = Recipe.model_validate(version.recipe).steps
    return {key: step.model_dump(mode="json") for key, step in zip(step_keys(steps), steps, strict=True)}


def _setting_changes(
    key: str, before: dict[str, Any] | None, now: dict[str, Any] | None
) -> Iterator[SettingChange]:
    if before is not None and now is not None:
        for setting in before:
            if before[setting] != now[setting]:
                yield SettingChange(key, setting, before[setting], now[setting])
