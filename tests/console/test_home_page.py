"""The home page: the state of each step, the next one, what needs a person, what runs and waits."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from console.newest import fresh_documents, newest_dataset_version
from console.onboarding import onboarding_steps
from console.steps import next_step
from curation.models import Dataset
from curation.services import dataset_version_create
from jobs.models import Job
from registry.models import ModelVersion
from releases.services import deployment_rollback, release_publish, release_reject
from tests.world import World, begin, fail, move_by_sql

pytestmark = pytest.mark.slow

Setup = Callable[[World], object]


def page_of(world: World, role: str = "owner") -> str:
    answer = world.browser(role).get("/")
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


# -- how far an organization is ------------------------------------------------------------------


def nothing(world: World) -> None:
    pass


def read_documents(world: World) -> None:
    world.document()


def dataset(world: World) -> Dataset:
    return world.dataset_version().dataset


def model(world: World) -> ModelVersion:
    return world.model_version()


def passed(world: World) -> ModelVersion:
    version = model(world)
    world.evaluation(version)
    return version


def released(world: World, **options) -> object:
    return world.release(passed(world), **options)


def served(world: World) -> ModelVersion:
    version = passed(world)
    release = world.release(version, approved=True)
    release_publish(release_id=release.id, alias="production", actor=world.actor)
    return version


def build_of(dataset: Dataset, world: World) -> Job:
    return dataset_version_create(dataset=dataset, documents=None, heldout_share=0.1, actor=world.actor).job


def first_version_queued(world: World) -> None:
    world.document()
    build_of(world.dataset(), world)


def first_version_failed(world: World) -> None:
    world.document()
    fail(build_of(world.dataset(), world), "curation.user.no_documents")


def training_runs(world: World) -> None:
    begin(world.training_run().job)


def one_waits_one_runs(world: World) -> None:
    begin(world.training_run().job)
    world.training_run()


def one_waits_one_is_paused(world: World) -> None:
    move_by_sql(world.training_run().job, "paused")
    world.training_run()


def one_is_paused(world: World) -> None:
    move_by_sql(world.training_run().job, "paused")


def evaluation_failed_its_gate(world: World) -> None:
    world.evaluation(model(world), passed=False)


def second_model_not_evaluated(world: World) -> None:
    served(world)
    model(world)


def second_model_failed_its_gate(world: World) -> None:
    served(world)
    world.evaluation(model(world), passed=False)


def second_model_passed(world: World) -> None:
    served(world)
    passed(world)


def rejected(world: World) -> None:
    release = released(world)
    release_reject(release_id=release.id, comment="", principal=world.principal("reviewer"))


def second_release_approved(world: World) -> None:
    served(world)
    world.release(passed(world), approved=True)


def rolled_back(world: World) -> None:
    served(world)
    second = world.release(approved=True)
    release_publish(release_id=second.id, alias="production", actor=world.actor)
    deployment_rollback(alias="production", actor=world.actor)


def new_revision(world: World) -> None:
    served(world)
    world.document("規則.txt", "第2条 改定した。")


def new_dataset_version(world: World) -> None:
    version = served(world)
    world.dataset_version(Dataset.objects.get(versions=version.dataset_version_id))


STEPS = ("documents", "dataset", "training", "evaluation", "release", "served")
CASES: dict[str, tuple[Setup, str, str | None]] = {
    # What there is, the states of the six steps, the next step.
    "nothing": (nothing, "not_yet not_yet not_yet not_yet not_yet not_yet", "documents"),
    "a document waits to be read": (lambda world: world.upload(), "running not_yet not_yet not_yet not_yet not_yet", "documents"),
    "documents": (read_documents, "done not_yet not_yet not_yet not_yet not_yet", "dataset"),
    "a first version is queued": (first_version_queued, "done queued not_yet not_yet not_yet not_yet", "dataset"),
    "the first version failed": (first_version_failed, "done failed not_yet not_yet not_yet not_yet", "dataset"),
    "a dataset": (dataset, "done done not_yet not_yet not_yet not_yet", "training"),
    "a training runs": (training_runs, "done done running not_yet not_yet not_yet", "training"),
    "one training runs, a newer one waits": (
        one_waits_one_runs, "done done running not_yet not_yet not_yet", "training",
    ),
    "one training is paused, another waits": (
        one_waits_one_is_paused, "done done queued not_yet not_yet not_yet", "training",
    ),
    "a training is paused": (one_is_paused, "done done waiting not_yet not_yet not_yet", "training"),
    "a model": (model, "done done done not_yet not_yet not_yet", "evaluation"),
    "it failed its gate": (evaluation_failed_its_gate, "done done done failed not_yet not_yet", "evaluation"),
    "it passed": (passed, "done done done done not_yet not_yet", "release"),
    "a candidate": (released, "done done done done waiting not_yet", "release"),
    "it was rejected": (rejected, "done done done done failed not_yet", "release"),
    "approved, not published": (
        lambda world: released(world, approved=True), "done done done done done waiting", "served",
    ),
    "served": (served, "done done done done done done", None),
    "a new revision": (new_revision, "done stale done done done done", "dataset"),
    "a new dataset version": (new_dataset_version, "done done stale done done done", "training"),
    "a second model, not evaluated": (
        second_model_not_evaluated, "done done done not_yet done done", "evaluation",
    ),
    "a second model failed its gate": (
        second_model_failed_its_gate, "done done done failed done done", "evaluation",
    ),
    "a second model passed": (second_model_passed, "done done done done stale done", "release"),
    "a second release approved": (second_release_approved, "done done done done done waiting", "served"),
    "rolled back": (rolled_back, "done done done done done done", None),
}  # fmt: skip


@pytest.mark.parametrize(("setup", "states", "following"), CASES.values(), ids=CASES)
def test_every_step_tells_what_is_so(world: World, setup: Setup, states: str, following: str | None) -> None:
    setup(world)
    steps = onboarding_steps()
    assert [step.key for step in steps] == list(STEPS)
    assert {step.key: step.state.value for step in steps} == dict(zip(STEPS, states.split(), strict=True))
    found = next_step(steps)
    assert (found.key if found else None) == following
    page = page_of(world)
    assert ("Every step is done" in page) == (following is None)


def test_only_a_tick_looks_like_one(world: World) -> None:
    evaluation_failed_its_gate(world)
    (evaluation,) = re.findall(r'id="step-evaluation".*?</a>', page_of(world))
    assert "gate not passed" in evaluation and "#circle-alert" in evaluation
    assert "#circle-check" not in evaluation


def test_documents_that_were_not_chosen_are_not_news(world: World) -> None:
    version = dataset_version_create(
        dataset=world.dataset(), documents=[world.document("a.txt")], heldout_share=0.1, actor=world.actor
    )
    world.curated(version.job)
    world.document("b.txt")
    newest = newest_dataset_version()
    assert not fresh_documents(newest).exists()
    world.document("a.txt", "改定")
    assert fresh_documents(newest).count() == 1


# -- what needs a person, what runs and waits -----------------------------------------------------


def unreadable(world: World) -> None:
    fail(world.upload().current_revision.job, "ingest.user.encrypted")


def failed_training(world: World) -> None:
    fail(world.training_run().job)


def failed_retraining(world: World) -> None:
    from pipelines.services import pipeline_runs_advance
    from schedules.services import schedule_fire

    # Without a document there is nothing to build from.
    schedule_fire(schedule=world.schedule(), actor=world.actor)
    pipeline_runs_advance()


NOTICES: dict[str, tuple[Setup, str]] = {
    "a candidate": (released, "Waiting for approval"),
    "approved, not published": (
        lambda world: released(world, approved=True), "It is not published, so it answers nobody yet.",
    ),
    "a failed gate": (evaluation_failed_its_gate, "The newest model version cannot be released."),
    "a new revision": (new_revision, "Documents new or changed since d0, version 1: 1"),
    "an unreadable document": (unreadable, "Documents that could not be read: 1"),
    "a failed job": (failed_training, "Training a model"),
    "a failed retraining": (failed_retraining, "There is no document to build from."),
}  # fmt: skip


@pytest.mark.parametrize(("setup", "words"), NOTICES.values(), ids=NOTICES)
def test_what_needs_a_person_is_listed(world: World, setup: Setup, words: str) -> None:
    assert "Needs your attention" not in page_of(world)
    setup(world)
    section = page_of(world).partition("Needs your attention")[2].partition("</section>")[0]
    assert words in section


@pytest.mark.parametrize(
    ("state", "words"),
    [("queued", "Number 1 in line"), ("running", "<progress"), ("paused", 'data-state="paused"')],
)
def test_running_and_waiting_work_is_seen_and_can_be_stopped(world: World, state: str, words: str) -> None:
    job = world.training_run().job
    if state == "running":
        begin(job)
    elif state == "paused":
        move_by_sql(job, "paused")
    section = page_of(world).partition("Running and waiting")[2].partition("</section>")[0]
    assert words in section and f'href="/jobs/{job.id}/cancel?next=/"' in section
    reader = page_of(world, "viewer").partition("Running and waiting")[2].partition("</section>")[0]
    assert words in reader and "/cancel" not in reader


def test_what_runs_is_listed_before_what_waits_and_what_is_paused(world: World) -> None:
    paused, waiting, running = (world.training_run().job for _ in range(3))
    move_by_sql(paused, "paused")
    begin(running)
    listed = re.findall(r'id="job-([^"]+)"', page_of(world))
    assert listed == [running.id, waiting.id, paused.id]


def test_the_page_says_when_the_role_does_not_allow_the_next_step(world: World) -> None:
    assert "Your role does not allow this" in page_of(world, "viewer")
    assert "Your role does not allow this" not in page_of(world)


def test_a_paused_schedule_is_told(world: World) -> None:
    from schedules.services import schedule_update

    schedule = world.schedule()
    schedule_update(schedule=schedule, name=None, is_active=False, timing={}, actor=world.actor)
    page = page_of(world)
    assert "The schedule is paused" in page and "There is no schedule" not in page
