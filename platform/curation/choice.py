"""Which documents a dataset version is made from: those that a rule lets through, or some named one by one."""

from __future__ import annotations

from typing import Annotated

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from common.errors import InvalidRequest
from curation.models import Dataset, DatasetVersion
from documents.kinds import KINDS
from documents.models import Document
from documents.selectors import documents_matching, ready_documents


def _known(kind: str) -> str:
    if kind and kind not in KINDS:
        raise ValueError(f"the kinds are {', '.join(KINDS)}")
    return kind


class DocumentRule(BaseModel):
    """Without anything it lets every company document through that could be read."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    folder: Annotated[str, AfterValidator(lambda folder: folder.strip("/"))] = Field(
        default="", max_length=500
    )
    """Only documents in this folder or below it."""
    kind: Annotated[str, AfterValidator(_known)] = ""
    """Only files of this kind: pdf, word, excel, powerpoint, html, csv or text."""
    search: Annotated[str, AfterValidator(str.strip)] = Field(default="", max_length=500)
    """Only documents whose name or title contains this; personal data in a title is not found."""

    @property
    def is_everything(self) -> bool:
        return not (self.folder or self.kind or self.search)

    @property
    def label(self) -> str:
        """The words of the page and of its messages for taking all that match."""
        return (
            _("Every document that has been read") if self.is_everything else _("Every document that matches")
        )

    def matching(self) -> QuerySet[Document]:
        """Of the documents that have been read."""
        return documents_matching(ready_documents(), text=self.search, folder=self.folder, kind=self.kind)

    def documents(self) -> list[Document]:
        """Raises InvalidRequest `no_documents`."""
        found = list(self.matching())
        if not found and self.is_everything:
            raise InvalidRequest(
                "no_documents",
                _("There is no document to build from. Upload documents first."),
                param="file_ids",
            )
        if not found:
            raise InvalidRequest(
                "no_documents",
                _(
                    "No document that has been read matches the choice. "
                    "Change the folder, the kind or the search."
                ),
                param="documents",
            )
        return found


EVERYTHING = DocumentRule()


def rule_of(version: DatasetVersion) -> DocumentRule | None:
    """None: its documents were named one by one."""
    return None if version.document_rule is None else DocumentRule.model_validate(version.document_rule)


def next_choice(dataset: Dataset) -> tuple[list[Document] | None, DocumentRule]:
    """What the newest version was made from, as it is today: named documents, or None and a rule.

    Raises InvalidRequest `no_documents` where none of the named documents is left.
    """
    newest: DatasetVersion | None = dataset.versions.order_by("-number").first()
    if newest is None:
        return None, EVERYTHING
    rule = rule_of(newest)
    if rule is not None:
        return None, rule
    named = newest.revisions.values("document")
    left = list(ready_documents().filter(pk__in=named))
    if not left:
        raise InvalidRequest(
            "no_documents",
            _("None of the documents chosen for this dataset is left. Build a version from others."),
            param="file_ids",
        )
    return left, EVERYTHING
