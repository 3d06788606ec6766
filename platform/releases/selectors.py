"""Reads: releases, deployments, and what an alias serves."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from accounts.principal import Principal
from common.errors import NotFound
from common.permissions import Permission
from common.tenancy import every_organization
from evaluations.models import Evaluation
from registry.models import ModelVersion
from registry.selectors import model_version_list
from releases.models import Deployment, DeploymentChange, Release, ReleaseState
from releases.policy import policy_current, policy_verdicts

VERSIONS_OFFERED = 50


def release_list() -> QuerySet[Release]:
    return Release.objects.select_related(
        "base_model",
        "model_version__base_model",
        "model_version__parent",
        "index_build__knowledge_base__embedding_model",
        "evaluation__suite",
        "evaluation__dataset_version__dataset",
        "policy__suite",
        "approval",
    )


def release_get(id: str, *, param: str | None = None) -> Release:
    release = release_list().filter(pk=id).first()
    if release is None:
        raise NotFound(param=param)
    return release


TESTERS = (Permission.RELEASES_WRITE, Permission.RELEASES_APPROVE, Permission.RELEASES_PUBLISH)
"""Who may release: they ask what no deployment serves, as a test."""


def may_test(principal: Principal) -> bool:
    return any(principal.may(permission) for permission in TESTERS)


def served_releases() -> QuerySet[Release]:
    """Those that answer everybody with the right to chat: a deployment in service serves them.

    Every other release answers only those who may release (`may_test`), marked as a test.
    """
    served = Deployment.objects.filter(is_in_service=True)
    return release_list().filter(pk__in=served.values("release"))


def served_versions() -> QuerySet[ModelVersion]:
    """The model versions that a served release contains; they follow the rule of `served_releases`."""
    contained = served_releases().filter(model_version__isnull=False)
    return model_version_list().filter(pk__in=contained.values("model_version"))


def unserved_releases() -> QuerySet[Release]:
    """What may be tried before it is served, or after it was: candidates and approved releases."""
    open_states = (ReleaseState.CANDIDATE, ReleaseState.APPROVED)
    return release_list().filter(state__in=open_states).exclude(pk__in=served_releases().values("pk"))


def deployment_list(principal: Principal) -> QuerySet[Deployment]:
    """The principal's deployments, also those that are out of service."""
    return Deployment.objects.filter(organization=principal.organization_id).select_related(
        "release__base_model",
        "release__model_version__base_model",
        "release__index_build__knowledge_base__embedding_model",
    )


def deployments_in_service(principal: Principal) -> QuerySet[Deployment]:
    """What answers at the moment."""
    return deployment_list(principal).filter(is_in_service=True)


def deployment_get(alias: str, principal: Principal) -> Deployment:
    deployment = deployment_list(principal).filter(alias=alias).first()
    if deployment is None:
        raise NotFound
    return deployment


def served_release(alias: str, principal: Principal) -> Release | None:
    """What the alias serves now; None where nothing is published under it."""
    deployment = deployments_in_service(principal).filter(alias=alias).first()
    return release_get(deployment.release_id) if deployment else None


def is_alias(name: str) -> bool:
    """Of any organization."""
    with every_organization("base models are named for all organizations"):
        return Deployment.objects.filter(alias=name).exists()


def deployment_history(deployment: Deployment) -> list[DeploymentChange]:
    """Oldest first."""
    return list(deployment.changes.select_related("release", "previous_release").order_by("number"))


def previous_release(deployment: Deployment) -> Release | None:
    """What a rollback returns to. Publications form a stack; a rollback removes the newest one.

    A release that is published again after it was taken out of service stays where it is.
    """
    stack: list[Release] = []
    for change in deployment_history(deployment):
        if change.action == "publish" and stack[-1:] != [change.release]:
            stack.append(change.release)
        elif change.action == "rollback" and stack:
            stack.pop()
    return stack[-2] if len(stack) > 1 else None


@dataclass(frozen=True)
class Releasable:
    """A model version and whether it passed its gate."""

    version: ModelVersion
    verdict: Evaluation | None
    """Its newest evaluation whose verdict counts under the release policy."""

    @property
    def passed(self) -> bool:
        return self.verdict is not None and bool(self.verdict.passed)


def releasable_versions() -> list[Releasable]:
    """The newest versions, each with its verdict."""
    versions = list(model_version_list().order_by("-id")[:VERSIONS_OFFERED])
    verdicts = policy_verdicts(versions, policy_current())
    return [Releasable(version, verdicts.get(version.id)) for version in versions]
