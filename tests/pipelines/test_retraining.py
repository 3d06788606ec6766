"""The retraining pipeline: from the documents to a candidate release."""

from __future__ import annotations

import pytest

from common.errors import Conflict
from curation.services import dataset_version_create
from pipelines.models import PipelineRun
from pipelines.selectors import shown_state_of, stages_of_runs
from pipelines.services import pipeline_run_advance
from releases.services import release_publish
from retrieval.models import IndexBuild
from retrieval.services import documents_add, knowledge_base_create, knowledge_base_delete
from schedules.models import ScheduledRun
from schedules.services import schedule_fire, scheduled_run_stop
from tests.world import begin, fail, move_by_sql

pytestmark = pytest.mark.slow


class Retraining:
    """A run that a schedule started; `until` lets every engine succeed."""

    passes_gate = True
    reason = None

    def __init__(self, world, schedule) -> None:
        self.world, self.schedule = world, schedule
        self.run = schedule_fire(schedule=schedule, actor=world.actor).pipeline_run

    def advance(self) -> str:
        pipeline_run_advance(self.run.id)
        self.run = PipelineRun.objects.prefetch_related("stages").get(pk=self.run.id)
        return self.run.stage

    def rows(self):
        """What each stage made, by the stage's name."""
        return {stage.name: stage.row for stage in stages_of_runs([self.run])[self.run.id]}

    def row(self, stage: str):
        return self.rows()[stage]

    def states(self) -> list[str]:
        return [stage.state for stage in self.run.stages.all()]

    def until(self, stage: str) -> None:
        for _ in range(12):
            if self.advance() == stage:
                return
            self._finish_jobs()
        raise AssertionError(f"never came to {stage}, but to {self.run.stage}: {self.run.error_code}")

    def _finish_jobs(self) -> None:
        rows = self.rows()
        finish = {
            "curation": self.world.curated,
            "training": self.world.trained,
            "evaluation": lambda job: self.world.evaluated(job, passed=self.passes_gate, reason=self.reason),
        }
        for name, finished in finish.items():
            if rows[name] is not None and rows[name].job.state == "queued":
                finished(rows[name].job)
        for build in IndexBuild.objects.filter(state="building"):
            self.world.indexed(build.job)


@pytest.fixture
def document(world):
    return world.document()


@pytest.fixture
def retraining(world, document):
    """A schedule with a knowledge base and a document, fired."""
    return Retraining(world, world.schedule(knowledge_base=world.knowledge_base([])))


def test_ends_with_a_candidate_release(retraining, document):
    retraining.until("done")
    rows = retraining.rows()
    release = rows["release"]
    assert release.state == "candidate"
    assert release.model_version == rows["training"].model_version
    assert release.index_build == rows["retrieval"]
    assert rows["retrieval"].revisions.get() == document.current_revision
    assert retraining.run.ended_at is not None
    assert retraining.states() == ["done"] * 5


def test_waits_for_the_job_of_a_stage_and_starts_nothing_twice(retraining):
    retraining.advance()
    first = retraining.row("curation")
    assert (retraining.advance(), retraining.advance()) == ("curation", "curation")
    assert retraining.row("curation") == first
    assert retraining.states() == ["running", "pending", "pending", "pending", "pending"]


def test_does_not_go_on_before_the_result_of_a_job_is_registered(retraining):
    retraining.advance()
    job = retraining.row("curation").job
    begin(job)
    move_by_sql(job, "succeeded")
    assert retraining.advance() == "curation"


def test_continues_from_the_version_of_the_run_before(retraining):
    retraining.until("done")
    first = retraining.row("training").model_version
    retraining.world.document("新.txt", "新しい規則")
    second = Retraining(retraining.world, retraining.schedule)
    second.until("done")
    assert second.row("training").parent == first


def test_skips_a_run_that_finds_nothing_new(retraining):
    retraining.until("done")
    second = Retraining(retraining.world, retraining.schedule)
    assert second.advance() == "skipped" and second.run.ended_at is not None
    assert second.row("curation") == retraining.row("curation")
    assert second.row("release") is None


def test_another_schedule_is_not_skipped_over_the_same_data(retraining):
    retraining.until("done")
    dataset = retraining.row("curation").dataset
    second = Retraining(retraining.world, retraining.world.schedule(name="別", dataset=dataset))
    second.until("done")
    assert second.row("curation") == retraining.row("curation")


def test_tries_the_same_data_again_after_a_failed_run(retraining):
    retraining.until("training")
    fail(retraining.row("training").job)
    assert retraining.advance() == "failed"
    assert retraining.run.error_code == "training.system.out_of_memory"
    assert retraining.states() == ["done", "failed", "skipped", "skipped", "skipped"]
    second = Retraining(retraining.world, retraining.schedule)
    second.until("done")
    assert second.row("curation") == retraining.row("curation")


