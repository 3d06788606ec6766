"""Groups of readers: what a document is open to, and what a principal may see.

Today an organization has one group, its members, and every document is open to it.
"""

from __future__ import annotations

from accounts.principal import Principal


def everyone_in(organization_id: str) -> str:
    """The group of all members and keys of an organization."""
    return f"everyone:{organization_id}"


def groups_of(principal: Principal) -> tuple[str, ...]:
    """The groups the principal belongs to; none without an organization."""
    return (everyone_in(principal.organization_id),) if principal.organization_id else ()
