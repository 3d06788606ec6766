"""An organization with everything that a test needs, made by the services.

Engines do not run: their results are written into the run folders as an engine writes them, and the platform
completes the jobs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.db import connection

from accounts.models import Role
from curation.models import Dataset, DatasetVersion
from curation.services import dataset_create, dataset_version_create
from documents.models import Document, Revision
from documents.reading import collect_job, revisions_waiting
from documents.selectors import ready_documents
from documents.services import document_upload
from evaluations.models import Evaluation, Suite
from evaluations.services import evaluation_create, suite_create
from jobs.models import Job
from jobs.services import job_claim, job_failed, job_started, job_succeeded
from jobs.types import job_type
from registry.models import BaseModel, ModelVersion
from releases.models import Release
from releases.services import release_approve, release_create
from retrieval.models import IndexBuild, KnowledgeBase
from retrieval.selectors import latest_build
from retrieval.services import knowledge_base_create
from schedules.models import Schedule
from schedules.services import schedule_create
from schedules.timing import Timing
from tests.people import People
from training.models import MethodType, TrainingRun
from training.services import training_run_create
from workers.contract.artifacts import write_manifest
from workers.contract.personal_data import PERSONAL_DATA_FILE, masked
from workers.contract.records import PAGES_FILE, DocumentOrigin, DroppedRecord, Page, Source, TextRecord
from workers.contract.spec import Spec
from workers.contract.specs.curation import CurationResult
from workers.contract.specs.evaluation import EvaluationResult
from workers.contract.specs.gate import BASE, DEFAULT_GATE, TUNED, VERDICTS, GateVerdict, Reason, RuleOutcome
from workers.contract.specs.ingest import FileOutcome, IngestBatchResult, IngestResult
from workers.contract.specs.retrieval import RetrievalResult
from workers.contract.specs.run import RunError
from workers.contract.specs.tasks.bits_per_character import TextBits, TextItem
from workers.contract.specs.training import Hyperparameters, TrainingResult
from workers.engines.shared.personal_data import find, find_on_page
from workers.orchestration.finalize import finalize_job

DIGEST = "d" * 64
SOURCE = Source(document_id="file-1", revision_id="rev_1", document_name="規則.txt", kind="page", number=1)
ORIGIN = DocumentOrigin(source=SOURCE)
RECORD = TextRecord(id="a" * 16, text="第1条 本規則は。", origin=ORIGIN)
DROPPED = DroppedRecord(step="noise", reason="symbols", text="＊＊＊", origin=ORIGIN)


class World(People):
    """One organization with what its people made. Use it inside `with world:`, which opens its scope."""

    # -- documents and datasets ------------------------------------------------------------------
    def upload(
        self, name: str = "規則.txt", text: str = "第1条 本規則は。", purpose: str = "user_data"
    ) -> Document:
        """Its reading is queued, in a job of its own."""
        return self.queued(self.received(name, text, purpose))

    def queued(self, document: Document) -> Document:
        while collect_job(revisions_waiting().filter(document=document), 1):
            pass
        return Document.objects.select_related("current_revision__job").get(pk=document.pk)

    def received(
        self, name: str = "規則.txt", text: str = "第1条 本規則は。", purpose: str = "user_data"
    ) -> Document:
        """Uploaded, and not yet collected to be read."""
        return document_upload(
            name=name, purpose=purpose, chunks=[text.encode()], media_type="text/plain", actor=self.actor
        )

    def document(self, name: str = "規則.txt", text: str = "第1条 本規則は。", **facts: Any) -> Document:
        """Uploaded and read."""
        document = self.upload(name, text, facts.pop("purpose", "user_data"))
        self.read(document, text, **facts)
        return Document.objects.select_related("current_revision").get(pk=document.id)

    def read(self, document: Document, text: str = "本文", **facts: Any) -> None:
        page = {"kind": "page", "number": 1, "text": text, "tables": [], **facts.pop("page", {})}
        finds = find_on_page(Page.model_validate(page))
        files = {
            PAGES_FILE: json.dumps(page, ensure_ascii=False) + "\n",
            PERSONAL_DATA_FILE: "".join(find.model_dump_json() + "\n" for find in finds),
            **facts.pop("more", {}),
        }
        result = IngestResult(
            **{
                "media_type": "text/plain",
                "pages": 1,
                "characters": len(text),
                "sha256": DIGEST,
                "manifest_sha256": DIGEST,
                **_masked_facts(facts),
                **facts,
            }
        )
        ingested(self.queued(document).current_revision, result, files)

    def dataset(self, name: str = "社内文書") -> Dataset:
        return dataset_create(name=name, description="", recipe=None, actor=self.actor)

    def dataset_version(self, dataset: Dataset | None = None, **counts: Any) -> DatasetVersion:
        """Ready; by default with 10 texts and 4 pairs, of which 2 and 1 are held out."""
        if not ready_documents().exists():
            self.document()
        version = dataset_version_create(
            dataset=dataset or self.dataset(), documents=None, heldout_share=0.1, actor=self.actor
        )
        self.curated(version.job, **counts)
        return DatasetVersion.objects.get(pk=version.id)

    def curated(self, job: Job, **counts: Any) -> None:
        figures = {
            "records": 10,
            "pairs": 4,
            "heldout_records": 2,
            "heldout_pairs": 1,
            "dropped": 1,
            "characters": 100,
            "manifest_sha256": DIGEST,
        }
        files = {
            "records.jsonl": RECORD.model_dump_json() + "\n",
            "dropped.jsonl": DROPPED.model_dump_json() + "\n",
        }
        finish(job, CurationResult(**{**figures, **counts}), files)

    # -- models ----------------------------------------------------------------------------------
    def base_model(self, name: str = "gemma", kind: str = "causal_lm", **facts: Any) -> BaseModel:
        found = BaseModel.objects.filter(name=name).first()
        return found or BaseModel.objects.create(
            **{
                "name": name,
                "kind": kind,
                "path": f"/models/{name}",
                "licence": "Apache-2.0",
                "digest": DIGEST,
                "architecture": "Gemma3ForCausalLM",
                "parameters": 1,
                "context_length": 512,
                "vocabulary_size": 8,
                "hidden_size": 8,
                "layers": 1,
                **facts,
            }
        )

    def embedding_model(self) -> BaseModel:
        return self.base_model("e5", "embedding")

    def training_run(self, version: DatasetVersion | None = None, **options: Any) -> TrainingRun:
        return training_run_create(
            **{
                "model": self.base_model().name,
                "method": MethodType.CONTINUED_PRETRAINING,
                "data": version or self.dataset_version(self.dataset(f"d{Dataset.objects.count()}")),
                "hyperparameters": Hyperparameters(),
                "actor": self.actor,
                **options,
            }
        )

    def trained(self, job: Job, **facts: Any) -> None:
        figures = {
            "steps": 3,
            "tokens": 1234,
            "labelled_tokens": 1000,
            "loss_first": 3.0,
            "loss_last": 2.0,
            "seconds": 1.0,
            "tokens_per_second": 1234.0,
            "parameters_trained": 1,
            "parameters_total": 2,
            "records": {"text": 8},
            "adapter_dir": "adapter",
            "manifest_sha256": DIGEST,
        }
        finish(job, TrainingResult(**{**figures, **facts}), {"adapter/manifest.json": "{}"})

    def model_version(self, **options: Any) -> ModelVersion:
        run = self.training_run(**options)
        self.trained(run.job)
        return ModelVersion.objects.get(training_run_id=run.id)

    def suite(self) -> Suite:
        return suite_create(name="公開前", actor=self.actor)

    def evaluation(
        self, version: ModelVersion, *, passed: bool = True, reason: Reason | None = None
    ) -> Evaluation:
        evaluation = evaluation_create(
            suite=self.suite(),
            dataset_version=DatasetVersion.objects.get(pk=version.dataset_version_id),
            base_model=version.base_model,
            model_version=version,
            actor=self.actor,
        )
        self.evaluated(evaluation.job, passed=passed, reason=reason)
        return Evaluation.objects.get(pk=evaluation.id)

    def evaluated(self, job: Job, *, passed: bool = True, reason: Reason | None = None) -> None:
        results = {name: TextBits(bits=bits, tokens=5) for name, bits in ((BASE, 9.0), (TUNED, 8.0))}
        item = TextItem(record_id="a", characters=10, results=results)
        finish(job, evaluate_result(passed, reason), {"items.jsonl": item.model_dump_json() + "\n"})

    # -- knowledge and releases --------------------------------------------------------------------
    def knowledge_base(self, documents: list[Document] | None = None, name: str = "規程集") -> KnowledgeBase:
        """With its index, if its documents have been read."""
        self.embedding_model()
        knowledge_base = knowledge_base_create(
            name=name,
            documents=[self.document()] if documents is None else documents,
            actor=self.actor,
        )
        build = latest_build(knowledge_base)
        if build is not None:
            self.indexed(build.job)
        return KnowledgeBase.objects.get(pk=knowledge_base.id)

    def indexed(self, job: Job) -> None:
        result = RetrievalResult(
            documents=1,
            chunks=2,
            reused_chunks=0,
            dimensions=4,
            manifest_sha256=DIGEST,
            bytes=10,
            seconds=0.1,
        )
        finish(job, result, {"manifest.json": "{}"})

    def release(
        self,
        version: ModelVersion | None = None,
        build: IndexBuild | None = None,
        *,
        approved: bool = False,
        **options: Any,
    ) -> Release:
        release = release_create(
            **{
                "base_model": version.base_model if version else self.base_model(),
                "model_version": version,
                "index_build": build,
                "system_prompt": "",
                "generation": {},
                "note": "",
                "actor": self.actor,
                **options,
            }
        )
        if approved:
            release_approve(release_id=release.id, comment="", principal=self.principal(Role.REVIEWER))
        return Release.objects.get(pk=release.id)

    def schedule(self, **options: Any) -> Schedule:
        return schedule_create(
            **{
                "name": "週次",
                "timing": Timing(),
                "dataset": options.pop("dataset", None) or self.dataset("定期"),
                "base_model": self.base_model(),
                "suite": self.suite(),
                "knowledge_base": None,
                "alias": "production",
                "suffix": "weekly",
                "incremental": True,
                "hyperparameters": {},
                "actor": self.actor,
                **options,
            }
        )


def evaluate_result(passed: bool, reason: Reason | None = None) -> EvaluationResult:
    """`reason`: of the gate's only rule; one that `passed` asks for where it is not given."""
    rule = DEFAULT_GATE.rules[0]
    reason = reason or ("better_beyond_interval" if passed else "worse")
    outcome = RuleOutcome(rule=rule, verdict=VERDICTS[reason], reason=reason)
    return EvaluationResult(
        figures=(),
        gate=GateVerdict(verdict=outcome.verdict, outcomes=(outcome,)),
        records={"bits_per_character": 2, "question_answering": 1},
        items=1,
        seconds=0.1,
        manifest_sha256=DIGEST,
    )


