"""The caller of a request: a signed-in member or an API key, in one organization and one role."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest

from accounts.models import User
from accounts.permissions import OPERATOR_PERMISSIONS, ROLE_PERMISSIONS
from audit.services import Actor
from common.permissions import Permission


@dataclass(frozen=True)
class Principal:
    actor: Actor
    organization_id: str | None
    """None for an operator or a person without an organization."""
    role: str | None
    user: User | None = None
    is_operator: bool = False
    reads_personal_data: bool = True
    """The right `personal_data.read` was not withdrawn from the member, nor left out of the key."""
    expires_at: datetime | None = None
    """Of a key."""

    @property
    def person_id(self) -> str:
        """The responsible person: for a key, the person it acts for."""
        return self.user.id if self.user else self.actor.id

    @property
    def permissions(self) -> frozenset[Permission]:
        of_role = ROLE_PERMISSIONS[self.role] if self.role else frozenset()
        if not self.reads_personal_data:
            of_role -= {Permission.PERSONAL_DATA_READ}
        return of_role | OPERATOR_PERMISSIONS if self.is_operator else of_role

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions


def principal_of(request: HttpRequest) -> Principal:
    """The principal that the middleware found; only for views behind a rule other than PUBLIC."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


def actor_of(request: HttpRequest) -> Actor:
    return principal_of(request).actor
