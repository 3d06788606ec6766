"""What a company makes from its documents, made through the services; what engines do is written by hand."""

from __future__ import annotations

import json
import random
from functools import cache

from django.db import connection
from django.utils import timezone

from accounts.models import Role
from accounts.principal import Principal
from audit.services import SYSTEM, Actor
from chat.models import Conversation
from chat.services import answer_add, conversation_create, question_add
from common.storage import artifact_path
from curation.models import DatasetVersion
from documents.models import Document
from evaluations.models import Evaluation
from evaluations.services import evaluation_create, suite_default
from jobs.models import Job, JobEvent
from jobs.transitions import MOVES, JobState
from registry.models import BaseModel, ModelVersion
from releases.models import Release
from releases.services import release_approve, release_create, release_publish
from retrieval.models import IndexBuild, KnowledgeBase
from retrieval.services import knowledge_base_create
from schedules.models import Schedule
from schedules.services import schedule_create
from schedules.timing import Timing
from sources.models import Source
from sources.places import BucketPlace
from sources.services import source_create
from training.models import Checkpoint, TrainingRun
from training.services import training_run_create
from workers.contract.specs.evaluation import EvaluationResult
from workers.contract.specs.gate import BASE, DEFAULT_GATE, TUNED, judge
from workers.contract.specs.measurement import Bootstrap, Difference, Figure
from workers.contract.specs.tasks.declaration import item_from_json
from workers.contract.specs.training import Hyperparameters
from workers.engines.evaluation.figures import compute_figures


def base_model(name: str = "tiny-base", kind: str = "causal_lm") -> BaseModel:
    found, _created = BaseModel.objects.get_or_create(
        name=name,
        defaults={
            "kind": kind,
            "path": f"/models/{name}",
            "licence": "Apache-2.0",
            "digest": "ab" * 32,
            "architecture": "LlamaForCausalLM",
            "parameters": 135_000_000,
            "context_length": 2048,
            "vocabulary_size": 49_152,
            "hidden_size": 576,
            "layers": 30,
        },
    )
    return found


def move(job: Job, state: str) -> None:
    """By legal moves only, to `state`; the domain has taken note of an end."""
    paths: dict[str, list[str]] = {JobState.QUEUED: []}
    waiting: list[str] = [JobState.QUEUED]
    while state not in paths:
        here = waiting.pop(0)
        for following in sorted(MOVES[JobState(here)]):
            if following not in paths:
                paths[following] = [*paths[here], following]
                waiting.append(following)
    with connection.cursor() as cursor:
        for step in paths[state]:
            rise = 1 if step == JobState.STARTING else 0
            cursor.execute(
                "UPDATE jobs_job SET state = %s, fence = fence + %s WHERE id = %s", [step, rise, job.id]
            )
    now = timezone.now()
    ended = state in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)
    Job.objects.filter(pk=job.pk).update(
        attempt=1,
        started_at=now,
        ended_at=now if ended else None,
        finalized_at=now if ended else None,
        cleaned_at=now if ended else None,
    )


TRAIN_RESULT = {
    "version": 1,
    "steps": 40,
    "tokens": 163_840,
    "labelled_tokens": 150_000,
    "loss_first": 3.91,
    "loss_last": 2.204,
    "heldout_loss": 2.518,
    "seconds": 620.0,
    "tokens_per_second": 264.2,
    "parameters_trained": 4_884_480,
    "parameters_total": 139_400_000,
    "records": {"text": 25},
    "adapter_dir": "adapter",
    "manifest_sha256": "cd" * 32,
}


