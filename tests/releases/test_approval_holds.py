"""An approval is given under what is true at that moment, and holds only for what was approved."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import transaction

from accounts.models import User
from accounts.services import membership_remove, membership_set
from curation.models import DatasetVersion
from evaluations.models import Evaluation, Suite
from evaluations.services import suite_create
from registry.models import BaseModel, ModelVersion
from releases.models import Release
from releases.policy import policy_set
from releases.services import (
    deployment_rollback,
    release_publish,
)
from retrieval.models import IndexBuild
from tests.releases.made_releases import (
    NEUTRAL,
    NOBODY,
    RULE,
    approve,
    code_of,
    made_by_hand,
)
from tests.world import World
from training.models import TrainingRun

pytestmark = pytest.mark.slow


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


def test_an_approval_holds_only_for_what_was_approved(world: World) -> None:
    release = made_by_hand(world, NOBODY)
    assert approve(world, release) == "done"
    for each in (release, made_other(world)):
        release_publish(release_id=each.id, alias="production", actor=world.actor)
    codes = {}
    for part, change in CHANGES.items():
        with transaction.atomic():
            change(release)
            codes[part] = (
                code_of(lambda: release_publish(release_id=release.id, alias="x", actor=world.actor)),
                code_of(lambda: deployment_rollback(alias="production", actor=world.actor)),
            )
            transaction.set_rollback(True)
    assert codes == dict.fromkeys(CHANGES, ("approval_outdated", "approval_outdated"))
    assert code_of(lambda: deployment_rollback(alias="production", actor=world.actor)) == "done"


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
