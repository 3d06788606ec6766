"""The organization scope, which separates the tenants.

Code that reads or writes an organization's rows runs inside `organization_scope(id)`. Without a scope a tenant
manager raises an error, so that a forgotten filter is found in development and leaks nothing in production. Work on
all organizations runs inside `every_organization("reason")`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import models


@dataclass(frozen=True)
class Scope:
    organization_id: str | None
    """None: every organization."""
    reason: str = ""


_scope: ContextVar[Scope | None] = ContextVar("organization_scope", default=None)


class NoOrganizationScope(RuntimeError):
    """Tenant data was read or written outside any organization scope: a programming error."""


@contextmanager
def organization_scope(organization_id: str) -> Iterator[None]:
    token = _scope.set(Scope(organization_id))
    try:
        yield
    finally:
        _scope.reset(token)


@contextmanager
def every_organization(reason: str) -> Iterator[None]:
    """Access the rows of all organizations; `reason` is for readers of the code and of a stack trace."""
    token = _scope.set(Scope(None, reason))
    try:
        yield
    finally:
        _scope.reset(token)


def current_scope() -> Scope:
    scope = _scope.get()
    if scope is None:
        raise NoOrganizationScope("open organization_scope(...) before reading or writing tenant data")
    return scope


def current_organization_id() -> str:
    scope = current_scope()
    if scope.organization_id is None:
        raise NoOrganizationScope("this needs one organization, not all of them")
    return scope.organization_id


ModelT = TypeVar("ModelT", bound=models.Model)


class TenantManager(models.Manager[ModelT]):
    """Finds only the rows of the scope's organization, and creates rows that belong to it."""

    def get_queryset(self) -> models.QuerySet[ModelT]:
        rows = super().get_queryset()
        scope = current_scope()
        if scope.organization_id is None:
            return rows
        return rows.filter(organization_id=scope.organization_id)

    def create(self, **fields: Any) -> ModelT:
        if "organization" not in fields and "organization_id" not in fields:
            fields["organization_id"] = current_organization_id()
        return super().create(**fields)
