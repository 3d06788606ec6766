"""Advancing pipeline runs: the order of the stages, refusals that may pass, and faults of one run."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DataError
from django.db.models.functions import Now
from django.utils import translation
from pydantic import BaseModel, ValidationError

from common.errors import Busy, Conflict, InsufficientStorage
from common.model_server import ModelServerSilent
from common.tenancy import organization_scope
from curation.models import Dataset, DatasetVersion
from curation.services import dataset_create, dataset_version_create
from jobs.services import job_cancel
from pipelines.declaration import JobStage, Pipeline, Stage, StageFailed, pipeline_register
from pipelines.models import PipelineRun
from pipelines.selectors import stages_of_runs
from pipelines.services import pipeline_run_advance, pipeline_run_start, pipeline_runs_advance
from tests.at_once import at_once
from tests.world import World, fail
from workers.orchestration.finalize import finalize_job


class Inputs(BaseModel):
    name: str
    builds: bool = True


ERRORS: dict[str, Exception] = {}
"""What the stages of a run raise, by the name in its inputs."""


def refuse(run: PipelineRun) -> None:
    if error := ERRORS.get(run.inputs["name"]):
        raise error


class MakeDataset(Stage[Dataset]):
    """A stage without a job."""

    name, label = "dataset", "Dataset"

    def produce(self, run, row):
        refuse(run)
        return row or dataset_create(name=run.inputs["name"], description="", recipe=None, actor=run.actor)

    def rows(self):
        return Dataset.objects.all()


class BuildVersion(JobStage[DatasetVersion]):
    name, label = "curation", "Version"
    is_optional = True

    def produce(self, run, row):
        refuse(run)
        if not run.inputs["builds"]:
            return None
        dataset = DATASET.get(run)
        return row or dataset_version_create(
            dataset=dataset, documents=None, heldout_share=0.1, actor=run.actor
        )


DATASET = MakeDataset()
PIPELINE = Pipeline("two stages", Inputs, (DATASET, BuildVersion()))


@pytest.fixture(autouse=True)
def errors():
    """`ERRORS`, empty; and the pipeline of these tests is registered."""
    pipeline_register(PIPELINE)
    ERRORS.clear()
    return ERRORS


def start(world: World, name: str = "規程", **inputs) -> PipelineRun:
    return pipeline_run_start(
        pipeline=PIPELINE, inputs=Inputs(name=name, **inputs), series="", actor=world.actor
    )


def advanced(run: PipelineRun) -> PipelineRun:
    pipeline_run_advance(run.id)
    return PipelineRun.objects.prefetch_related("stages").get(pk=run.pk)


def stages(run: PipelineRun) -> list[tuple[str, str]]:
    return [(stage.name, stage.state) for stage in run.stages.all()]


def set_blocked(run: PipelineRun, **ago) -> None:
    PipelineRun.objects.filter(pk=run.pk).update(blocked_since=Now() - timedelta(**ago))


def test_goes_on_at_once_after_a_stage_without_a_job_and_waits_for_one_with_a_job(world):
    world.document()
    run = advanced(start(world))
    assert (run.stage, stages(run)) == ("curation", [("dataset", "done"), ("curation", "running")])
    version = DatasetVersion.objects.get(pk=run.produced_id("curation"))
    assert advanced(run).stage == "curation" and DatasetVersion.objects.count() == 1
    world.curated(version.job)
    run = advanced(run)
    assert (run.stage, run.state) == ("done", "done") and run.ended_at is not None
    assert [stage.row for stage in stages_of_runs([run])[run.id]] == [version.dataset, version]


def test_leaves_out_a_stage_that_yields_nothing(world):
    run = advanced(start(world, builds=False))
    assert (run.stage, stages(run)) == ("done", [("dataset", "done"), ("curation", "skipped")])


def test_a_run_that_has_ended_does_not_change(world):
    run = advanced(start(world, builds=False))
    assert advanced(run).ended_at == run.ended_at
    assert Dataset.objects.count() == 1


def test_fails_with_the_error_of_the_job(world):
    world.document()
    run = advanced(start(world))
    fail(DatasetVersion.objects.get(pk=run.produced_id("curation")).job, "curation.system.x", "It broke.")
    run = advanced(run)
    assert (run.stage, run.error_code, run.error_message) == ("failed", "curation.system.x", "It broke.")
    assert stages(run) == [("dataset", "done"), ("curation", "failed")]


def test_fails_when_the_job_was_cancelled(world):
    world.document()
    run = advanced(start(world))
    job = job_cancel(job=DatasetVersion.objects.get(pk=run.produced_id("curation")).job, actor=world.actor)
    finalize_job(job.id)
    run = advanced(run)
    assert (run.stage, run.error_code) == ("cancelled", "cancelled")


def test_fails_with_the_reason_that_a_stage_gives(world, errors):
    errors["規程"] = StageFailed("no_purpose", "There is nothing to do.")
    run = advanced(start(world))
    assert (run.stage, run.error_code, run.error_message) == (
        "failed",
        "no_purpose",
        "There is nothing to do.",
    )
    assert stages(run) == [("dataset", "failed"), ("curation", "skipped")]


def test_refuses_inputs_of_another_pipeline(world):
    class Other(BaseModel):
        other: int

    with pytest.raises(ValidationError):
        pipeline_run_start(pipeline=PIPELINE, inputs=Other(other=1), series="", actor=world.actor)


@pytest.mark.slow
def test_workers_that_advance_a_run_at_once_begin_each_stage_once(live_world):
    live_world.document()
    run = start(live_world)
    at_once(live_world, lambda _n: pipeline_run_advance(run.id))
    assert Dataset.objects.count() == DatasetVersion.objects.count() == 1


# -- refusals -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "error", [InsufficientStorage(), Busy(), ModelServerSilent()], ids=lambda error: error.code
)
def test_a_refusal_that_may_pass_blocks_the_run_until_it_has_passed(world, errors, error):
    run = start(world, builds=False)
    errors["規程"] = error
    for _ in range(3):
        run = advanced(run)
        assert (run.stage, run.error_code, run.ended_at) == ("dataset", error.code, None)
    since = run.blocked_since
    assert since is not None and advanced(run).blocked_since == since
    set_blocked(run, hours=23)
    assert advanced(run).stage == "dataset"
    errors.clear()
    run = advanced(run)
    assert (run.stage, run.error_code, run.error_message, run.blocked_since) == ("done", "", "", None)


def test_a_refusal_that_lasts_for_a_day_ends_the_run(world, errors):
    run = start(world)
    errors["規程"] = InsufficientStorage()
    advanced(run)
    set_blocked(run, hours=25)
    run = advanced(run)
    assert (run.stage, run.error_code) == ("failed", "insufficient_storage") and run.ended_at is not None


def test_the_day_begins_again_after_an_advance_that_was_not_refused(world, errors):
    world.document()
    run = start(world)
    set_blocked(run, hours=25)
    assert advanced(run).blocked_since is None
    errors["規程"] = Busy()
    run = advanced(run)
    assert (run.stage, run.error_code, run.ended_at) == ("curation", Busy().code, None)


def test_a_refusal_that_cannot_pass_ends_the_run_at_once(world, errors):
    errors["規程"] = Conflict("dataset_deleted", "It was deleted.")
    run = advanced(start(world))
    assert (run.stage, run.error_code) == ("failed", "dataset_deleted")


@pytest.mark.parametrize("fault", [ZeroDivisionError(), DataError()], ids=lambda fault: type(fault).__name__)
def test_a_fault_in_one_run_does_not_stop_the_others(world, errors, caplog, fault):
    first, second = start(world), start(world, "別", builds=False)
    errors["規程"] = fault
    assert pipeline_runs_advance() == 2
    with organization_scope(world.organization.id):
        assert PipelineRun.objects.get(pk=second.pk).state == "done"
    assert f"advancing {first.id} failed" in caplog.text


def test_runs_of_every_organization_advance(world):
    mine = start(world, builds=False)
    with World("other") as other:
        theirs = start(other, builds=False)
    assert pipeline_runs_advance() == 2
    for run in (mine, theirs):
        with organization_scope(run.organization_id):
            assert PipelineRun.objects.get(pk=run.pk).state == "done"


def test_a_refusal_is_told_with_its_figures_in_the_readers_language(world):
    sentence = "The job asks for %(asked)s %(field)s; the cluster has %(there)s."
    figures = {"asked": 8, "field": "cpus", "there": 2}
    ERRORS["規程"] = Conflict("resources_exceed_cluster", sentence, values=figures)
    run = advanced(start(world))
    assert (run.state, run.error_message) == ("failed", "The job asks for 8 cpus; the cluster has 2.")
    with translation.override("en"):
        assert run.own_sentence() == run.error_message
    with translation.override("ja"):
        assert run.own_sentence() == "ジョブはcpusを8要求していますが、クラスターには2しかありません。"
