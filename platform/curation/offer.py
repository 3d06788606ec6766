"""The documents that the build page offers to choose from, and those that are ticked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import OuterRef, QuerySet, Subquery

from curation.choice import DocumentRule
from documents.models import Document
from documents.selectors import folders_of, read_revisions, ready_documents

MOST_LISTED = 200
MOST_TICKED = 500
"""More are chosen by a rule."""


@dataclass(frozen=True)
class Offer:
    rule: DocumentRule
    is_named: bool
    """The version is made from the ticked documents, not from all that match."""
    matches: int
    listed: list[Document]
    """The first of those that match, by name."""
    elsewhere: list[Document]
    """Ticked, but not listed now."""
    ticked: frozenset[str]
    folders: list[str]

    @property
    def is_contradictory(self) -> bool:
        """Some documents are ticked, but all that match were chosen."""
        if self.is_named or not self.ticked:
            return False
        return self.ticked != set(self.rule.matching().values_list("pk", flat=True))

    @property
    def chosen(self) -> QuerySet[Document]:
        return ready_documents().filter(pk__in=self.ticked) if self.is_named else self.rule.matching()


def offer(rule: DocumentRule, *, is_named: bool, ticked: Sequence[str]) -> Offer:
    matching = rule.matching()
    listed = list(_with_pages(matching).order_by("name", "pk")[:MOST_LISTED])
    shown = {document.id for document in listed}
    elsewhere = _with_pages(ready_documents().filter(pk__in=set(ticked) - shown)).order_by("name", "pk")
    return Offer(
        rule=rule,
        is_named=is_named,
        matches=matching.count(),
        listed=listed,
        elsewhere=list(elsewhere),
        ticked=frozenset(ticked),
        folders=sorted({*folders_of(ready_documents()), rule.folder} - {""}),
    )


def _with_pages(rows: QuerySet[Document]) -> QuerySet[Document]:
    """Each with `read_pages`, the number of pages of its newest read revision."""
    read = read_revisions().filter(document=OuterRef("pk"))
    return rows.annotate(read_pages=Subquery(read.values("pages")[:1]))
