"""Reads: recipes, datasets, their versions with records and drops; question sets and pairs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

from django.db.models import Count, Prefetch, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common.errors import Conflict, NotFound, NotReadyYet
from common.pagination import bounded
from common.storage import artifact_path
from curation.models import Dataset, DatasetVersion, Pair, Question, QuestionSet, QuestionSpan, Recipe
from curation.spans import span_of
from curation.words import drop_detail, repeated_record
from documents.models import Revision
from jobs.produced import ProducedState
from workers.contract.records import (
    CHANGED_FILE,
    DROPPED_FILE,
    DUPLICATES_FILE,
    ORIGIN,
    PAIR_ORIGIN,
    RECORDS_FILE,
    REPORT_FILE,
    PairOrigin,
    Span,
    source_of,
)
from workers.contract.specs.curation import DEFAULT_RECIPE
from workers.contract.specs.curation import Recipe as RecipeContent

DATASETS = "datasets"
"""The artefact kind under which a dataset version's folder is kept."""


def recipe_list() -> QuerySet[Recipe]:
    return Recipe.objects.all()


def recipe_get(id: str, *, param: str | None = None) -> Recipe:
    recipe: Recipe | None = Recipe.objects.filter(pk=id).first()
    if recipe is None:
        raise NotFound(param=param)
    return recipe


def recipe_content(dataset: Dataset) -> RecipeContent:
    return RecipeContent.model_validate(dataset.recipe.content) if dataset.recipe else DEFAULT_RECIPE


def dataset_list() -> QuerySet[Dataset]:
    return Dataset.objects.select_related("recipe")


def dataset_get(id: str, *, param: str | None = None) -> Dataset:
    dataset = dataset_list().filter(pk=id).first()
    if dataset is None:
        raise NotFound(param=param)
    return dataset


def version_list(dataset: Dataset) -> QuerySet[DatasetVersion]:
    return dataset.versions.select_related("job", "dataset").defer("job__spec")


def latest_versions(datasets: list[Dataset]) -> dict[str, DatasetVersion]:
    """The newest version of each, by dataset id, in one query."""
    rows = (
        DatasetVersion.objects.filter(dataset__in=datasets)
        .select_related("job", "dataset")
        .defer("job__spec")
        .order_by("dataset_id", "-number")
        .distinct("dataset_id")
    )
    return {version.dataset_id: version for version in rows}


def ready_versions() -> QuerySet[DatasetVersion]:
    """Of every dataset, newest first: what can be trained and evaluated on."""
    return DatasetVersion.objects.filter(state=ProducedState.READY).select_related("dataset").order_by("-id")


def others_ready(version: DatasetVersion) -> QuerySet[DatasetVersion]:
    """What the version may be compared with: the other ready versions of its dataset, newest first."""
    return ready_versions().filter(dataset_id=version.dataset_id).exclude(pk=version.pk)


def version_get(id: str, *, dataset_id: str | None = None, param: str | None = None) -> DatasetVersion:
    rows = DatasetVersion.objects.select_related("job", "dataset").defer("job__spec").filter(pk=id)
    version = (rows.filter(dataset_id=dataset_id) if dataset_id else rows).first()
    if version is None:
        raise NotFound(param=param)
    return version


def require_ready(version: DatasetVersion, *, param: str) -> DatasetVersion:
    if version.state != ProducedState.READY:
        code = "dataset_version_not_ready"
        if version.is_building:
            message = _("This dataset version is not finished yet. Wait for it, or use one that is ready.")
            raise NotReadyYet(code, message, param=param)
        message = _("This dataset version is %(state)s. Use one that is ready.")
        raise Conflict(code, message % {"state": version.get_state_display()}, param=param)
    return version


NOTHING_HELD_OUT = gettext_lazy(
    "This dataset version holds nothing out to measure on. Build one with a held-out share, and with more "
    "documents if there are few."
)


def heldout_records(version: DatasetVersion) -> int:
    """Texts and pairs of a ready version that a model can be measured on."""
    return int(version.result.get("heldout_records", 0) + version.result.get("heldout_pairs", 0))


def version_folder(version: DatasetVersion) -> Path:
    return artifact_path(version.organization_id, DATASETS, version.id)


def records_path(version: DatasetVersion) -> Path:
    return version_folder(version) / RECORDS_FILE


def dropped_path(version: DatasetVersion) -> Path:
    return version_folder(version) / DROPPED_FILE


def duplicates_path(version: DatasetVersion) -> Path:
    return version_folder(version) / DUPLICATES_FILE


def changed_path(version: DatasetVersion) -> Path:
    return version_folder(version) / CHANGED_FILE


def entries(
    path: Path, *, after: int, limit: int, step: str = "", reason: str = ""
) -> tuple[list[dict[str, Any]], bool]:
    """Up to `limit` records, or units that were dropped or changed, that follow line `after`; and whether more follow.

    Each with its `line` and its `source`, the place in a document that its origin names (None if it names none). `step`
    and `reason` leave out those of another step and another reason.
    """
    wanted = {name: value for name, value in (("step", step), ("reason", reason)) if value}
    numbered, has_more = lines(path, after=after, limit=limit, wanted=wanted)
    return [{"line": number, **with_source(json.loads(line))} for number, line in numbered], has_more