class Products:
    """Trained models, evaluations, knowledge bases, releases: each may be asked for alone."""

    def __init__(self, company) -> None:
        self.company = company
        self.actor: Actor = company.actor(Role.OWNER)

    # -- training ---------------------------------------------------------------------------------
    def dataset_version(self) -> DatasetVersion:
        company = self.company
        version = company.version(company.dataset(), company.document())
        whole = {**version.result, "conversations": 0, "heldout_conversations": 0, "characters": 20_000}
        with company.scope():
            DatasetVersion.objects.filter(pk=version.pk).update(result=whole)
            return DatasetVersion.objects.select_related("dataset").get(pk=version.pk)

    def run(self, version: DatasetVersion, state: str = "running", points: int = 30) -> TrainingRun:
        with self.company.scope():
            run = training_run_create(
                model=base_model().name,
                method="continued_pretraining",
                data=version,
                hyperparameters=Hyperparameters(),
                suffix="rules",
                actor=self.actor,
            )
            move(run.job, state)
            Job.objects.filter(pk=run.job_id).update(
                progress_done=points, progress_total=40, progress_unit="step", seconds_left=95.0
            )
            JobEvent.objects.bulk_create(
                [
                    *(_event(run.job, "metrics", data=_point(step)) for step in range(1, points + 1)),
                    _event(
                        run.job,
                        "log",
                        "3 conversations are longer than the sequence length and are left out.",
                        "warning",
                        {"code": "too_long", "too_long": 3},
                    ),
                ]
            )
            Checkpoint.objects.create(
                run=run, step=20, path="/x", manifest_sha256="ef" * 32, metrics={"loss": 2.6}
            )
            return run

    def model(self, version: DatasetVersion) -> ModelVersion:
        run = self.run(version, JobState.SUCCEEDED, points=40)
        with self.company.scope():
            made = ModelVersion.objects.create(
                id=run.id.replace("ftjob-", "model_"),
                name=f"ft:tiny-base:{self.company.slug}:rules:{run.id[-8:]}",
                base_model=run.base_model,
                suffix="rules",
                number=ModelVersion.objects.count() + 1,
                method="lora",
                training_run_id=run.id,
                dataset_version_id=version.id,
                manifest_sha256="cd" * 32,
                facts=TRAIN_RESULT,
            )
            TrainingRun.objects.filter(pk=run.pk).update(
                state="ready", model_version=made, result=TRAIN_RESULT
            )
            return ModelVersion.objects.select_related("base_model").get(pk=made.pk)

    # -- evaluation -------------------------------------------------------------------------------
    def evaluation(self, model: ModelVersion, version: DatasetVersion, *, better: bool = True) -> Evaluation:
        """With forty texts and forty questions in each book; the figures are computed from them."""
        with self.company.scope():
            evaluation = evaluation_create(
                suite=suite_default(),
                dataset_version=version,
                base_model=model.base_model,
                model_version=model,
                actor=self.actor,
            )
            move(evaluation.job, JobState.SUCCEEDED)
            lines, figures = _measured(better)
            folder = artifact_path(evaluation.organization_id, "evaluations", evaluation.id)
            folder.mkdir(parents=True)
            _write(folder / "items.jsonl", lines)
            measured, differences = figures
            gate = judge(DEFAULT_GATE, differences)
            result = EvaluationResult(
                figures=tuple(measured),
                differences=tuple(differences),
                gate=gate,
                records={"bits_per_character": 40, "question_answering": 40},
                items=len(lines),
                seconds=80.0,
                manifest_sha256="aa" * 32,
            ).model_dump(mode="json")
            Evaluation.objects.filter(pk=evaluation.pk).update(
                state="ready", result=result, verdict=gate.verdict
            )
            return Evaluation.objects.get(pk=evaluation.pk)

    # -- knowledge, releases ----------------------------------------------------------------------
    def knowledge(self, documents: list[Document], *, built: bool = True) -> KnowledgeBase:
        with self.company.scope():
            base_model("tiny-e5", "embedding")
            base = knowledge_base_create(name="社内規程", documents=documents, actor=self.actor)
            build = base.builds.first()
            if built and build is not None:
                move(build.job, JobState.SUCCEEDED)
                IndexBuild.objects.filter(pk=build.pk).update(
                    state="ready", result={"documents": 1, "chunks": 214, "reused_chunks": 0}
                )
                KnowledgeBase.objects.filter(pk=base.pk).update(current_build=build)
            return KnowledgeBase.objects.get(pk=base.pk)

    def release(
        self, model: ModelVersion | None, knowledge: KnowledgeBase | None, *, state: str = "candidate"
    ) -> Release:
        with self.company.scope():
            release = release_create(
                base_model=model.base_model if model else base_model(),
                model_version=model,
                index_build=knowledge.current_build if knowledge else None,
                system_prompt="あなたは社内規程に詳しい担当者です。",
                generation={"max_tokens": 96},
                note="旅費規程の改定を反映",
                actor=self.actor,
            )
            if state != "candidate":
                reviewer = Principal(
                    self.company.actor(Role.REVIEWER),
                    release.organization_id,
                    Role.REVIEWER,
                    self.company.user(Role.REVIEWER),
                )
                release_approve(release_id=release.id, comment="確認しました", principal=reviewer)
            if state == "published":
                release_publish(release_id=release.id, alias="production", actor=self.actor)
            return Release.objects.get(pk=release.pk)

    # -- schedules, chat ----------------------------------------------------------------------------
    def schedule(self, version: DatasetVersion) -> Schedule:
        with self.company.scope():
            return schedule_create(
                name="毎週の再学習",
                timing=Timing(),
                dataset=version.dataset,
                base_model=base_model(),
                suite=suite_default(),
                knowledge_base=None,
                alias="production",
                suffix="rules",
                incremental=True,
                hyperparameters={},
                actor=self.actor,
            )

    def source(self) -> Source:
        with self.company.scope():
            return source_create(
                name="総務の共有",
                place=BucketPlace(endpoint="https://s3.example.co.jp", bucket="documents"),
                secret="",
                interval_minutes=0,
                actor=self.actor,
            )

    def conversation(self, release: Release, document: Document, role: str = Role.OWNER) -> Conversation:
        user = self.company.user(role)
        with self.company.scope():
            conversation = conversation_create(
                user=user, alias="production", question="有給休暇は何日もらえますか？", actor=SYSTEM
            )
            question_add(conversation=conversation, text="有給休暇は何日もらえますか？")
            cited = {
                "index": 1,
                "file_id": document.id,
                "filename": document.name,
                "revision": document.current_revision_id,
                "kind": "page",
                "page": 2,
                "label": None,
                "cells": None,
                "quote": "10日の年次有給休暇を与える。",
            }
            answer_add(
                conversation=conversation,
                text="入社から6か月で**10日**です[1]。",
                annotations=[{"type": "file_citation", "file_citation": cited}],
                release=release,
                finish_reason="stop",
            )
            return conversation


