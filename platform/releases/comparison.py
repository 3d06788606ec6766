"""A release beside the one that is served: model, data, index, prompt, settings and figures, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any, Literal

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from curation.models import DatasetVersion
from documents.models import Revision
from releases.figure_comparison import FigureRow, figure_rows
from releases.labels import GENERATION
from releases.models import Release
from releases.services import GenerationSettings
from training.models import TrainingRun

Kind = Literal["thing", "text", "number", "lines"]


@dataclass(frozen=True)
class Row:
    """One fact of both releases; None stands for a fact that a release does not have."""

    name: str
    label: str
    kind: Kind
    candidate: Any
    served: Any

    @property
    def differs(self) -> bool:
        return bool(self.candidate != self.served)


@dataclass(frozen=True)
class Line:
    text: str
    differs: bool


@dataclass(frozen=True)
class DocumentChange:
    """Of the documents: how many are new or newer than in what is served, and how many are no longer there."""

    added: int
    removed: int

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)


@dataclass(frozen=True)
class Part:
    name: str
    label: str
    rows: list[Row] = field(default_factory=list)
    figures: list[FigureRow] = field(default_factory=list)
    documents: DocumentChange | None = None

    @property
    def differs(self) -> bool:
        facts, figures = any(row.differs for row in self.rows), any(row.differs for row in self.figures)
        return facts or figures or bool(self.documents)


def compare(candidate: Release, served: Release) -> list[Part]:
    """Read both with what `release_list` selects."""
    ours, theirs = _data_of(candidate), _data_of(served)
    parts = [
        Part("model", _("Model"), rows=list(_rows(_model(candidate), _model(served)))),
        Part(
            "data",
            _("Training data"),
            rows=list(_rows(_data(ours), _data(theirs))),
            documents=_documents(_revisions(ours), _revisions(theirs)),
        ),
        Part(
            "index",
            _("Search index"),
            rows=list(_rows(_index(candidate), _index(served))),
            documents=_documents(_revisions(candidate.index_build), _revisions(served.index_build)),
        ),
        Part("prompt", _("System prompt"), rows=[_prompt(candidate, served)]),
        Part("settings", _("Answer settings"), rows=list(_rows(_settings(candidate), _settings(served)))),
        Part("figures", _("Figures"), figures=figure_rows(candidate, served)),
    ]
    return [part for part in parts if part.rows or part.figures]


def changed_parts(parts: list[Part]) -> list[str]:
    """The labels of what differs. Figures describe the model, so a difference of theirs is no change of its own."""
    return [part.label for part in parts if part.differs and part.name != "figures"]


Facts = list[tuple[str, str, Kind, Any]]


def _rows(candidate: Facts, served: Facts) -> Iterator[Row]:
    """Without the facts that neither release has."""
    for (name, label, kind, ours), (_name, _label, _kind, theirs) in zip(candidate, served, strict=True):
        if ours is not None or theirs is not None:
            yield Row(name, label, kind, ours, theirs)


def _model(release: Release) -> Facts:
    version = release.model_version
    run = TrainingRun.objects.filter(pk=version.training_run_id).first() if version else None
    values = run.hyperparameters if run else {}
    return [
        ("base_model", _("Base model"), "thing", release.base_model),
        ("model_version", _("Version"), "thing", version),
        ("parent", _("Continues"), "thing", version.parent if version else None),
        ("method", _("Method"), "text", run.get_method_display() if run else None),
        ("epochs", _("Epochs"), "text", values.get("epochs")),
        ("learning_rate", _("Learning rate"), "text", values.get("learning_rate")),
        ("tokens", _("Tokens"), "number", version.facts.get("tokens") if version else None),
    ]


def _data_of(release: Release) -> DatasetVersion | None:
    version = release.model_version
    if version is None or not version.dataset_version_id:
        return None
    return DatasetVersion.objects.select_related("dataset").filter(pk=version.dataset_version_id).first()


def _data(version: DatasetVersion | None) -> Facts:
    counts = version.result if version else {}
    return [
        ("dataset_version", _("Dataset"), "thing", version),
        ("documents", _("Documents"), "number", version.revisions.count() if version else None),
        ("records", _("Texts"), "number", counts.get("records")),
        ("pairs", _("Questions with answers"), "number", counts.get("pairs")),
        ("dropped", _("Dropped"), "number", counts.get("dropped")),
    ]


def _index(release: Release) -> Facts:
    build = release.index_build
    base = build.knowledge_base if build else None
    number = _("Build %(n)d") % {"n": build.number} if build else None
    return [
        ("knowledge_base", _("Knowledge base"), "thing", base),
        ("index_build", _("Index"), "text", number),
        ("documents", _("Documents"), "number", build.revisions.count() if build else None),
        ("chunks", _("Chunks"), "number", build.result.get("chunks") if build else None),
        ("embedding_model", _("Embedding model"), "thing", base.embedding_model if base else None),
    ]


def _settings(release: Release) -> Facts:
    values = GenerationSettings.model_validate(release.generation).model_dump()
    return [(name, str(GENERATION[name][0]), "text", value) for name, value in values.items()]


def _prompt(candidate: Release, served: Release) -> Row:
    ours, theirs = candidate.system_prompt.splitlines(), served.system_prompt.splitlines()
    changed_ours, changed_theirs = set(range(len(ours))), set(range(len(theirs)))
    for block in SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks():
        changed_ours -= set(range(block.a, block.a + block.size))
        changed_theirs -= set(range(block.b, block.b + block.size))
    return Row(
        "system_prompt",
        _("System prompt"),
        "lines",
        [Line(text, number in changed_ours) for number, text in enumerate(ours)],
        [Line(text, number in changed_theirs) for number, text in enumerate(theirs)],
    )


def _revisions(owner: Any) -> QuerySet[Revision] | None:
    """Of a dataset version or an index build, or of neither."""
    return owner.revisions.all() if owner else None


def _documents(ours: QuerySet[Revision] | None, theirs: QuerySet[Revision] | None) -> DocumentChange | None:
    if ours is None or theirs is None:
        return None
    return DocumentChange(
        added=ours.exclude(pk__in=theirs.values("pk")).count(),
        removed=theirs.exclude(document__in=ours.values("document")).count(),
    )
