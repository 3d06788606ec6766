"""Two people decide: who made, changed, scheduled or started any part of a release may not approve it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import LinkShowing, Membership, User
from accounts.principal import Principal
from accounts.shown_links import SHOWN_DAYS
from audit.services import Actor
from releases.models import Release
from releases.participants import Deed, participations
from releases.parts import PartKind
from releases.selectors import release_get
from releases.services import (
    release_reject,
)
from retrieval.models import IndexBuild
from retrieval.services import index_build_again, knowledge_base_update
from tests.in_process import api_of
from tests.pipelines.test_retraining import Retraining
from tests.releases.made_releases import (
    NOBODYS_KEY,
    REVIEWER,
    SECOND_KEY,
    STEPS,
    acting,
    actor_of_way,
    approve,
    colleague,
    key_of,
)
from tests.world import World

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("way", [REVIEWER, SECOND_KEY])
@pytest.mark.parametrize("make", STEPS)
def test_who_did_any_part_may_not_approve(world: World, make: Callable, way: str) -> None:
    people = {step: colleague(world, number) for number, step in enumerate(STEPS[make])}
    release = make(world, {step: actor_of_way(world, way, person) for step, person in people.items()})
    done = participations(release_get(release.id))
    for step, person in people.items():
        own = [(each.part, each.deed) for each in done if each.person_id == person.id]
        assert own[-1:] == [part_and_deed(step)]
        principal = Principal(
            Actor("user", person.id, str(person)), world.organization.id, "reviewer", person
        )
        assert approve(world, release, principal) == "second_person_needed", step
    assert Release.objects.get(pk=release.id).state == "candidate"
    assert approve(world, release) == "done", "the reviewer did nothing"


@pytest.mark.parametrize("make", STEPS)
def test_no_part_may_be_made_with_a_key_of_nobody(world: World, make: Callable) -> None:
    release = make(world, {step: actor_of_way(world, NOBODYS_KEY) for step in STEPS[make]})
    unknown = [each for each in participations(release_get(release.id)) if each.person_id is None]
    assert {part_and_deed(step) for step in STEPS[make]} <= {(each.part, each.deed) for each in unknown}
    assert approve(world, release) == "unknown_person_took_part"
    assert Release.objects.get(pk=release.id).state == "candidate"


def part_and_deed(step: str) -> tuple[PartKind, Deed]:
    part, deed = step.split()[-2:]
    return PartKind(part), Deed(deed)


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


# -- accounts that may belong to one person --------------------------------------------------------------
def invited(world: World, role: str, by: User, *, days: int = 0) -> None:
    """The person of this role set a first password with a link that `by` saw; `tests/accounts/test_shown_links.py`
    has every place that shows one."""
    world.membership(role)
    LinkShowing.objects.create(
        shown_to=by,
        account=world.person(role),
        used_at=timezone.now() - timedelta(days=days),
        sets_password=True,
    )


SAME = "perhaps_same_person"


@pytest.mark.parametrize(
    ("days", "expected"),
    [(0, SAME), (SHOWN_DAYS - 1, SAME), (SHOWN_DAYS, "done")],
)
def test_an_account_whose_link_the_maker_saw_does_not_approve(world: World, days: int, expected: str) -> None:
    maker = world.principal("owner")
    release = world.release(actor=maker.actor)
    invited(world, "reviewer", maker.user, days=days)
    assert approve(world, release) == expected


def test_who_saw_the_makers_link_does_not_approve(world: World) -> None:
    release = world.release(actor=world.principal("editor").actor)
    invited(world, "editor", world.person("owner"))
    assert approve(world, release, world.principal("owner")) == SAME
    assert approve(world, release) == "done"


@pytest.mark.parametrize("is_removed", [False, True])
def test_accounts_are_linked_through_others_also_removed_ones(world: World, is_removed: bool) -> None:
    maker = world.principal("owner")
    release = world.release(actor=maker.actor)
    invited(world, "admin", maker.user)
    invited(world, "reviewer", world.person("admin"))
    if is_removed:
        Membership.objects.filter(user=world.person("admin")).delete()
    assert approve(world, release) == SAME
    LinkShowing.objects.filter(account=world.person("admin")).delete()
    assert approve(world, release) == "done"


def test_two_accounts_whose_links_one_person_saw_do_not_approve_each_others_work(world: World) -> None:
    release = world.release(actor=world.principal("editor").actor)
    invited(world, "editor", world.person("owner"))
    invited(world, "reviewer", world.person("owner"), days=SHOWN_DAYS - 1)
    assert approve(world, release) == SAME
    LinkShowing.objects.filter(account=world.person("reviewer")).update(
        used_at=timezone.now() - timedelta(days=SHOWN_DAYS)
    )
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
    assert "This account and owner, who took part in this release, may belong to one person" in theirs
    assert 'data-dialog="reject"' not in theirs
    assert 'data-dialog="reject"' in world.browser("admin").get(release.get_absolute_url()).content.decode()


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
