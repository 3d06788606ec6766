"""/v1/api_keys: keys that act for the caller's person, at most in the person's present role."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import Field

from accounts.models import ApiKey
from accounts.principal import Principal, actor_of, principal_of
from accounts.selectors import api_key_get, api_key_list
from accounts.services import api_key_create, api_key_revoke
from common.errors import PermissionDenied
from common.pagination import keyset_page, list_body
from common.permissions import Permission
from common.wire import Body, PageQuery, unix

router = Router(tags=["API keys"])


class KeyBody(Body):
    name: str = Field(min_length=1, max_length=200)
    """What uses the key."""
    role: Literal["owner", "admin", "editor", "reviewer", "viewer"]
    """What the key may do; at no time more than its person may do then."""
    expires_at: int | None = Field(default=None, ge=0, lt=2**33)
    """Unix seconds; null: never. A key cannot make one that outlives it."""
    reads_personal_data: bool | None = None
    """Whether the key sees personal data as written, where no knowledge base masks it and its person sees it. null: as
    the caller."""


def key_body(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "object": "api_key",
        "created_at": unix(key.created_at),
        "name": key.name,
        "role": key.role,
        "reads_personal_data": key.reads_personal_data,
        "hint": key.hint,
        "person": key.person_id,
        "expires_at": unix(key.expires_at),
        "last_used_at": unix(key.last_used_at),
    }


@router.get("/api_keys", summary="List API keys")
def keys(request: HttpRequest, query: PageQuery = Query(...)) -> dict[str, Any]:
    """All, for those who manage keys; the caller's own, for others."""
    page = keyset_page(
        api_key_list(principal_of(request)), after=query.after, limit=query.limit, order=query.order
    )
    return list_body(page, key_body)


@router.post("/api_keys", summary="Create an API key")
def key_create(request: HttpRequest, payload: KeyBody) -> dict[str, Any]:
    """`secret` is in this answer and nowhere else."""
    principal = principal_of(request)
    expires_at = None if payload.expires_at is None else datetime.fromtimestamp(payload.expires_at, UTC)
    _refuse_outliving(principal, expires_at)
    may_read = principal.may(Permission.PERSONAL_DATA_READ)
    if payload.reads_personal_data and not may_read:
        raise PermissionDenied("reads_personal_data")
    key, secret = api_key_create(
        name=payload.name,
        role=payload.role,
        actor=principal.actor,
        person=principal.user,
        by_role=principal.role,
        expires_at=expires_at,
        reads_personal_data=may_read and payload.reads_personal_data is not False,
    )
    return {**key_body(key), "secret": secret}


def _refuse_outliving(principal: Principal, expires_at: datetime | None) -> None:
    limit = principal.expires_at
    if limit is not None and (expires_at is None or expires_at > limit):
        raise PermissionDenied("expires_at")


@router.get("/api_keys/{key_id}", summary="Retrieve an API key")
def key(request: HttpRequest, key_id: str) -> dict[str, Any]:
    return key_body(api_key_get(key_id, principal_of(request)))


@router.delete("/api_keys/{key_id}", summary="Revoke an API key")
def key_revoke(request: HttpRequest, key_id: str) -> dict[str, Any]:
    api_key_revoke(key_id=key_id, actor=actor_of(request))
    return {"id": key_id, "object": "api_key", "deleted": True}