def _event(job: Job, type: str, message: str = "", level: str = "info", data: dict | None = None) -> JobEvent:
    return JobEvent(
        organization_id=job.organization_id,
        job=job,
        fence=1,
        type=type,
        message=message,
        data=data or {},
        level=level,
    )


def _point(step: int) -> dict:
    values = {
        "loss": 2.2 + 1.7 / (1 + step / 6) + 0.05 * ((7 * step) % 5),
        "tokens_per_second": 264.0 - step % 4,
        "tokens": step * 4096.0,
    }
    return {"time": 0.0, "step": step, "values": values}


@cache
def _measured(better: bool) -> tuple[list[dict], tuple[list[Figure], list[Difference]]]:
    """The items and what follows from them; the thousand samples of the interval are drawn once."""
    lines = _items(better)
    items = [item_from_json(json.dumps(line)) for line in lines]
    return lines, compute_figures(items, [(TUNED, BASE)], Bootstrap())


def _items(better: bool) -> list[dict]:
    chance = random.Random(7)
    texts = []
    for n in range(40):
        base = 300 + chance.random() * 80
        tuned = base * (0.82 + 0.1 * chance.random() if better else 1.01)
        texts.append(
            {
                "task": "bits_per_character",
                "record_id": f"t{n}",
                "document_name": "就業規則.txt",
                "characters": 120,
                "results": {BASE: {"bits": base, "tokens": 90}, TUNED: {"bits": tuned, "tokens": 90}},
            }
        )
    answers = [
        {
            "task": "question_answering",
            "record_id": f"p{n}",
            "document_name": "社内FAQ.xlsx",
            "book": book,
            "question": f"出張の日当はいくらですか（{n}）",
            "reference": "一般社員は2,500円です。",
            "accepted": ["2,500円"],
            "results": {BASE: _answer(n % 3 == 0), TUNED: _answer(n % 2 == 0 or n % 3 == 0)},
        }
        for book in ("open", "closed")
        for n in range(40)
    ]
    return [*texts, *answers]


def _answer(right: bool) -> dict:
    return {"text": "2,500円です。" if right else "わかりません。", "right": right, "overlap": 0.4}


def _write(path, lines) -> None:
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
