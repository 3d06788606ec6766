"""/v1/releases and /v1/deployments."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Query, Router
from pydantic import Field

from accounts.principal import actor_of, principal_of
from common import wire
from common.errors import Conflict, InvalidRequest, NotReadyYet
from common.pagination import keyset_page, list_body
from common.wire import Body, PageQuery, Settings, idempotency_key, unix
from evaluations.selectors import suite_get
from registry.selectors import model_named
from releases import services
from releases.bodies import decision_body, policy_body
from releases.comparison import Part, compare
from releases.models import Deployment, DeploymentChange, Release
from releases.policy import policy_current, policy_set
from releases.selectors import (
    deployment_get,
    deployment_history,
    deployment_list,
    release_get,
    release_list,
    served_release,
)
from retrieval.models import IndexBuild
from retrieval.selectors import index_build_get, is_in_progress, knowledge_base_get
from workers.contract.specs.measurement import Estimate

router = Router(tags=["Releases"])


class ReleaseBody(Body):
    answered_as = "release"

    model: str
    """`ft:...` for a model version that passed its gate, or a base model's name."""
    vector_store: str | None = None
    """A knowledge base: its newest finished index build becomes part of the release."""
    index_build: str | None = None
    """A certain index build instead."""
    system_prompt: str = Field(default="", max_length=20_000)
    generation: Settings = Field(default_factory=dict)
    """`max_tokens`, `temperature`, `top_p`, `passages`."""
    note: str = Field(default="", max_length=500)


def release_body(release: Release) -> dict[str, Any]:
    approval = getattr(release, "approval", None)
    build = release.index_build
    return {
        "id": release.id,
        "object": "release",
        "created_at": unix(release.created_at),
        "number": release.number,
        "status": release.state,
        "note": release.remark,
        "base_model": release.base_model.name,
        "model": release.model_version.name if release.model_version else release.base_model.name,
        "vector_store": build.knowledge_base_id if build else None,
        "index_build": build.id if build else None,
        "evaluation": release.evaluation_id,
        "policy": policy_body(release.policy),
        "system_prompt": release.system_prompt,
        "generation": release.generation,
        "created_by": {"kind": release.created_by_kind, "label": release.created_by_label},
        "approval": {
            "decision": approval.decision,
            "comment": approval.comment,
            "by": {"kind": approval.actor_kind, "label": approval.actor_label},
            "created_at": unix(approval.created_at),
        }
        if approval
        else None,
    }


class PolicyBody(Body):
    eval: str
    """The suite whose gate a model version must pass before it is released."""


@router.get("/release_policy", summary="The gate that releases must pass")
def release_policy(request: HttpRequest) -> dict[str, Any]:
    return policy_body(policy_current())


@router.post("/release_policy", summary="Choose the gate that releases must pass")
def release_policy_set(request: HttpRequest, payload: PolicyBody) -> dict[str, Any]:
    return policy_body(policy_set(suite=suite_get(payload.eval, param="eval"), actor=actor_of(request)))


@router.post("/releases", summary="Create a candidate release")
def release_create(request: HttpRequest, payload: ReleaseBody) -> dict[str, Any]:
    base_model, version = model_named(payload.model, param="model")
    release = services.release_create(
        base_model=base_model,
        model_version=version,
        index_build=_index_build(payload),
        system_prompt=payload.system_prompt,
        generation=payload.generation,
        note=payload.note,
        actor=actor_of(request),
    )
    return release_body(release)


def _index_build(payload: ReleaseBody) -> IndexBuild | None:
    if payload.index_build is not None:
        chosen = index_build_get(payload.index_build, param="index_build")
        if payload.vector_store not in (None, chosen.knowledge_base_id):
            raise InvalidRequest(
                "conflicting_parameters",
                _("The index build belongs to another vector store. Name one of the two."),
                param="index_build",
            )
        return chosen
    if payload.vector_store is None:
        return None
    knowledge_base = knowledge_base_get(payload.vector_store, param="vector_store")
    if knowledge_base.current_build is not None:
        return knowledge_base.current_build
    code = "index_build_not_ready"
    if is_in_progress(knowledge_base):
        message = _("This knowledge base has no finished index yet. Try again when it is completed.")
        raise NotReadyYet(code, message, param="vector_store")
    message = _("This knowledge base has no index. Add documents that can be read, and wait for its index.")
    raise Conflict(code, message, param="vector_store")


@router.get("/releases", summary="List releases")
def releases(request: HttpRequest, query: Query[PageQuery]) -> dict[str, Any]:
    page = keyset_page(release_list(), after=query.after, limit=query.limit, order=query.order)
    return list_body(page, release_body)


@router.get(
    "/releases/{release_id}", summary="Retrieve a release, who took part in it and who may approve it"
)
def release_retrieve(request: HttpRequest, release_id: str) -> dict[str, Any]:
    release = release_get(release_id)
    return release_body(release) | decision_body(release, principal_of(request))


