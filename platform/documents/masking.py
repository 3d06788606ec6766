"""Which documents are masked: those that a masked collection has or had, until somebody with the right decides otherwise.

The mark is on the document, so that it stays when the document is taken out of the collection or the collection is
deleted. The apps above register what holds a document masked, because this app knows none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.principal import Principal
from audit.services import audit_record
from common.errors import Conflict, DeclaredError, PermissionDenied
from common.permissions import Permission
from documents.models import Document
from workers.contract.personal_data import PersonalDataMode

Holds = Callable[[QuerySet[Document]], QuerySet[Document]]
registered: list[Holds] = []


def held_masked_by(holds: Holds) -> None:
    """`holds`: those of the documents that something masked has now."""
    if holds not in registered:
        registered.append(holds)


class ShowingDenied(PermissionDenied):
    """Masked text becomes visible to every member with the right, and in the answers of what is served."""

    code = "showing_denied"
    message = _(
        "Only those who may publish releases decide that masked personal data is shown. Ask an administrator of your "
        "organization."
    )
    param = "personal_data"


class HeldMasked(DeclaredError, Conflict):
    """Its pages would be raw where its passages are masked."""

    code = "document_in_masked_knowledge_base"
    message = _(
        "A masked knowledge base has this document. Take it out of there, or have that knowledge base set to raw."
    )
    param = "personal_data"


def may_show(principal: Principal) -> bool:
    """Whether they decide that what is masked is shown."""
    return principal.may(Permission.RELEASES_PUBLISH)


def documents_mask(documents: QuerySet[Document]) -> int:
    """How many were not masked before."""
    return documents.filter(is_masked=False).update(is_masked=True)


def documents_show(documents: QuerySet[Document]) -> int:
    """Show those that nothing masked has; how many these are. Call it inside a transaction."""
    # Locked first: what another transaction adds to a masked collection is then seen, or masks it afterwards.
    locked = documents.filter(is_masked=True).order_by("pk").select_for_update(no_key=True)
    rows = Document.objects.filter(pk__in=[document.pk for document in locked])
    for holds in registered:
        rows = rows.exclude(pk__in=holds(rows).values("pk"))
    return rows.update(is_masked=False)


@transaction.atomic
def document_mode_set(*, document: Document, mode: PersonalDataMode, principal: Principal) -> None:
    """Mask or show one document. Raises ShowingDenied and HeldMasked."""
    rows = Document.objects.filter(pk=document.pk)
    before = "masked" if rows.select_for_update(no_key=True).get().is_masked else "raw"
    if mode == "masked":
        documents_mask(rows)
    elif before == "masked":
        if not may_show(principal):
            raise ShowingDenied
        if not documents_show(rows):
            raise HeldMasked
    document.is_masked = mode == "masked"
    facts: dict[str, Any] = {"personal_data_before": before, "personal_data": mode}
    audit_record(
        organization_id=document.organization_id,
        actor=principal.actor,
        action="document.personal_data_set",
        target_type="document",
        target_id=document.id,
        data=facts,
    )
