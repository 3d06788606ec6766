"""Reads: releases, deployments, and what an alias serves."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from accounts.principal import Principal
from common.errors import NotFound
from common.tenancy import every_organization
from evaluations.models import Evaluation
from evaluations.selectors import evaluation_list
from registry.models import ModelVersion
from registry.selectors import model_version_list
from releases.models import Deployment, DeploymentChange, Release

VERSIONS_OFFERED = 50


def release_list() -> QuerySet[Release]:
    return Release.objects.select_related(
        "base_model",
        "model_version__parent",
        "index_build__knowledge_base__embedding_model",
        "evaluation__suite",
        "approval",
    )


def release_get(id: str, *, param: str | None = None) -> Release:
    release = release_list().filter(pk=id).first()
    if release is None:
        raise NotFound(param=param)
    return release


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
    """Its newest evaluation with a verdict."""

    @property
    def passed(self) -> bool:
        return self.verdict is not None and bool(self.verdict.passed)


def releasable_versions() -> list[Releasable]:
    """The newest versions, each with its verdict, in two queries."""
    versions = list(model_version_list().order_by("-id")[:VERSIONS_OFFERED])
    verdicts: dict[str, Evaluation] = {}
    for evaluation in (
        evaluation_list().filter(model_version__in=versions).exclude(passed=None).order_by("id")
    ):
        assert evaluation.model_version_id is not None
        verdicts[evaluation.model_version_id] = evaluation
    return [Releasable(version, verdicts.get(version.id)) for version in versions]