class DecisionBody(Body):
    comment: str = Field(default="", max_length=2000)


@router.post("/releases/{release_id}/approve", summary="Approve (a second person)")
def release_approve(request: HttpRequest, release_id: str, payload: DecisionBody) -> dict[str, Any]:
    release = services.release_approve(
        release_id=release_id,
        comment=payload.comment,
        principal=principal_of(request),
    )
    return release_body(release)


@router.post("/releases/{release_id}/reject", summary="Reject (a second person)")
def release_reject(request: HttpRequest, release_id: str, payload: DecisionBody) -> dict[str, Any]:
    release = services.release_reject(
        release_id=release_id,
        comment=payload.comment,
        principal=principal_of(request),
    )
    return release_body(release)


Alias = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9-]{0,39}$")]


class PublishBody(Body):
    alias: Alias = "production"
    replaces: str | None = None
    """The release that is served there as you know it, "" for none. Another one by now: `published_meanwhile`; none
    at all: `nothing_served`."""


@router.post("/releases/{release_id}/publish", summary="Serve an approved release under an alias")
def release_publish(request: HttpRequest, release_id: str, payload: PublishBody) -> dict[str, Any]:
    # As this call left it. If it were read again, it could be what another call made of it since.
    deployment = services.release_publish(
        release_id=release_id, alias=payload.alias, actor=actor_of(request), replaces=payload.replaces
    )
    return deployment_body(deployment)


class ComparisonQuery(wire.Query):
    alias: Alias = "production"


@router.get("/releases/{release_id}/comparison", summary="A release beside the one that an alias serves")
def release_comparison(
    request: HttpRequest, release_id: str, query: Query[ComparisonQuery]
) -> dict[str, Any]:
    release = release_get(release_id)
    served = served_release(query.alias, principal_of(request))
    return {
        "object": "release.comparison",
        "release": release.id,
        "alias": query.alias,
        "served": served.id if served else None,
        "parts": [part_body(part) for part in compare(release, served)] if served else [],
    }


def part_body(part: Part) -> dict[str, Any]:
    return {
        "name": part.name,
        "differs": part.differs,
        "documents": asdict(part.documents) if part.documents is not None else None,
        "facts": [
            {
                "name": row.name,
                "candidate": _plain(row.candidate),
                "served": _plain(row.served),
                "differs": row.differs,
            }
            for row in part.rows
        ],
        "figures": [
            {
                "name": row.name,
                "candidate": _figure_body(row.candidate),
                "served": _figure_body(row.served),
                "outcome": row.outcome,
            }
            for row in part.figures
        ],
    }


def _figure_body(figure: Estimate | None) -> dict[str, Any] | None:
    return figure.model_dump(include={"value", "low", "high", "items"}) if figure else None


def _plain(value: Any) -> Any:
    """The id of a row, the text of lines, and any other fact as it is."""
    if isinstance(value, Model):
        return value.pk
    return "\n".join(line.text for line in value) if isinstance(value, list) else value


# -- deployments ------------------------------------------------------------------------------
def deployment_body(deployment: Deployment) -> dict[str, Any]:
    return {
        "id": deployment.id,
        "object": "deployment",
        "created_at": unix(deployment.created_at),
        "alias": deployment.alias,
        "release": deployment.release_id,
        "release_number": deployment.release.number,
        "in_service": deployment.is_in_service,
    }


def change_body(change: DeploymentChange) -> dict[str, Any]:
    return {
        "id": change.id,
        "object": "deployment.change",
        "created_at": unix(change.created_at),
        "action": change.action,
        "release": change.release_id,
        "previous_release": change.previous_release_id,
        "by": {"kind": change.actor_kind, "label": change.actor_label},
    }


@router.get("/deployments", summary="List the aliases and what they serve")
def deployments(request: HttpRequest, query: Query[PageQuery]) -> dict[str, Any]:
    page = keyset_page(
        deployment_list(principal_of(request)), after=query.after, limit=query.limit, order=query.order
    )
    return list_body(page, deployment_body)


@router.get("/deployments/{alias}", summary="What an alias serves, and its history")
def deployment_retrieve(request: HttpRequest, alias: str) -> dict[str, Any]:
    deployment = deployment_get(alias, principal_of(request))
    return {
        **deployment_body(deployment),
        "history": [change_body(change) for change in reversed(deployment_history(deployment))],
    }


@router.post("/deployments/{alias}/rollback", summary="Serve the release before again")
def deployment_rollback(request: HttpRequest, alias: str) -> dict[str, Any]:
    deployment = services.deployment_rollback(
        alias=alias, actor=actor_of(request), idempotency_key=idempotency_key(request)
    )
    return deployment_body(deployment)


@router.post("/deployments/{alias}/withdraw", summary="Take an alias out of service")
def deployment_withdraw(request: HttpRequest, alias: str) -> dict[str, Any]:
    return deployment_body(services.deployment_withdraw(alias=alias, actor=actor_of(request)))
