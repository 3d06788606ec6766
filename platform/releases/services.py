"""Writes: releases, their approval, publication and rollback."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import Field

from accounts.principal import Principal
from audit.services import Actor, audit_record
from common.errors import Conflict, DeclaredError, IdempotencyKeyReused, NotFound
from common.locks import unique_or
from common.wire import Body, validate
from jobs.produced import ProducedState
from registry.models import BaseModel, ModelVersion
from registry.services import model_version_delete as registry_model_version_delete
from releases.approval import approval_obstacle, decision_on, gate_obstacle
from releases.contents import contents_digest
from releases.models import Approval, Deployment, DeploymentChange, MadeBy, Release, ReleaseState
from releases.policy import organization_lock, passed_evaluation, policy_current
from releases.selectors import previous_release, release_get
from retrieval.models import IndexBuild

CHANGED = {"publish": "published", "rollback": "rolled_back", "withdraw": "withdrawn"}
"""The audit trail's words for the changes of a deployment."""


class GenerationSettings(Body):
    """How a release answers where the caller does not say otherwise."""

    max_tokens: int = Field(default=256, ge=1, le=32_768)
    """Longest answer, in tokens."""
    temperature: float = Field(default=0.0, ge=0, le=2)
    """0 always takes the likeliest next token; higher is more varied."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Considers only the likeliest tokens that together have this probability."""
    passages: int = Field(default=3, ge=1, le=20)
    """How many passages of the knowledge base are put before the question."""


@transaction.atomic
def release_create(
    *,
    base_model: BaseModel,
    model_version: ModelVersion | None,
    index_build: IndexBuild | None,
    system_prompt: str,
    generation: dict[str, Any],
    note: str = "",
    made_by: MadeBy = MadeBy.PERSON,
    actor: Actor,
    prompt_from: Release | None = None,
) -> Release:
    """A candidate that waits for approval.

    `prompt_from` is the release that prompt and settings were taken from. A model version needs to have passed the
    gate of the release policy: Conflict `not_evaluated`, `gate_inconclusive`, `gate_failed`; `index_build_not_ready`.
    """
    if index_build is not None and index_build.state != ProducedState.READY:
        raise Conflict(
            "index_build_not_ready",
            _("This knowledge base has no finished index yet. Try again when it is completed."),
            param="vector_store",
        )
    if model_version is not None:
        _lock_version(model_version)
    settings: GenerationSettings = validate(GenerationSettings, generation, at="generation.")
    # Numbers are given without gaps, and the policy stays the one in force.
    organization_lock()
    policy = policy_current()
    evaluation = passed_evaluation(model_version, policy) if model_version else None
    release = Release.objects.create(
        number=(Release.objects.aggregate(last=Max("number"))["last"] or 0) + 1,
        note=note,
        made_by=made_by,
        base_model=base_model,
        model_version=model_version,
        index_build=index_build,
        evaluation=evaluation,
        policy=policy,
        system_prompt=system_prompt,
        prompt_from=prompt_from and (prompt_from.prompt_from or prompt_from),
        generation=settings.model_dump(),
        created_by_kind=actor.kind,
        created_by_id=actor.id,
        created_by_label=actor.label,
    )
    data = {
        "number": release.number,
        "model_version": model_version.id if model_version else None,
        "index_build": index_build.id if index_build else None,
    }
    _audit(release, actor, "release.created", data)
    return release_get(release.id)


def _lock_version(version: ModelVersion) -> None:
    """It is not deleted until the end of the transaction. Raises NotFound if it is already."""
    rows = ModelVersion.objects.select_for_update(no_key=True).filter(pk=version.pk, deleted_at=None)
    if not rows.exists():
        raise NotFound(param="model")


def release_approve(*, release_id: str, comment: str, principal: Principal) -> Release:
    return _decide(release_id, ReleaseState.APPROVED, comment, principal)


def release_reject(*, release_id: str, comment: str, principal: Principal) -> Release:
    return _decide(release_id, ReleaseState.REJECTED, comment, principal)


@transaction.atomic
def _decide(release_id: str, state: ReleaseState, comment: str, principal: Principal) -> Release:
    """Raises what `Decision.refusal` and, for an approval, `approval_obstacle` return."""
    if not Release.objects.select_for_update(no_key=True).filter(pk=release_id).exists():
        raise NotFound
    organization_lock()
    release = release_get(release_id)
    if release.state != ReleaseState.CANDIDATE:
        raise Conflict("release_already_decided", _("This release has already been approved or rejected."))
    decision, actor = decision_on(release), principal.actor
    refused = decision.refusal(principal)
    if refused is None and state == ReleaseState.APPROVED:
        refused = approval_obstacle(decision)
    if refused is not None:
        raise refused
    release.state = state
    release.save(update_fields=["state"])
    Approval.objects.create(
        release=release,
        decision=state,
        comment=comment,
        contents_sha256=contents_digest(release),
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label,
    )
    _audit(release, actor, f"release.{state}", {"comment": bool(comment)})
    return release_get(release.id)


class PublishedMeanwhile(DeclaredError, Conflict):
    code = "published_meanwhile"
    message = gettext_lazy(
        "Another release is served here by now. Look at what is served, then publish again."
    )
    param = "replaces"


class NothingServed(DeclaredError, Conflict):
    """A release is named that is to be replaced."""

    code = "nothing_served"
    message = gettext_lazy(
        "No release is served here, so none can be replaced. Publish without naming one that is served."
    )
    param = "replaces"


