"""The chat pages: a person's conversations with releases that are served, or that they may test."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.models import User
from accounts.principal import Principal, actor_of, principal_of
from chat import services
from chat.conversing import ConversationAnswer, turns
from chat.models import Conversation
from chat.presenting import shown_messages
from chat.selectors import (
    answer_get,
    askable,
    conversation_get,
    conversation_list,
    message_list,
    target_again,
    target_get,
    testable,
)
from common.connections import release_connection
from common.error_answers import error_response
from common.errors import InvalidRequest, KoshaError
from common.pagination import keyset_page
from common.streaming import event_stream

LONGEST_QUESTION = 8000


def index(request: HttpRequest) -> HttpResponse:
    """A new conversation, and the list of the earlier ones."""
    targets, tests = askable(principal_of(request)), testable(principal_of(request))
    chosen = {"targets": targets, "tests": tests, "chosen": request.GET.get("with", "")}
    return render(
        request,
        "chat/index.html",
        {
            "page": keyset_page(conversation_list(_user(request)), after=request.GET.get("after")),
            "targets": [*targets, *tests],
            "served": bool(targets),
            "target_field": render_to_string("chat/_target.html", chosen, request),
            "messages_shown": [],
            "conversation": None,
        },
    )


def _user(request: HttpRequest) -> User:
    user = principal_of(request).user
    assert user is not None, "the console is for signed-in people"
    return user


def conversation(request: HttpRequest, conversation_id: str) -> HttpResponse:
    found = conversation_get(_user(request), conversation_id)
    return render(
        request,
        "chat/index.html",
        {
            "page": keyset_page(conversation_list(_user(request)), after=request.GET.get("after")),
            "conversation": found,
            "ended": _ended(found, principal_of(request)),
            "messages_shown": shown_messages(list(message_list(found)), principal_of(request)),
        },
    )


def _ended(conversation: Conversation, principal: Principal) -> str:
    """Why the conversation takes no further question; empty if it does."""
    try:
        target_again(conversation.alias, principal)
    except KoshaError as error:
        return str(error.message)
    return ""


async def ask(request: HttpRequest, conversation_id: str | None = None) -> HttpResponseBase:
    """Stream the answer to `message`, in a new conversation with `target` or in the one named."""
    if request.method != "POST":
        return HttpResponse(status=405)
    try:
        answer = await sync_to_async(_prepare)(request, conversation_id)
    except KoshaError as error:
        return error_response(request, error, as_json=True)
    return event_stream(answer.events())


def _prepare(request: HttpRequest, conversation_id: str | None) -> ConversationAnswer:
    """Store the question and read all that the answer needs from the database."""
    question = request.POST.get("message", "").strip()
    if not 1 <= len(question) <= LONGEST_QUESTION:
        raise InvalidRequest(
            "invalid_value",
            _("Enter a question of up to %(limit)d characters.") % {"limit": LONGEST_QUESTION},
            param="message",
        )
    target_name, found = request.POST.get("target", ""), None
    if conversation_id is not None:
        found = conversation_get(_user(request), conversation_id)
        target = target_again(found.alias, principal_of(request))
    else:
        target = target_get(target_name, principal_of(request))
    if found is None:
        found = services.conversation_create(
            user=_user(request), alias=target_name, question=question, actor=actor_of(request)
        )
    services.question_add(conversation=found, text=question)
    answer = ConversationAnswer(
        found,
        principal_of(request),
        target,
        turns(found, principal_of(request)),
        translation.get_language() or "",
    )
    release_connection()
    return answer


@require_POST
def feedback(request: HttpRequest, conversation_id: str, message_id: str) -> HttpResponse:
    message = answer_get(conversation_get(_user(request), conversation_id), message_id)
    given = services.feedback_set(message=message, helpful=request.POST.get("helpful") == "true")
    return JsonResponse({"helpful": given.helpful})


@require_POST
def delete(request: HttpRequest, conversation_id: str) -> HttpResponse:
    found: Conversation = conversation_get(_user(request), conversation_id)
    services.conversation_delete(conversation=found, actor=actor_of(request))
    messages.success(request, _("The conversation was deleted."))
    return redirect("chat:index")
