"""People, organizations, memberships with their roles, and API keys."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils.translation import gettext_lazy as _

from common.ids import PrefixedIdField
from common.models import CreatedModel, TenantModel


class Role(models.TextChoices):
    """The role of a member; `accounts/permissions.py` defines its permissions."""

    OWNER = "owner", _("Owner")
    ADMIN = "admin", _("Administrator")
    EDITOR = "editor", _("Editor")
    REVIEWER = "reviewer", _("Reviewer")
    VIEWER = "viewer", _("Viewer")


class Organization(CreatedModel):
    """A tenant: one company, or one department of it."""

    id = PrefixedIdField("org_")
    name = models.CharField(_("name"), max_length=200)
    slug = models.SlugField(
        _("short name"),
        max_length=40,
        unique=True,
        help_text=_("Used in model names; cannot be changed later."),
    )
    is_active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser):
    id = PrefixedIdField("user_")
    email = models.EmailField(_("e-mail address"), unique=True)
    name = models.CharField(_("name"), max_length=200)
    is_active = models.BooleanField(default=True)
    is_operator = models.BooleanField(
        _("operator"),
        default=False,
        help_text=_("Runs the installation: organizations, clusters and base models. Reads no documents."),
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"

    def save(self, *args: Any, **options: Any) -> None:
        self.email = self.email.lower()
        super().save(*args, **options)

    def __str__(self) -> str:
        return self.name or self.email


class SignInFailure(CreatedModel):
    """A failed sign-in, stored while it counts (`accounts/sign_in_limit.py`)."""

    email_sha256 = models.CharField(max_length=64)
    address = models.CharField(max_length=64)

    class Meta:
        indexes = [
            models.Index(fields=["address", "-created_at"], name="sign_in_failures_of_a_place"),
            models.Index(fields=["created_at"], name="sign_in_failures_by_age"),
        ]


class Membership(TenantModel):
    id = PrefixedIdField("member_")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(_("role"), max_length=16, choices=Role.choices)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "user"], name="one_membership_each")]


class Group(TenantModel):
    """A set of members that documents can be opened to."""

    id = PrefixedIdField("group_")
    name = models.CharField(_("name"), max_length=200)
    members = models.ManyToManyField(Membership, related_name="groups")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "name"], name="one_group_name_each")]


class ApiKey(TenantModel):
    """A bearer key. The key itself is shown once; only its hash is stored."""

    id = PrefixedIdField("key_")
    name = models.CharField(
        _("name"), max_length=200, help_text=_("What uses this key, for example “nightly pipeline”.")
    )
    role = models.CharField(_("role"), max_length=16, choices=Role.choices)
    is_operator = models.BooleanField(default=False)
    """The key also has the permissions of an operator; only an operator can create it."""
    sha256 = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=16)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True)
    last_used_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
