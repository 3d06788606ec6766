"""The permissions of each role."""

from __future__ import annotations

from accounts.models import Role
from common.permissions import Permission

_P = Permission

_VIEWER = {
    _P.DOCUMENTS_READ,
    _P.DATASETS_READ,
    _P.TRAINING_READ,
    _P.MODELS_READ,
    _P.EVALUATIONS_READ,
    _P.KNOWLEDGE_READ,
    # Can be withdrawn from a member and left out of a key: `accounts/personal_data.py`.
    _P.PERSONAL_DATA_READ,
    _P.RELEASES_READ,
    _P.CHAT_USE,
    _P.SCHEDULES_READ,
    _P.JOBS_READ,
    _P.SETTINGS_READ,
}
_REVIEWER = _VIEWER | {_P.RELEASES_APPROVE}
_EDITOR = _VIEWER | {
    _P.DOCUMENTS_WRITE,
    _P.DATASETS_WRITE,
    _P.TRAINING_RUN,
    _P.MODELS_WRITE,
    _P.EVALUATIONS_RUN,
    _P.KNOWLEDGE_WRITE,
    _P.RELEASES_WRITE,
    _P.SCHEDULES_WRITE,
    _P.JOBS_CONTROL,
}
_ADMIN = (
    _EDITOR
    | _REVIEWER
    | {_P.RELEASES_PUBLISH, _P.MEMBERS_MANAGE, _P.KEYS_MANAGE, _P.AUDIT_READ, _P.HEALTH_READ}
)

ROLE_PERMISSIONS: dict[str, frozenset[Permission]] = {
    Role.VIEWER: frozenset(_VIEWER),
    Role.REVIEWER: frozenset(_REVIEWER),
    Role.EDITOR: frozenset(_EDITOR),
    Role.ADMIN: frozenset(_ADMIN),
    # `accounts/services.py` distinguishes owners from administrators: only owners appoint and remove owners,
    # and the last owner cannot be removed.
    Role.OWNER: frozenset(_ADMIN),
}


def lower_role(role: str, limit: str) -> str:
    """The highest role that is neither above `role` nor above `limit`: of editor and reviewer it is viewer."""
    return next(one for one in Role.values if _is_within(one, role) and _is_within(one, limit))


def _is_within(role: str, limit: str) -> bool:
    is_below = role != Role.OWNER and ROLE_PERMISSIONS[role] <= ROLE_PERMISSIONS[limit]
    return role == limit or is_below


OPERATOR_PERMISSIONS = frozenset({_P.HEALTH_READ})
"""The permissions of operators, in addition to those of their role in an organization."""
