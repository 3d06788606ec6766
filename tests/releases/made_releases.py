"""Releases of which given actors did single steps, and their approval."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from accounts.models import ApiKey, User
from accounts.principal import Principal
from accounts.services import api_key_create, membership_set, user_create
from audit.services import Actor
from common.errors import KoshaError
from curation.models import DatasetVersion
from curation.services import dataset_create, recipe_create
from evaluations.services import evaluation_create, suite_create
from registry.models import ModelVersion
from releases.models import Release
from releases.policy import policy_set
from releases.services import (
    release_approve,
)
from retrieval.models import IndexBuild
from retrieval.services import documents_add, index_build_again, knowledge_base_create
from schedules.services import schedule_update
from tests.pipelines.test_retraining import Retraining
from tests.world import World
from workers.contract.specs.curation import DEFAULT_RECIPE

NEUTRAL = Actor("user", "user_neutral", "Neutral")


RULE = {"metric": "bits_per_character", "direction": "lower", "require": "not_worse"}


REVIEWER, SECOND_KEY, NOBODYS_KEY = "session", "key", "key without a person"

Doers = Mapping[str, Actor]
"""Who does which step of a release; somebody else does all others."""
NOBODY: Doers = {}


@contextmanager
def acting(world: World, actor: Actor) -> Iterator[None]:
    before, world.actor = world.actor, actor
    try:
        yield
    finally:
        world.actor = before


def _steps_by(world: World, doers: Doers) -> Callable[[str], AbstractContextManager[None]]:
    return lambda step: acting(world, doers.get(step, NEUTRAL))


def made_by_hand(world: World, doers: Doers) -> Release:
    """A release with every part."""
    by = _steps_by(world, doers)
    with by("recipe made"):
        steps = {"steps": DEFAULT_RECIPE.model_dump(mode="json")["steps"]}
        recipe = recipe_create(name="手順", content=steps, actor=world.actor)
    with by("dataset made"):
        dataset = dataset_create(name="社内", description="", recipe=recipe, actor=world.actor)
    with by("dataset_version made"):
        data = world.dataset_version(dataset)
    with by("earlier training_run made"):
        earlier = world.model_version(version=data)
    with by("training_run made"):
        version = world.model_version(version=data, model=earlier.name)
    return _evaluated_and_released(world, by, version, data)


def _evaluated_and_released(
    world: World, by: Callable, version: ModelVersion, data: DatasetVersion
) -> Release:
    with by("suite made"):
        suite = suite_create(name="門", actor=world.actor, gate_rules=[RULE])
    with by("policy made"):
        policy_set(suite=suite, actor=world.actor)
    with by("evaluation made"):
        evaluation = evaluation_create(
            suite=suite,
            dataset_version=data,
            base_model=version.base_model,
            model_version=version,
            actor=world.actor,
        )
        world.evaluated(evaluation.job)
    with by("prompt made"):
        served = world.release(system_prompt="丁寧に")
    with acting(world, NEUTRAL):
        build = _index(world, by)
    with by("release made"):
        return world.release(version, build, system_prompt="丁寧に", prompt_from=served)


def _index(world: World, by: Callable) -> IndexBuild:
    world.embedding_model()
    with by("knowledge_base made"):
        base = knowledge_base_create(name="規程集", documents=[], actor=world.actor)
    with by("knowledge_base changed"):
        documents_add(knowledge_base=base, documents=[world.document("規程.txt", "第2条")], actor=world.actor)
    world.indexed(base.builds.get().job)
    with by("index_build made"):
        build = index_build_again(knowledge_base=base, actor=world.actor)
    assert build is not None
    world.indexed(build.job)
    return IndexBuild.objects.select_related("knowledge_base").get(pk=build.pk)


def made_from_a_file(world: World, doers: Doers) -> Release:
    by = _steps_by(world, doers)
    with acting(world, NEUTRAL):
        data = world.dataset_version()
        with by("training_file made"):
            file = world.document("x.jsonl", purpose="fine-tune", media_type="application/jsonl", records=3)
        version = world.model_version(data=file, method="supervised")
        return _evaluated_and_released(world, by, version, data)


def made_by_a_schedule(world: World, doers: Doers) -> Release:
    by = _steps_by(world, doers)
    with acting(world, NEUTRAL):
        world.document()
        dataset, suite = world.dataset("定期"), world.suite()
        with by("schedule scheduled"):
            schedule = world.schedule(dataset=dataset, suite=suite)
        with by("schedule changed"):
            schedule_update(schedule=schedule, name="月次", is_active=None, timing={}, actor=world.actor)
        with by("schedule fired"):
            retraining = Retraining(world, schedule)
        retraining.until("done")
        # What is done to the schedule afterwards is not in the release.
        schedule_update(schedule=schedule, name="年次", is_active=None, timing={}, actor=world.actor)
        return retraining.row("release")


STEPS: dict[Callable[[World, Doers], Release], tuple[str, ...]] = {
    made_by_hand: (
        "recipe made",
        "dataset made",
        "dataset_version made",
        "earlier training_run made",
        "training_run made",
        "suite made",
        "policy made",
        "evaluation made",
        "knowledge_base made",
        "knowledge_base changed",
        "index_build made",
        "prompt made",
        "release made",
    ),
    made_from_a_file: ("training_file made",),
    made_by_a_schedule: ("schedule scheduled", "schedule changed", "schedule fired"),
}
"""The steps by which a release is made, each of which somebody else may do."""


def actor_of_way(world: World, way: str, person: User | None = None) -> Actor:
    """Of the person, who is the reviewer where none is given."""
    person = person or world.person("reviewer")
    if way == REVIEWER:
        return Actor("user", person.id, str(person))
    return Actor("api_key", key_of(world, person if way == SECOND_KEY else None)[0].id, "第二の鍵")


def colleague(world: World, number: int) -> User:
    """One more reviewer."""
    person = user_create(email=f"{number}@{world.slug}.example", name=f"colleague {number}", password=None)
    membership_set(
        organization_id=world.organization.id, user=person, role="reviewer", actor=NEUTRAL, by_role=None
    )
    return person


def key_of(world: World, person: User | None) -> tuple[ApiKey, str]:
    return api_key_create(name="第二の鍵", role="admin", actor=NEUTRAL, person=person, by_role=None)


def code_of(act: Callable[[], object]) -> str:
    """`done`, or the code of the refusal."""
    try:
        act()
    except KoshaError as refused:
        return refused.code
    return "done"


def approve(world: World, release: Release, principal: Principal | None = None) -> str:
    principal = principal or world.principal("reviewer")
    return code_of(lambda: release_approve(release_id=release.id, comment="", principal=principal))
