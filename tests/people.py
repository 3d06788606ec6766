"""One organization, its people and their keys, made by the services."""

from __future__ import annotations

from typing import Self

from django.test import Client

from accounts.models import ApiKey, Membership, Organization, Role, User
from accounts.principal import Principal
from accounts.services import api_key_create, membership_set, user_create
from audit.services import Actor
from common.permissions import PAGE_ORGANIZATION_HEADER
from common.tenancy import organization_scope


class People:
    """One organization. Use it inside `with`, which opens its scope."""

    def __init__(self, slug: str = "kaku") -> None:
        self.slug = slug
        self.organization = Organization.objects.create(name=f"株式会社{slug}", slug=slug)
        self.people: dict[str, User] = {}
        self.keys: dict[str, str] = {}
        self.actor = Actor("user", "user_test", "Test")

    def __enter__(self) -> Self:
        self._scope = organization_scope(self.organization.id)
        self._scope.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._scope.__exit__(*exception)

    def person(self, role: str = Role.OWNER) -> User:
        if role not in self.people:
            user = user_create(email=f"{role}@{self.slug}.example", name=role, password=None)
            membership_set(
                organization_id=self.organization.id, user=user, role=role, actor=self.actor, by_role=None
            )
            self.people[role] = user
        return self.people[role]

    def operator(self, role: str) -> User:
        """A member with this role who also operates the installation."""
        user = user_create(email=f"operator-{role}@{self.slug}.example", name="operator", is_operator=True)
        membership_set(
            organization_id=self.organization.id, user=user, role=role, actor=self.actor, by_role=None
        )
        return user

    def principal(self, role: str = Role.OWNER) -> Principal:
        """The person of this role as the web knows them."""
        person = self.person(role)
        return Principal(Actor("user", person.id, str(person)), self.organization.id, role, person)

    def browser(self, role: str = Role.OWNER, *, language: str = "en") -> Client:
        """A browser that is signed in as the person of this role."""
        client = Client(headers={PAGE_ORGANIZATION_HEADER: self.organization.id})
        client.force_login(self.person(role))
        client.cookies["django_language"] = language
        return client

    def key(self, role: str = Role.OWNER, *, is_operator: bool = False) -> str:
        """The secret of a key with this role, made by the person of this role."""
        name = f"{role}-operator" if is_operator else str(role)
        if name not in self.keys:
            person = self.operator(role) if is_operator else self.person(role)
            _key, self.keys[name] = api_key_create(
                name=name,
                role=role,
                actor=self.actor,
                person=person,
                by_role=None,
                is_operator=is_operator,
            )
        return self.keys[name]

    def membership(self, role: str) -> Membership:
        return Membership.objects.get(user=self.person(role))

    def api_key(self, role: str) -> ApiKey:
        self.key(role)
        return ApiKey.objects.get(name=role)
