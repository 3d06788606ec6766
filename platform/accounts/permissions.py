"""Which permissions a role has; each app's `routes.py` says which permission a route asks for."""

from __future__ import annotations

from enum import StrEnum

from accounts.models import Role


class Permission(StrEnum):
    DOCUMENTS_READ = "documents.read"
    DOCUMENTS_WRITE = "documents.write"
    DATASETS_READ = "datasets.read"
    DATASETS_WRITE = "datasets.write"
    TRAINING_READ = "training.read"
    TRAINING_RUN = "training.run"
    MODELS_READ = "models.read"
    MODELS_WRITE = "models.write"
    EVALUATIONS_READ = "evaluations.read"
    EVALUATIONS_RUN = "evaluations.run"
    KNOWLEDGE_READ = "knowledge.read"
    KNOWLEDGE_WRITE = "knowledge.write"
    RELEASES_READ = "releases.read"
    RELEASES_WRITE = "releases.write"
    RELEASES_APPROVE = "releases.approve"
    RELEASES_PUBLISH = "releases.publish"
    CHAT_USE = "chat.use"
    SCHEDULES_READ = "schedules.read"
    SCHEDULES_WRITE = "schedules.write"
    JOBS_READ = "jobs.read"
    JOBS_CONTROL = "jobs.control"
    SETTINGS_READ = "settings.read"
    MEMBERS_MANAGE = "members.manage"
    KEYS_MANAGE = "keys.manage"
    AUDIT_READ = "audit.read"
    HEALTH_READ = "health.read"
    """The state of the installation, which belongs to no organization."""


_P = Permission

_VIEWER = {
    _P.DOCUMENTS_READ,
    _P.DATASETS_READ,
    _P.TRAINING_READ,
    _P.MODELS_READ,
    _P.EVALUATIONS_READ,
    _P.KNOWLEDGE_READ,
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
    # The owner differs from an administrator in what `accounts/services.py` protects: owners
    # alone make and unmake owners, and the last one stays.
    Role.OWNER: frozenset(_ADMIN),
}


OPERATOR_PERMISSIONS = frozenset({_P.HEALTH_READ})
"""What operators may do everywhere, in addition to the role they have in an organization."""


class Access(StrEnum):
    """Rules of routes that ask for no permission in an organization."""

    OPEN = "open"
    """Public, and the caller is not identified, so it answers without the database. Without parameters."""
    PUBLIC = "public"
    SIGNED_IN = "signed_in"
    OPERATOR = "operator"


Rule = Permission | Access
