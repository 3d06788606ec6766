"""The newest things of an organization, and what is newer than what was made from them."""

from __future__ import annotations

from django.db.models import QuerySet

from curation.choice import rule_of
from curation.models import DatasetVersion
from curation.selectors import ready_versions
from documents.models import Document
from documents.selectors import read_revisions, ready_documents
from registry.models import ModelVersion
from registry.selectors import model_version_list
from releases.models import Deployment, DeploymentChange, Release, ReleaseState
from releases.policy import verdict_in_force
from releases.selectors import release_list


def newest_dataset_version() -> DatasetVersion | None:
    newest: DatasetVersion | None = ready_versions().first()
    return newest


def newest_model_version() -> ModelVersion | None:
    newest: ModelVersion | None = model_version_list().order_by("-id").first()
    return newest


def fresh_documents(version: DatasetVersion) -> QuerySet[Document]:
    """Documents of the version's choice whose newest read revision is not in it."""
    rule = rule_of(version)
    chosen = (
        rule.matching() if rule else ready_documents().filter(pk__in=version.revisions.values("document"))
    )
    contained = read_revisions().filter(pk__in=version.revisions.values("pk"))
    return chosen.exclude(pk__in=contained.values("document"))


def untrained_dataset_version() -> DatasetVersion | None:
    """The newest dataset version, if no model was trained on it."""
    newest = newest_dataset_version()
    if newest is None or model_version_list().filter(dataset_version_id=newest.id).exists():
        return None
    return newest


def unreleased_version() -> ModelVersion | None:
    """The newest model version, if it passed its gate and no release is made of it."""
    version = newest_model_version()
    if version is None or Release.objects.filter(model_version=version).exists():
        return None
    verdict = verdict_in_force(version)
    return version if verdict is not None and verdict.passed else None


def unpublished_release() -> Release | None:
    """The newest approved release that was never published, if nothing newer is served."""
    newest: Release | None = (
        release_list()
        .filter(state=ReleaseState.APPROVED)
        .exclude(pk__in=DeploymentChange.objects.values("release"))
        .order_by("-number")
        .first()
    )
    if newest is None or Deployment.objects.filter(release__number__gt=newest.number).exists():
        return None
    return newest


def withdrawn_deployment() -> Deployment | None:
    """What was taken out of service and served the newest release of those; None where anything is served."""
    rows = Deployment.objects.select_related("release").order_by("-release__number")
    if rows.filter(is_in_service=True).exists():
        return None
    withdrawn: Deployment | None = rows.first()
    return withdrawn
