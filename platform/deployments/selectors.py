"""Reads: releases, deployments, and what an alias serves."""

from __future__ import annotations

from django.db.models import QuerySet

from common.errors import NotFound
from deployments.models import Deployment, DeploymentChange, Release


def release_list() -> QuerySet[Release]:
    return Release.objects.select_related(
        "base_model",
        "model_version",
        "index_build__knowledge_base__embedding_model",
        "evaluation",
        "approval",
    )


def release_get(id: str, *, param: str | None = None) -> Release:
    release = release_list().filter(pk=id).first()
    if release is None:
        raise NotFound(param=param)
    return release


def deployment_list() -> QuerySet[Deployment]:
    return Deployment.objects.select_related(
        "release__base_model",
        "release__model_version__base_model",
        "release__index_build__knowledge_base__embedding_model",
    )


def deployment_get(alias: str) -> Deployment:
    deployment = deployment_list().filter(alias=alias).first()
    if deployment is None:
        raise NotFound
    return deployment


def deployment_history(deployment: Deployment) -> list[DeploymentChange]:
    """Oldest first."""
    return list(deployment.changes.select_related("release", "previous_release").order_by("id"))


def previous_release(deployment: Deployment) -> Release | None:
    """What a rollback returns to: publications are a stack, and a rollback takes one off it."""
    stack: list[Release] = []
    for change in deployment_history(deployment):
        if change.action == "publish":
            stack.append(change.release)
        elif stack:
            stack.pop()
    return stack[-2] if len(stack) > 1 else None