def test_releases_the_served_model_with_the_new_index_when_the_gate_fails(retraining):
    world = retraining.world
    served = world.release(approved=True, system_prompt="丁寧に", generation={"max_tokens": 77})
    release_publish(release_id=served.id, alias="production", actor=world.actor)
    retraining.passes_gate = False
    retraining.until("done")
    release = retraining.row("release")
    assert release.model_version is None and release.index_build == retraining.row("retrieval")
    assert (release.system_prompt, release.generation["max_tokens"]) == ("丁寧に", 77)


@pytest.mark.parametrize(
    ("reason", "code"), [("worse", "gate_failed"), ("not_measured", "gate_inconclusive")]
)
def test_fails_when_the_gate_is_not_passed_and_there_is_no_index(world, document, reason, code):
    retraining = Retraining(world, world.schedule())
    retraining.passes_gate, retraining.reason = False, reason
    retraining.until("failed")
    assert retraining.run.error_code == code
    assert retraining.states() == ["done", "done", "done", "skipped", "failed"]


def test_fails_without_documents(world):
    retraining = Retraining(world, world.schedule())
    assert retraining.advance() == "failed"
    assert retraining.run.error_code == "no_documents"


def test_fails_when_the_knowledge_base_was_deleted(retraining):
    retraining.until("evaluation")
    knowledge_base_delete(knowledge_base=retraining.schedule.knowledge_base, actor=retraining.world.actor)
    retraining.until("failed")
    assert retraining.run.error_code == "knowledge_base_deleted"


def test_tries_an_index_that_failed_before_the_run_once_more(world, document):
    world.embedding_model()
    base = knowledge_base_create(name="x", documents=[document], actor=world.actor)
    fail(base.builds.get().job, "retrieval.system.out_of_memory")
    retraining = Retraining(world, world.schedule(knowledge_base=base))
    retraining.until("retrieval")
    fail(base.builds.get(number=2).job, "retrieval.system.out_of_memory")
    assert retraining.advance() == "failed"
    assert base.builds.count() == 2


def test_waits_for_the_build_that_follows_when_documents_were_added_meanwhile(retraining):
    retraining.until("retrieval")
    world, base = retraining.world, retraining.schedule.knowledge_base
    added = world.document("新.txt", "新しい規則")
    documents_add(knowledge_base=base, documents=[added], actor=world.actor)
    world.indexed(retraining.row("retrieval").job)
    assert retraining.advance() == "retrieval"
    assert retraining.row("retrieval").number == 2
    retraining.until("done")
    assert retraining.row("release").index_build.number == 2


def test_nothing_is_trained_on_a_dataset_that_holds_nothing_out(retraining, world):
    retraining.advance()
    world.curated(retraining.row("curation").job, heldout_records=0, heldout_pairs=0)
    assert retraining.advance() == "failed"
    assert retraining.run.error_code == "no_heldout_data"
    assert retraining.row("training") is None


def test_a_version_is_made_of_the_documents_that_were_chosen_for_the_newest(world):
    chosen, other = world.document("a.txt"), world.document("b.txt")
    dataset = world.dataset()
    first = dataset_version_create(dataset=dataset, documents=[chosen], heldout_share=0.1, actor=world.actor)
    world.curated(first.job)
    renewed = world.document("a.txt", "第2条")
    run = Retraining(world, world.schedule(dataset=dataset))
    run.advance()
    version = run.row("curation")
    assert version.number == 2 and version.document_rule is None
    assert version.revisions.get() == renewed.current_revision
    assert other.current_revision not in version.revisions.all()


@pytest.mark.parametrize("stage", ["curation", "training", "evaluation"])
def test_a_stopped_run_ends_with_the_job_it_waits_for(retraining, world, stage):
    retraining.until(stage)
    run = ScheduledRun.objects.get(pipeline_run=retraining.run)
    scheduled_run_stop(run=run, actor=world.actor)
    job = retraining.row(stage).job
    job.refresh_from_db()
    assert job.state == "cancelled"
    assert retraining.advance() == "cancelled"
    with pytest.raises(Conflict, match="run_has_ended"):
        scheduled_run_stop(run=run, actor=world.actor)


def test_stopping_a_run_leaves_the_index_that_others_wait_for(retraining, world):
    retraining.until("retrieval")
    scheduled_run_stop(run=ScheduledRun.objects.get(pipeline_run=retraining.run), actor=world.actor)
    build = retraining.row("retrieval")
    build.job.refresh_from_db()
    assert build.job.state == "queued"


def test_a_stage_whose_job_waits_is_not_said_to_run(retraining):
    retraining.advance()
    stages = stages_of_runs([retraining.run])
    assert [stage.shown_state for stage in stages[retraining.run.id]][:2] == ["queued", "pending"]
    assert shown_state_of(retraining.run, stages) == "queued"
    begin(retraining.row("curation").job)
    stages = stages_of_runs([retraining.run])
    assert stages[retraining.run.id][0].shown_state == "building"
    assert shown_state_of(retraining.run, stages) == "curation"
