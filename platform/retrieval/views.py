"""The knowledge base pages: searchable collections, their documents and indexes, and a search to try them."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.principal import Principal, actor_of, principal_of
from common.errors import InvalidRequest, KoshaError
from common.forms import refuse
from common.pagination import keyset_page
from documents.locating import Pages, locate, pages_of
from documents.masking import may_show
from documents.places import place_text, place_url
from documents.selectors import company_documents, document_get
from jobs.produced import ProducedState
from retrieval import services
from retrieval.forms import DocumentsForm, KnowledgeForm, PersonalDataForm
from retrieval.models import KnowledgeBase
from retrieval.search import search
from retrieval.selectors import (
    entry_list,
    knowledge_base_get,
    knowledge_base_list,
    knowledge_base_mode,
    latest_build,
    status_counts,
)
from workers.contract.specs.serving import ANSWERABLE_SCORE, SearchHit

PASSAGES = 8
LONGEST_QUERY = 1000
BUILDS_SHOWN = 10


def index(request: HttpRequest) -> HttpResponse:
    page = keyset_page(knowledge_base_list(), after=request.GET.get("after"))
    counts = status_counts(entry_list(page.items))
    mode = partial(knowledge_base_mode, principal=principal_of(request))
    rows = [(base, counts[base.id], latest_build(base), mode(base)) for base in page.items]
    return render(
        request,
        "retrieval/index.html",
        {
            "page": page,
            "rows": rows,
            "has_documents": company_documents().exists(),
            "is_live": any(
                build and build.state == ProducedState.BUILDING for _base, _counts, build, _mode in rows
            ),
        },
    )


def create(request: HttpRequest) -> HttpResponse:
    form = KnowledgeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            base = services.knowledge_base_create(
                name=form.cleaned_data["name"],
                documents=list(form.cleaned_data["documents"]),
                personal_data=form.cleaned_data["personal_data"],
                actor=actor_of(request),
            )
        except KoshaError as error:
            refuse(form, error)
        else:
            messages.success(request, _("The knowledge base was created. Its index is built automatically."))
            return redirect(base)
    return render(request, "retrieval/create.html", {"form": form})


def detail(request: HttpRequest, knowledge_id: str) -> HttpResponse:
    base = knowledge_base_get(knowledge_id)
    page = keyset_page(entry_list([base]), after=request.GET.get("after"), limit=50)
    newest = latest_build(base)
    return render(
        request,
        "retrieval/detail.html",
        {
            "base": base,
            "page": page,
            "counts": status_counts(entry_list([base]))[base.id],
            "builds": list(base.builds.select_related("job").order_by("-number")[:BUILDS_SHOWN]),
            "newest": newest,
            "is_building": newest is not None and newest.state == ProducedState.BUILDING,
            "add_form": DocumentsForm(knowledge_base=base),
            "mode": knowledge_base_mode(base, principal_of(request)),
            "may_show": may_show(principal_of(request)),
            **_found(base, request.GET.get("q", "").strip()[:LONGEST_QUERY], principal_of(request)),
        },
    )


def _found(base: KnowledgeBase, query: str, principal: Principal) -> dict[str, Any]:
    """What the search answers, or why it does not."""
    if not query:
        return {"query": ""}
    try:
        passages = search(base, query, limit=PASSAGES, principal=principal)
    except KoshaError as error:
        return {"query": query, "search_error": error}
    pages = pages_of(base.organization_id, passages)
    shown = [(passage.score >= ANSWERABLE_SCORE, _shown(passage, pages)) for passage in passages]
    return {
        "query": query,
        "answering": [passage for answers, passage in shown if answers],
        "near": [passage for answers, passage in shown if not answers],
    }


def _shown(passage: SearchHit, pages: Pages) -> dict[str, Any]:
    source = passage.source
    return {
        "text": passage.text,
        "mode": passage.personal_data if passage.has_personal_data else "none",
        "title": source.document_name,
        "place": place_text(kind=source.kind, number=source.number, label=source.label, cells=source.cells),
        "url": place_url(source.document_id, source.number, source.revision_id, locate(passage, pages)),
    }


@require_POST
def add(request: HttpRequest, knowledge_id: str) -> HttpResponse:
    base = knowledge_base_get(knowledge_id)
    form = DocumentsForm(request.POST, knowledge_base=base)
    if not form.is_valid():
        messages.warning(request, _("Choose at least one document."))
        return redirect(base)
    chosen = list(form.cleaned_data["documents"])
    try:
        services.documents_add(knowledge_base=base, documents=chosen, actor=actor_of(request))
    except KoshaError as error:
        messages.warning(request, str(error.message))
    else:
        messages.success(request, _("The documents were added. The index is updated automatically."))
    return redirect(base)


@require_POST
def personal_data(request: HttpRequest, knowledge_id: str) -> HttpResponse:
    base = knowledge_base_get(knowledge_id)
    form = PersonalDataForm(request.POST)
    if not form.is_valid():
        raise InvalidRequest("invalid_value", _("Choose one of the two."), param="personal_data")
    chosen = form.cleaned_data["personal_data"]
    services.knowledge_base_update(
        knowledge_base=base,
        personal_data=chosen,
        may_show=may_show(principal_of(request)),
        actor=actor_of(request),
    )
    messages.success(request, _("Saved. It holds from the next request on; no index is built."))
    return redirect(base)


@require_POST
def build_again(request: HttpRequest, knowledge_id: str) -> HttpResponse:
    base = knowledge_base_get(knowledge_id)
    if services.index_build_again(knowledge_base=base, actor=actor_of(request)) is None:
        messages.warning(request, _("An index is being built already, or no document has been read yet."))
    else:
        messages.success(
            request, _("The index is built again. Until it is finished, search uses the previous one.")
        )
    return redirect(base)


@require_POST
def remove(request: HttpRequest, knowledge_id: str, document_id: str) -> HttpResponse:
    base = knowledge_base_get(knowledge_id)
    document = document_get(document_id)
    services.document_remove(knowledge_base=base, document_id=document.id, actor=actor_of(request))
    messages.success(request, _("“%(name)s” was removed and is no longer found.") % {"name": document.name})
    return redirect(base)


@require_POST
def delete(request: HttpRequest, knowledge_id: str) -> HttpResponse:
    base = knowledge_base_get(knowledge_id)
    services.knowledge_base_delete(knowledge_base=base, actor=actor_of(request))
    messages.success(request, _("“%(name)s” was deleted.") % {"name": base.name})
    return redirect("knowledge:index")
