"""The retraining pipeline: dataset version, training, evaluation, index, and a candidate release."""

from __future__ import annotations

from typing import Any

import pydantic
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from curation.choice import next_choice
from curation.models import Dataset, DatasetVersion
from curation.selectors import NOTHING_HELD_OUT, heldout_records, recipe_content
from curation.services import dataset_version_create
from documents.models import Document
from documents.selectors import read_revisions
from evaluations.models import Evaluation, Suite, Verdict
from evaluations.services import evaluation_create
from jobs.produced import ProducedState
from pipelines.declaration import JobStage, Pipeline, Stage, StageFailed
from pipelines.models import PipelineRun
from registry.models import BaseModel, ModelVersion
from registry.selectors import latest_version
from releases.models import Deployment, MadeBy, Release
from releases.policy import require_suite_of_policy
from releases.services import release_create
from retrieval.models import IndexBuild, KnowledgeBase
from retrieval.selectors import latest_build
from retrieval.services import documents_add, index_build_if_needed
from training.hyperparameters import hyperparameters
from training.models import MethodType, TrainingRun
from training.services import training_run_create

HELDOUT_SHARE = 0.1


class RetrainingInputs(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    dataset_id: str
    """Its next version is built from the documents as they are when the run starts."""
    base_model_id: str
    suite_id: str
    """Its gate decides whether the new model version becomes part of the release."""
    knowledge_base_id: str | None
    """Brought up to date for the release; None: the release has no index."""
    alias: str
    """Prompt and generation settings of the release come from the release served here."""
    suffix: str
    """The name under which model versions are numbered."""
    incremental: bool
    """Continue from the newest version instead of starting from the base model."""
    hyperparameters: dict[str, Any]


def _inputs(run: PipelineRun) -> RetrainingInputs:
    return RetrainingInputs.model_validate(run.inputs)


class CurationStage(JobStage[DatasetVersion]):
    name = "curation"
    label = gettext_lazy("Dataset")

    def produce(self, run: PipelineRun, row: DatasetVersion | None) -> DatasetVersion:
        """The newest version if it is still up to date, else a new one of the same choice of documents."""
        if row is not None:
            return _require_heldout(row)
        # The policy may have changed: known now, and not after hours of training.
        require_suite_of_policy(Suite.objects.get(pk=_inputs(run).suite_id))
        dataset = Dataset.objects.get(pk=_inputs(run).dataset_id)
        documents, rule = next_choice(dataset)
        chosen = rule.documents() if documents is None else documents
        return self._up_to_date(dataset, chosen) or dataset_version_create(
            dataset=dataset, documents=documents, rule=rule, heldout_share=HELDOUT_SHARE, actor=run.actor
        )

    def _up_to_date(self, dataset: Dataset, chosen: list[Document]) -> DatasetVersion | None:
        """The newest ready version, if it was made from today's documents with today's recipe."""
        newest = self.rows().filter(dataset=dataset, state=ProducedState.READY).order_by("-number").first()
        if newest is None or newest.recipe != recipe_content(dataset).model_dump(mode="json"):
            return None
        if not heldout_records(newest):
            return None
        current = set(read_revisions().filter(document__in=chosen).values_list("id", flat=True))
        return newest if current == set(newest.revisions.values_list("id", flat=True)) else None


def _require_heldout(version: DatasetVersion) -> DatasetVersion:
    """The evaluation that follows needs held-out records, so nothing is trained without them."""
    if version.state == ProducedState.READY and not heldout_records(version):
        raise StageFailed("no_heldout_data", str(NOTHING_HELD_OUT))
    return version


class TrainingStage(JobStage[TrainingRun]):
    name = "training"
    label = gettext_lazy("Training")

    def produce(self, run: PipelineRun, row: TrainingRun | None) -> TrainingRun:
        if row is not None:
            return row
        inputs = _inputs(run)
        base_model = BaseModel.objects.get(pk=inputs.base_model_id)
        parent = latest_version(base_model, inputs.suffix) if inputs.incremental else None
        # What the continued version has learnt: these records are replayed only in part.
        known = DatasetVersion.objects.filter(pk=parent.dataset_version_id).first() if parent else None
        return training_run_create(
            model=parent.name if parent else base_model.name,
            method=MethodType.CONTINUED_PRETRAINING,
            data=CURATION.get(run),
            hyperparameters=hyperparameters(inputs.hyperparameters, at="hyperparameters."),
            suffix=inputs.suffix,
            known=known,
            actor=run.actor,
        )


class EvaluationStage(JobStage[Evaluation]):
    name = "evaluation"
    label = gettext_lazy("Evaluation")

    def produce(self, run: PipelineRun, row: Evaluation | None) -> Evaluation:
        if row is not None:
            return row
        inputs = _inputs(run)
        return evaluation_create(
            suite=Suite.objects.get(pk=inputs.suite_id),
            dataset_version=CURATION.get(run),
            base_model=BaseModel.objects.get(pk=inputs.base_model_id),
            model_version=TRAINING.get(run).model_version,
            actor=run.actor,
        )


class RetrievalStage(JobStage[IndexBuild]):
    name = "retrieval"
    label = gettext_lazy("Index")
    is_optional = True
    is_shared = True

    def produce(self, run: PipelineRun, row: IndexBuild | None) -> IndexBuild | None:
        """The newest build of the knowledge base, once every document of the dataset version is in it.

        It is looked up at every call: a build during which documents were added is followed by another.
        """
        inputs = _inputs(run)
        if inputs.knowledge_base_id is None:
            return None
        knowledge_base = KnowledgeBase.objects.get(pk=inputs.knowledge_base_id)
        if knowledge_base.deleted_at is not None:
            raise StageFailed("knowledge_base_deleted", _("The knowledge base was deleted."))
        present = knowledge_base.entries.values("document_id")
        revisions = CURATION.get(run).revisions.all()
        missing = list(
            Document.objects.filter(revisions__in=revisions, deleted_at=None).exclude(pk__in=present)
        )
        if missing:
            documents_add(knowledge_base=knowledge_base, documents=missing, actor=run.actor)
        build = latest_build(knowledge_base)
        if build is None or (
            build.state in (ProducedState.FAILED, ProducedState.CANCELLED)
            and build.created_at < run.created_at
        ):
            # A build that failed before this run is tried once more.
            build = index_build_if_needed(knowledge_base_id=knowledge_base.id, actor=run.actor, again=True)
        if build is None:
            raise StageFailed("nothing_to_index", _("No document can be searched."))
        return build


WITHOUT_NEW_VERSION = {
    Verdict.FAILED: MadeBy.SCHEDULE_GATE_FAILED,
    Verdict.INCONCLUSIVE: MadeBy.SCHEDULE_GATE_INCONCLUSIVE,
}


class ReleaseStage(Stage[Release]):
    name = "release"
    label = gettext_lazy("Release")

    def produce(self, run: PipelineRun, row: Release | None) -> Release:
        """A candidate of the new version, or, if that failed its gate, of the served model and the new index."""
        if row is not None:
            return row
        inputs = _inputs(run)
        build = RETRIEVAL.find(run)
        deployment = Deployment.objects.filter(alias=inputs.alias).select_related("release").first()
        served: Release | None = deployment.release if deployment else None
        evaluation = EVALUATION.get(run)
        version: ModelVersion | None
        made_by = MadeBy.SCHEDULE
        if evaluation.passed:
            version = TRAINING.get(run).model_version
        elif build is not None:
            version = served.model_version if served else None
            made_by = WITHOUT_NEW_VERSION[Verdict(evaluation.verdict)]
        elif evaluation.verdict == Verdict.INCONCLUSIVE:
            raise StageFailed(
                "gate_inconclusive",
                _(
                    "The evaluation of the new version did not decide its gate. It names the reason and what to do."
                ),
            )
        else:
            raise StageFailed("gate_failed", _("The new version did not pass its gate."))
        made_from = version or served
        return release_create(
            base_model=made_from.base_model if made_from else BaseModel.objects.get(pk=inputs.base_model_id),
            model_version=version,
            index_build=build,
            system_prompt=served.system_prompt if served else "",
            generation=served.generation if served else {},
            made_by=made_by,
            actor=run.actor,
            prompt_from=served,
        )

    def rows(self) -> QuerySet[Release]:
        rows: QuerySet[Release] = Release.objects.all()
        return rows


CURATION, TRAINING, EVALUATION = CurationStage(), TrainingStage(), EvaluationStage()
RETRIEVAL, RELEASE = RetrievalStage(), ReleaseStage()

RETRAINING = Pipeline("retraining", RetrainingInputs, (CURATION, TRAINING, EVALUATION, RETRIEVAL, RELEASE))