@transaction.atomic
def release_publish(*, release_id: str, alias: str, actor: Actor, replaces: str | None = None) -> Deployment:
    """Serve an approved release under `alias`. Publishing what is already served changes nothing.

    `replaces` is the id of the release that the caller saw served there, "" for none; where another one is
    served by now, PublishedMeanwhile, and where none is, NothingServed. None: whatever is served is replaced. Returns the deployment as
    this call left it.
    """
    if not Release.objects.select_for_update(no_key=True).filter(pk=release_id).exists():
        raise NotFound
    release = release_get(release_id)
    if release.state != ReleaseState.APPROVED:
        raise Conflict("release_not_approved", _("Only an approved release can be published."))
    deployment = Deployment.objects.select_for_update(no_key=True).filter(alias=alias).first()
    if deployment is None:
        _refuse_models_name(alias)
    elif deployment.release_id == release.id and deployment.is_in_service:
        return deployment
    organization_lock()
    _require_approval(release)
    if obstacle := gate_obstacle(release):
        raise obstacle
    previous = deployment.release if deployment else None
    served = previous.id if previous and deployment and deployment.is_in_service else ""
    if replaces not in (None, served):
        raise PublishedMeanwhile if served else NothingServed
    if deployment is None:
        with unique_or(PublishedMeanwhile()):
            deployment = Deployment.objects.create(alias=alias, release=release)
    else:
        deployment.release, deployment.is_in_service = release, True
        deployment.save(update_fields=["release", "is_in_service"])
    _change(deployment, "publish", release, previous, actor)
    return deployment


def _refuse_models_name(alias: str) -> None:
    """A caller who names a model would be answered by the release, or the other way round."""
    if BaseModel.objects.filter(name=alias).exists():
        raise Conflict(
            "alias_is_model_name",
            _("“%(alias)s” is the name of a model. Choose another alias."),
            param="alias",
            values={"alias": alias},
        )


@transaction.atomic
def deployment_withdraw(*, alias: str, actor: Actor) -> Deployment:
    """Take an alias out of service: it answers nothing until the next publication or rollback. Repeatable."""
    deployment = Deployment.objects.select_for_update(no_key=True).filter(alias=alias).first()
    if deployment is None:
        raise NotFound
    if deployment.is_in_service:
        deployment.is_in_service = False
        deployment.save(update_fields=["is_in_service"])
        _change(deployment, "withdraw", deployment.release, deployment.release, actor)
    return deployment


def _require_approval(release: Release) -> None:
    """What was approved is what the release consists of now."""
    if release.approval.contents_sha256 != contents_digest(release):
        raise Conflict(
            "approval_outdated",
            _("A part of this release has changed since it was approved. Make a new release."),
        )


@transaction.atomic
def deployment_rollback(*, alias: str, actor: Actor, idempotency_key: str | None = None) -> Deployment:
    """Serve again what was served before the current release was published.

    A repeated call with the same `idempotency_key` changes nothing and returns the deployment as the first
    call left it; for another alias it raises Conflict.
    """
    deployment = Deployment.objects.select_for_update(no_key=True).filter(alias=alias).first()
    if deployment is None:
        raise NotFound
    done: DeploymentChange | None = None
    if idempotency_key is not None:
        changes = DeploymentChange.objects.select_related("release")
        done = changes.filter(idempotency_key=idempotency_key).first()
    if done is not None:
        if done.deployment_id != deployment.id:
            raise IdempotencyKeyReused
        deployment.release = done.release
        return deployment
    target = previous_release(deployment)
    if target is None:
        raise Conflict("nothing_to_roll_back_to", _("Nothing was published here before the current release."))
    _require_approval(target)
    previous, deployment.release, deployment.is_in_service = deployment.release, target, True
    deployment.save(update_fields=["release", "is_in_service"])
    # Two calls at the same moment may use one key for two aliases.
    with unique_or(IdempotencyKeyReused()):
        _change(deployment, "rollback", target, previous, actor, idempotency_key)
    return deployment


def _change(
    deployment: Deployment,
    action: str,
    release: Release,
    previous: Release | None,
    actor: Actor,
    idempotency_key: str | None = None,
) -> None:
    """Append to the history of `deployment`, whose row the caller has locked or just created."""
    DeploymentChange.objects.create(
        deployment=deployment,
        number=(deployment.changes.aggregate(last=Max("number"))["last"] or 0) + 1,
        action=action,
        release=release,
        previous_release=previous,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label,
        idempotency_key=idempotency_key,
    )
    _audit(
        release,
        actor,
        f"release.{CHANGED[action]}",
        {"alias": deployment.alias, "previous": previous.id if previous else None},
    )


@transaction.atomic
def model_version_delete(*, version: ModelVersion, actor: Actor) -> None:
    """Refused while a release that is not rejected is made of the version."""
    # A release that is being created with it locks this row: it commits first, or finds it deleted.
    locked = (
        ModelVersion.objects.select_for_update(of=("self",)).filter(pk=version.pk, deleted_at=None).first()
    )
    if locked is None:
        raise NotFound
    if version.releases.exclude(state=ReleaseState.REJECTED).exists():
        raise Conflict(
            "model_in_use", _("Releases are made of this version. It cannot be deleted."), param="model"
        )
    registry_model_version_delete(version=version, actor=actor)


def _audit(release: Release, actor: Actor, action: str, data: dict[str, Any]) -> None:
    audit_record(
        organization_id=release.organization_id,
        actor=actor,
        action=action,
        target_type="release",
        target_id=release.id,
        data=data,
    )