def duplicate_groups(version: DatasetVersion, *, after: int, limit: int) -> tuple[list[dict[str, Any]], bool]:
    """As `entries`: records with what repeats them, in `shown` with the source of each. The largest groups first."""
    found, has_more = entries(duplicates_path(version), after=after, limit=limit)
    for group in found:
        group["shown"] = [with_source(each) for each in group["shown"]]
    return found, has_more


def with_source(record: dict[str, Any]) -> dict[str, Any]:
    source = source_of(ORIGIN.validate_python(record["origin"]))
    return {**record, "source": source.model_dump(mode="json") if source else None}


def dropped_entries(
    version: DatasetVersion, *, after: int, limit: int, step: str = "", reason: str = ""
) -> tuple[list[dict[str, Any]], bool]:
    """As `entries`, each with a `sentence` that says more and, where it repeats a record, that record as `kept`."""
    found, has_more = entries(dropped_path(version), after=after, limit=limit, step=step, reason=reason)
    repeated = {e["line"]: repeated_record(e["step"], e["reason"], e.get("detail", "")) for e in found}
    kept = records_by_id(version, set(repeated.values()) - {""})
    for entry in found:
        entry["sentence"] = drop_detail(entry["step"], entry["reason"], entry.get("detail", ""))
        entry["kept"] = kept.get(repeated[entry["line"]])
    return found, has_more


def records_by_id(version: DatasetVersion, ids: set[str]) -> dict[str, dict[str, Any]]:
    """Those of `ids` that the version holds, each with its `line` and its `source`."""
    found: dict[str, dict[str, Any]] = {}
    if not ids:
        return found
    with open(records_path(version), encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if len(found) == len(ids):
                break
            # Reading a line as JSON takes a hundred times as long as looking for an id in it.
            if any(id in line for id in ids - found.keys()):
                record = json.loads(line)
                if record["id"] in ids:
                    found[record["id"]] = {"line": number, **with_source(record)}
    return found


def lines(
    path: Path, *, after: int, limit: int, wanted: Mapping[str, str] = MappingProxyType({})
) -> tuple[list[tuple[int, str]], bool]:
    """Up to `limit` lines (numbered from 1) that follow line `after` and have the `wanted` values, and whether more follow.

    They end early where they would hold more characters than a list may hold bytes. A file that the version does not have,
    since an earlier release made it, has no lines.
    """
    if not path.exists():
        return [], False
    with open(path, encoding="utf-8") as file:
        following = islice(enumerate(file, start=1), after, None)
        chosen = (numbered for numbered in following if _has(numbered[1], wanted))
        return bounded(chosen, lambda numbered: len(numbered[1]), limit=limit)


def _has(line: str, wanted: Mapping[str, str]) -> bool:
    # Reading a line as JSON takes a hundred times as long as looking for a word in it.
    if not all(value in line for value in wanted.values()):
        return False
    record = json.loads(line) if wanted else {}
    return all(record.get(name) == value for name, value in wanted.items())


def version_report(version: DatasetVersion) -> dict[str, dict[str, Any]]:
    """What each step did, by its key; see `workers.engines.curation.report`. Empty for a version without a report."""
    path = version_folder(version) / REPORT_FILE
    if not path.exists():
        return {}
    steps = json.loads(path.read_text(encoding="utf-8"))["steps"]
    return {step["step"]: step for step in steps}


def version_counts(version: DatasetVersion) -> dict[str, Any]:
    """The counts of a version's result, as the API and the console show them; empty until the version is ready."""
    return {key: value for key, value in version.result.items() if key not in ("version", "manifest_sha256")}


def source_revisions(version: DatasetVersion) -> QuerySet[Revision]:
    """What the version was made from, each with its document."""
    return version.revisions.select_related("document")


# -- question sets and pairs ------------------------------------------------------------------
def question_set_list() -> QuerySet[Any]:
    """Each QuestionSet with its `question_count`."""
    return QuestionSet.objects.annotate(question_count=Count("questions"))


def question_set_get(id: str, *, param: str | None = None) -> QuestionSet:
    question_set: QuestionSet | None = question_set_list().filter(pk=id).first()
    if question_set is None:
        raise NotFound(param=param)
    return question_set


def question_list(question_set: QuestionSet) -> QuerySet[Question]:
    """Each with its passages, for `question_spans`."""
    return question_set.questions.prefetch_related(
        Prefetch("spans", QuestionSpan.objects.select_related("revision__document").order_by("pk"))
    )


def question_get(id: str, *, param: str | None = None) -> Question:
    question: Question | None = Question.objects.select_related("question_set").filter(pk=id).first()
    if question is None:
        raise NotFound(param=param)
    return question


def question_spans(question: Question) -> list[Span]:
    """The passages that answer the question, in the order they were given."""
    return [span_of(row) for row in question.spans.all()]


def pair_list(*, state: str = "", origin_type: str = "") -> QuerySet[Pair]:
    """An empty filter lets every pair through."""
    rows = Pair.objects.all()
    if state:
        rows = rows.filter(state=state)
    return rows.filter(origin__type=origin_type) if origin_type else rows


def pair_get(id: str, *, param: str | None = None) -> Pair:
    pair: Pair | None = Pair.objects.filter(pk=id).first()
    if pair is None:
        raise NotFound(param=param)
    return pair


def pair_origin(pair: Pair) -> PairOrigin:
    return PAIR_ORIGIN.validate_python(pair.origin)
