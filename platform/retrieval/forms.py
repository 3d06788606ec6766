"""The forms of the knowledge base pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy

from documents.models import Document
from documents.selectors import ready_documents
from retrieval.models import DEFAULT_PERSONAL_DATA, KnowledgeBase, PersonalData

MOST = 500
"""Documents offered to choose from, newest first: those of which a revision has been read."""


class PersonalDataForm(forms.Form):
    personal_data = forms.ChoiceField(
        label=gettext_lazy("Personal data"),
        choices=PersonalData.choices,
        initial=DEFAULT_PERSONAL_DATA,
        help_text=gettext_lazy(
            "If masked, telephone numbers, addresses, names and the like never leave the search index: passages, answers, "
            "citations and the pages of its documents show 〔電話番号〕 and similar tokens instead, also after a document "
            "was taken out. Only those who may publish releases can undo that. If not, members with the "
            "right see them as they are written."
        ),
    )


class KnowledgeForm(PersonalDataForm):
    field_order = ("name", "personal_data", "documents")
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=200,
        help_text=gettext_lazy("What can be searched here, for example “Company rules”."),
    )
    documents: forms.ModelMultipleChoiceField[Any] = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Documents"),
        queryset=None,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=gettext_lazy(
            "Answers are based on these. More can be added later; the index is updated automatically."
        ),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["documents"].queryset = _offered(None)  # type: ignore[attr-defined]


class DocumentsForm(forms.Form):
    """Documents that are not in the knowledge base yet."""

    documents: forms.ModelMultipleChoiceField[Any] = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Documents"), queryset=None, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, knowledge_base: KnowledgeBase, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["documents"].queryset = _offered(knowledge_base)  # type: ignore[attr-defined]


def _offered(knowledge_base: KnowledgeBase | None) -> QuerySet[Document]:
    rows = ready_documents()
    if knowledge_base is not None:
        rows = rows.exclude(pk__in=knowledge_base.entries.values("document_id"))
    # A sliced query cannot be filtered by the choice that comes back; its ids can.
    return rows.filter(pk__in=rows.order_by("-id").values("id")[:MOST]).order_by("-id")
