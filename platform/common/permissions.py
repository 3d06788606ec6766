"""The rules that a route can have; `accounts/permissions.py` defines the permissions of each role."""

from __future__ import annotations

from enum import StrEnum


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
    PERSONAL_DATA_READ = "personal_data.read"
    """Personal data in the text of documents as they are written, where no knowledge base masks them."""
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


class Access(StrEnum):
    """Rules of routes that require no permission in an organization."""

    OPEN = "open"
    """Public, and the caller is not identified, so the route works without the database. It has no parameters."""
    PUBLIC = "public"
    SIGNED_IN = "signed_in"
    OPERATOR = "operator"


Rule = Permission | Access


PAGE_ORGANIZATION = "page_organization"
"""The field with which a form of the console names the organization that its page was opened in."""
PAGE_ORGANIZATION_HEADER = "X-Kosha-Organization"
"""The same for requests of scripts."""
