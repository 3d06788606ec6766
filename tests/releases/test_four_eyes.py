"""Four eyes are two people: whoever made, changed, scheduled or fired any part of a release may not approve it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.invited import INVITER_DAYS
from accounts.models import ApiKey, Membership, User
from accounts.principal import Principal
from accounts.services import api_key_create, membership_remove, membership_set
from audit.services import Actor
from common.errors import KoshaError
from curation.models import DatasetVersion
from curation.services import dataset_create, recipe_create
from evaluations.models import Evaluation, Suite
from evaluations.services import evaluation_create, suite_create
from registry.models import BaseModel, ModelVersion
from releases.models import Release
from releases.participants import Deed, participations
from releases.parts import PartKind
from releases.policy import policy_set
from releases.selectors import release_get
from releases.services import (
    deployment_rollback,
    release_approve,
    release_publish,
    release_reject,
)
from retrieval.models import IndexBuild
from retrieval.services import documents_add, index_build_again, knowledge_base_create, knowledge_base_update
from schedules.services import schedule_update
from tests.in_process import api_of
from tests.pipelines.test_retraining import Retraining
from tests.world import World
from training.models import TrainingRun
from workers.contract.specs.curation import DEFAULT_RECIPE

NEUTRAL = Actor("user", "user_neutral", "Neutral")
RULE = {"metric": "bits_per_character", "direction": "lower", "require": "not_worse"}
REVIEWER, SECOND_KEY, NOBODYS_KEY = "session", "key", "key without a person"


@contextmanager
def acting(world: World, actor: Actor) -> Iterator[None]:
    before, world.actor = world.actor, actor
    try:
        yield
    finally:
        world.actor = before


def made_by_hand(world: World, step: str, actor: Actor) -> Release:
    """A release with every part; `actor` does `step`, and somebody else all others."""

    def by(name: str):
        return acting(world, actor if name == step else NEUTRAL)

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


def made_from_a_file(world: World, _step: str, actor: Actor) -> Release:
    with acting(world, NEUTRAL):
        data = world.dataset_version()
        with acting(world, actor):
            file = world.document("x.jsonl", purpose="fine-tune", media_type="application/jsonl", records=3)
        version = world.model_version(data=file, method="supervised")
        return _evaluated_and_released(world, lambda _name: acting(world, NEUTRAL), version, data)


def made_by_a_schedule(world: World, step: str, actor: Actor) -> Release:
    def by(name: str):
        return acting(world, actor if name == step else NEUTRAL)

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


STEPS = {
    **dict.fromkeys(
        (
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
        made_by_hand,
    ),
    "training_file made": made_from_a_file,
    **dict.fromkeys(("schedule scheduled", "schedule changed", "schedule fired"), made_by_a_schedule),
}


def actor_of_way(world: World, way: str) -> Actor:
    reviewer = world.person("reviewer")
    if way == REVIEWER:
        return Actor("user", reviewer.id, "reviewer")
    person = reviewer if way == SECOND_KEY else None
    return Actor("api_key", key_of(world, person)[0].id, "第二の鍵")


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


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    ("way", "expected"),
    [
        (REVIEWER, "second_person_needed"),
        (SECOND_KEY, "second_person_needed"),
        (NOBODYS_KEY, "unknown_person_took_part"),
    ],
)
def test_who_did_any_part_may_not_approve(world: World, step: str, way: str, expected: str) -> None:
    actor = actor_of_way(world, way)
    release = STEPS[step](world, step, actor)
    assert approve(world, release) == expected
    assert Release.objects.get(pk=release.id).state == "candidate"
    part, deed = step.split()[-2:]
    person = None if way == NOBODYS_KEY else world.person("reviewer").id
    assert [
        (each.part, each.deed) for each in participations(release_get(release.id)) if each.person_id == person
    ][-1:] == [(PartKind(part), Deed(deed))]
    # Another key without a person is not another person.
    _key, secret = key_of(world, None)
    refused = api_of(secret).post(f"releases/{release.id}/approve", {})
    assert refused.error[:2] == (403, "person_needed")


@pytest.mark.parametrize("make", [made_by_hand, made_from_a_file, made_by_a_schedule])
def test_who_did_nothing_may_approve(world: World, make: Callable) -> None:
    release = make(world, "nothing", NEUTRAL)
    assert approve(world, release) == "done"


def test_what_the_platform_made_by_itself_has_no_maker(world: World) -> None:
    """The default suite, and a schedule that fires when it is due."""
    from evaluations.services import suite_default
    from schedules.models import Schedule
    from schedules.services import schedules_fire_due

    with acting(world, actor_of_way(world, REVIEWER)):
        suite, document = suite_default(), world.document()
    schedule = world.schedule(suite=suite)
    Schedule.objects.update(next_fire_at=timezone.now() - timedelta(minutes=1))
    assert schedules_fire_due() == 1
    retraining = Retraining.__new__(Retraining)
    retraining.world, retraining.schedule = world, schedule
    retraining.run = schedule.runs.get().pipeline_run
    retraining.until("done")
    release = retraining.row("release")
    assert document.current_revision_id and approve(world, release) == "done"


def test_only_the_newest_run_counts_who_fired_it(world: World) -> None:
    world.document()
    schedule = world.schedule()
    with acting(world, actor_of_way(world, REVIEWER)):
        first = Retraining(world, schedule)
    first.until("done")
    assert approve(world, first.row("release")) == "second_person_needed"
    assert approve(world, first.row("release"), world.principal("admin")) == "done"
    world.document("新しい規則.txt", "第2条")
    second = Retraining(world, schedule)
    second.until("done")
    fired = [
        each for each in participations(release_get(second.row("release").id)) if each.deed is Deed.FIRED
    ]
    assert [each.person_id for each in fired] == [world.actor.id]
    assert approve(world, second.row("release")) == "done"


def test_what_two_people_have_approved_before_is_not_asked_again(world: World) -> None:
    """The version that a new one continues, and the earlier state of a knowledge base."""
    reviewer = actor_of_way(world, REVIEWER)
    with acting(world, reviewer):
        base = world.knowledge_base()
        knowledge_base_update(knowledge_base=base, name="新規程集", metadata=None, actor=world.actor)
        approved = index_build_again(knowledge_base=base, actor=world.actor)
        world.indexed(approved.job)
        earlier = world.model_version()
        world.evaluation(earlier)
    first = world.release(earlier, IndexBuild.objects.get(pk=approved.pk))
    assert approve(world, first, world.principal("admin")) == "done"
    build = index_build_again(knowledge_base=base, actor=world.actor)
    world.indexed(build.job)
    version = world.model_version(model=earlier.name)
    world.evaluation(version)
    second = world.release(version, IndexBuild.objects.get(pk=build.pk))
    assert approve(world, second) == "done"


# -- the approval at the same moment as something else ----------------------------------------------
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda w: membership_remove(
                membership_id=w.membership("reviewer").id, actor=NEUTRAL, by_role=None
            ),
            "permission_denied",
        ),
        (
            lambda w: membership_set(
                organization_id=w.organization.id,
                user=w.person("reviewer"),
                role="editor",
                actor=NEUTRAL,
                by_role=None,
            ),
            "permission_denied",
        ),
        (
            lambda w: User.objects.filter(pk=w.person("reviewer").pk).update(is_active=False),
            "permission_denied",
        ),
        (
            lambda w: policy_set(
                suite=suite_create(name="門", actor=NEUTRAL, gate_rules=[RULE]), actor=NEUTRAL
            ),
            "release_policy_changed",
        ),
    ],
    ids=["removed", "demoted", "closed", "policy"],
)
def test_what_changes_between_page_and_click_counts(world: World, change: Callable, expected: str) -> None:
    release, reviewer = world.release(), world.principal("reviewer")
    change(world)
    assert approve(world, release, reviewer) == expected


CHANGES: dict[str, Callable[[Release], object]] = {
    "prompt": lambda r: Release.objects.filter(pk=r.pk).update(system_prompt="別"),
    "settings": lambda r: Release.objects.filter(pk=r.pk).update(generation={"max_tokens": 1}),
    "base model": lambda r: BaseModel.objects.filter(pk=r.base_model_id).update(digest="e" * 64),
    "model version": lambda r: ModelVersion.objects.filter(pk=r.model_version_id).update(
        manifest_sha256="e" * 64
    ),
    "training": lambda r: TrainingRun.objects.filter(pk=r.model_version.training_run_id).update(
        hyperparameters={}
    ),
    "dataset version": lambda r: DatasetVersion.objects.update(manifest_sha256="e" * 64),
    "recipe": lambda r: DatasetVersion.objects.update(recipe={}),
    "evaluation": lambda r: Evaluation.objects.update(manifest_sha256="e" * 64),
    "suite": lambda r: Suite.objects.update(gate={}),
    "index": lambda r: IndexBuild.objects.filter(pk=r.index_build_id).update(manifest_sha256="e" * 64),
}


@pytest.mark.parametrize("part", CHANGES)
def test_an_approval_holds_only_for_what_was_approved(world: World, part: str) -> None:
    release = made_by_hand(world, "nothing", NEUTRAL)
    assert approve(world, release) == "done"
    other = made_other(world)
    for each in (release, other):
        release_publish(release_id=each.id, alias="production", actor=world.actor)
    CHANGES[part](release)
    assert (
        code_of(lambda: release_publish(release_id=release.id, alias="x", actor=world.actor))
        == "approval_outdated"
    )
    assert code_of(lambda: deployment_rollback(alias="production", actor=world.actor)) == "approval_outdated"


def made_other(world: World) -> Release:
    """Approved, of another base model."""
    return world.release(approved=True, base_model=world.base_model("other", digest="f" * 64))


def test_an_approved_release_of_an_earlier_policy_is_rolled_back_to_and_not_published(world: World) -> None:
    first, second = world.release(approved=True), world.release(approved=True)
    for release in (first, second):
        release_publish(release_id=release.id, alias="production", actor=world.actor)
    policy_set(suite=suite_create(name="門", actor=NEUTRAL, gate_rules=[RULE]), actor=NEUTRAL)
    publish = code_of(lambda: release_publish(release_id=second.id, alias="x", actor=world.actor))
    assert publish == "release_policy_changed"
    assert deployment_rollback(alias="production", actor=world.actor).release == first


# -- the account that the inviter could have used ------------------------------------------------------
def invited(world: World, role: str, by: User, *, shown: bool = True, days: int = 0) -> None:
    world.membership(role)
    Membership.objects.filter(user=world.person(role)).update(
        invited_by=by, link_shown=shown, joined_at=timezone.now() - timedelta(days=days)
    )


@pytest.mark.parametrize(
    ("shown", "days", "expected"),
    [
        (True, 0, "invited_by_participant"),
        (True, INVITER_DAYS - 1, "invited_by_participant"),
        (True, INVITER_DAYS, "done"),
        (False, 0, "done"),
    ],
)
def test_an_account_whose_link_the_maker_saw_does_not_approve(
    world: World, shown: bool, days: int, expected: str
) -> None:
    maker = world.principal("owner")
    release = world.release(actor=maker.actor)
    invited(world, "reviewer", maker.user, shown=shown, days=days)
    assert approve(world, release) == expected


def test_an_account_that_such_an_account_invited_does_not_approve_either(world: World) -> None:
    maker = world.principal("owner")
    release = world.release(actor=maker.actor)
    invited(world, "admin", maker.user)
    invited(world, "reviewer", world.person("admin"))
    assert approve(world, release) == "invited_by_participant"
    Membership.objects.filter(user=world.person("admin")).update(link_shown=False)
    assert approve(world, release) == "done"


def test_the_inviter_of_somebody_who_did_nothing_else_is_no_obstacle(world: World) -> None:
    release = world.release(actor=world.principal("editor").actor)
    invited(world, "reviewer", world.person("owner"))
    assert approve(world, release) == "done"


# -- what the page and the API say --------------------------------------------------------------------
def test_the_page_says_who_took_part_why_one_may_not_decide_and_who_may(world: World) -> None:
    maker = world.principal("owner")
    release = world.release(actor=maker.actor)
    invited(world, "reviewer", maker.user)
    world.person("admin")
    own = world.browser("owner").get(release.get_absolute_url()).content.decode()
    assert "You took part in this release (release: made, prompt and settings: made)" in own
    assert "These members may decide: admin" in " ".join(own.split())
    theirs = world.browser("reviewer").get(release.get_absolute_url()).content.decode()
    assert "was shown to owner, who took part in this release" in theirs
    assert "formaction" not in theirs
    assert "formaction" in world.browser("admin").get(release.get_absolute_url()).content.decode()


def test_the_page_says_that_nobody_may_decide(world: World) -> None:
    release = world.release(actor=world.principal("owner").actor)
    assert (
        "No member may decide at the moment"
        in world.browser().get(release.get_absolute_url()).content.decode()
    )


def test_the_page_of_a_release_that_cannot_be_approved_still_rejects(world: World) -> None:
    key = actor_of_way(world, NOBODYS_KEY)
    release = world.release(actor=key)
    page = world.browser("reviewer").get(release.get_absolute_url()).content.decode()
    assert "a key that belongs to no person" in page
    assert f"/releases/{release.id}/reject" in page and f"/releases/{release.id}/approve" not in page
    release_reject(release_id=release.id, comment="", principal=world.principal("reviewer"))


def test_the_api_says_who_took_part_and_who_may_decide(world: World, api) -> None:
    maker, reviewer = world.principal("owner"), world.person("reviewer")
    release = api.post("releases", {"model": world.base_model().name}).ok
    shown = api.get(f"releases/{release['id']}").ok
    assert {"person": maker.user.id, "label": "owner", "part": "release", "deed": "made"} in shown[
        "participants"
    ]
    assert (shown["may_approve"], shown["refusal"]["code"]) == (False, "second_person_needed")
    assert shown["deciders"] == [{"person": reviewer.id, "label": "reviewer"}]
    theirs = api_of(world.key("reviewer"))
    assert theirs.get(f"releases/{release['id']}").ok["may_approve"] is True
    theirs.post(f"releases/{release['id']}/approve", {}).check()
    decided = theirs.get(f"releases/{release['id']}").ok
    assert (decided["may_approve"], decided["refusal"], decided["deciders"]) == (False, None, [])


def test_a_key_without_a_person_decides_nothing(world: World) -> None:
    release = world.release()
    _key, secret = key_of(world, None)
    for decision in ("approve", "reject"):
        assert api_of(secret).post(f"releases/{release.id}/{decision}", {}).error[:2] == (
            403,
            "person_needed",
        )