def _masked_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Of a result with these facts, as reading finds them."""
    title, warnings = facts.get("title"), facts.get("warnings", ())
    return {
        "masked_title": title and masked(title, find(title)),
        "masked_warnings": tuple(masked(warning, find(warning)) for warning in warnings),
    }


def finish(job: Job, result: Spec, files: Mapping[str, str]) -> Job:
    """Complete the job as if its engine had written `files` into `output/`."""
    job = begin(job)
    write_output(job, files)
    assert job_succeeded(job=job, result=sealed_result(job, result))
    return _finalized(job)


def ingested(revision: Revision, result: IngestResult, files: Mapping[str, str]) -> Job:
    """As `finish` for the job that reads this revision alone."""
    job = begin(revision.job)
    assert job_succeeded(job=job, result=ingest_result(job, revision, result, files))
    return _finalized(job)


def ingest_result(
    job: Job, revision: Revision, result: IngestResult, files: Mapping[str, str]
) -> dict[str, Any]:
    """The result of a job that has written `files` for the revision."""
    write_output(job, {f"{revision.id}/{name}": content for name, content in files.items()})
    manifest = write_manifest(job.run_dir / "output" / revision.id, job.kind)
    outcome = FileOutcome(
        revision_id=revision.id, result=result.model_copy(update={"manifest_sha256": manifest})
    )
    return IngestBatchResult(outcomes=(outcome,)).model_dump(mode="json")


def sealed_result(job: Job, result: Spec) -> dict[str, Any]:
    """The result with the digest of a real manifest, as an engine writes it."""
    values = result.model_dump(mode="json")
    made = job.run_dir / "output" / job_type(job.kind).sealed_folder(result)
    (made / "manifest.json").unlink(missing_ok=True)
    return values | {"manifest_sha256": write_manifest(made, job.kind)}


def fail(job: Job, code: str = "training.system.out_of_memory", message: str = "It did not fit.") -> Job:
    job = begin(job)
    assert job_failed(job=job, error=RunError(code=code, message=message))
    return _finalized(job)


def begin(job: Job) -> Job:
    """The job, claimed and running."""
    job = Job.objects.get(pk=job.id)
    assert job_claim(job=job)
    assert job_started(job=job)
    return Job.objects.get(pk=job.id)


def write_output(job: Job, files: Mapping[str, str]) -> None:
    for name, content in files.items():
        path = Path(job.run_dir) / "output" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def _finalized(job: Job) -> Job:
    finalize_job(job.id)
    job = Job.objects.get(pk=job.id)
    assert job.finalized_at is not None, "the finalizer raised; the events of the job say why"
    return job


def move_by_sql(job: Job, state: str) -> None:
    """A legal move that the platform makes in another process."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE jobs_job SET state = %s WHERE id = %s", [state, job.id])
