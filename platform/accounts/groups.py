"""Groups of readers: a principal may read the documents of its groups.

At present an organization has one group, which holds all members and may read every document.
"""

from __future__ import annotations

from accounts.principal import Principal


def everyone_in(organization_id: str) -> str:
    """The group of all members and keys of an organization."""
    return f"everyone:{organization_id}"


def groups_of(principal: Principal) -> tuple[str, ...]:
    """The groups the principal belongs to; none without an organization."""
    return (everyone_in(principal.organization_id),) if principal.organization_id else ()
