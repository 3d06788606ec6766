"""Abstract models that every app builds on."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from common.tenancy import TenantManager, current_scope


class CreatedModel(models.Model):
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True


class TenantModel(CreatedModel):
    """A row that belongs to exactly one organization."""

    organization = models.ForeignKey("accounts.Organization", on_delete=models.PROTECT, related_name="+")

    objects: ClassVar[TenantManager[Any]] = TenantManager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **options: Any) -> None:
        scope = current_scope()
        if scope.organization_id is not None and scope.organization_id != self.organization_id:
            raise ValueError("a row of another organization cannot be written in this scope")
        super().save(*args, **options)
