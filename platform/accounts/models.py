"""People, organizations, memberships with their roles, and API keys."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone
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
    is_confirmed = models.BooleanField(default=True)
    """An operator made it, or its person has joined an organization or used a password link. Until then anybody who
    held an invitation may have made it, so the next one sets its password anew."""
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


class AttemptCount(models.Model):
    """Failed attempts to give a password, of one account, address or browser (`accounts/attempt_limits.py`)."""

    key = models.CharField(max_length=64, primary_key=True)
    """A digest of what is counted."""
    failures = models.FloatField(default=0)
    """As of `counted_at`; they are forgotten one after the other."""
    counted_at = models.DateTimeField()
    free_at = models.DateTimeField()
    """Until then attempts are refused."""

    class Meta:
        indexes = [models.Index(fields=["counted_at"], name="attempt_counts_by_age")]

    def __str__(self) -> str:
        return f"{self.failures:.1f} failures"


class PasswordLink(CreatedModel):
    """A one-time link with which a person sets their own password. Only its hash is stored."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="+")
    sha256 = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.user_id


class Membership(TenantModel):
    id = PrefixedIdField("member_")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(_("role"), max_length=16, choices=Role.choices)
    reads_personal_data = models.BooleanField(default=True)
    """Whether the right `personal_data.read` of the role holds; an owner always has it."""
    joined_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "user"], name="one_membership_each")]


class Group(TenantModel):
    """A set of members that documents can be opened to."""

    id = PrefixedIdField("group_")
    name = models.CharField(_("name"), max_length=200)
    members = models.ManyToManyField(Membership, related_name="groups")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "name"], name="one_group_name_each")]


LONGEST_LABEL = 200
"""Of `actor_label` where something records who did it."""


class ApiKey(TenantModel):
    """A bearer key. The key itself is shown once; only its hash is stored."""

    id = PrefixedIdField("key_")
    name = models.CharField(
        _("name"), max_length=200, help_text=_("What uses this key, for example “nightly pipeline”.")
    )
    role = models.CharField(_("role"), max_length=16, choices=Role.choices)
    is_operator = models.BooleanField(default=False)
    """The key also has the permissions of an operator, while its person is one."""
    reads_personal_data = models.BooleanField(default=True)
    """Whether the key has the right `personal_data.read`, while its person has it."""
    sha256 = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=16)
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True)
    """The key acts for this person, at most in the person's present role. Null: for nobody, in its own role."""
    last_used_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def label(self) -> str:
        """Its name and its person, as records of what it did name it; within the length of their columns."""
        if self.person is None:
            return self.name
        person = f" ({self.person.email})"
        return (self.name[: max(20, LONGEST_LABEL - len(person))] + person)[:LONGEST_LABEL]


class Invitation(TenantModel):
    """A membership that the person of this e-mail address may accept through a one-time link."""

    id = PrefixedIdField("invite_")
    email = models.EmailField(_("e-mail address"))
    role = models.CharField(_("role"), max_length=16, choices=Role.choices)
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True)
    """Null: an operator."""
    sha256 = models.CharField(max_length=64, unique=True, null=True)
    """Of the newest link, which alone is valid; null before the first one is made."""
    link_shown = models.BooleanField(default=False)
    """The newest link was shown to the inviter; otherwise it is mailed to the person."""
    sent_at = models.DateTimeField(null=True)
    """When the newest link was shown, or taken by the mail server."""
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True)
    """Kept when the member is removed: four eyes ask who saw whose link."""
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "email"],
                condition=models.Q(accepted_at=None, revoked_at=None),
                name="one_open_invitation_each",
            )
        ]

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= timezone.now()


class LinkShowing(CreatedModel):
    """Somebody saw a one-time link of an account that was not mailed (`accounts/shown_links.py`)."""

    shown_to = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True)
    """Null: an operator, by a command."""
    invitation = models.ForeignKey(Invitation, on_delete=models.CASCADE, related_name="+", null=True)
    """Null: it was a password link."""
    account = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", null=True)
    """Null until the link of an invitation is used."""
    used_at = models.DateTimeField(null=True)
    """When a password was set with it, or its person joined. Unused it does not count."""
    sets_password = models.BooleanField(default=False)
    """The present password was set with it, so it counts in every organization of the account."""

    def __str__(self) -> str:
        return f"{self.account_id} by {self.shown_to_id}"


class MailKind(models.TextChoices):
    INVITATION = "invitation"
    PASSWORD = "password"  # noqa: S105 - the name of a kind


class OutgoingMail(CreatedModel):
    """A mail to be sent. Its link is made when it is sent, so that no link is stored (`accounts/mails.py`)."""

    id = PrefixedIdField("mail_")
    kind = models.CharField(max_length=16, choices=MailKind.choices)
    email = models.EmailField()
    invitation = models.OneToOneField(Invitation, on_delete=models.CASCADE, related_name="mail", null=True)
    language = models.CharField(max_length=8)
    due_at = models.DateTimeField(null=True, default=timezone.now)
    """Null: the mail server has refused the address for good."""
    attempts = models.PositiveIntegerField(default=0)
    failure = models.CharField(max_length=32, default="")
    """Why the last attempt failed: a code of `common/mail.py`."""

    class Meta:
        indexes = [models.Index(fields=["due_at"], name="outgoing_mails_by_due")]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"
