"""Stored messages and citations as the chat page and `chat.js` show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.principal import Principal
from chat.models import Feedback, Message
from chat.selectors import withheld
from documents.places import Passage, place_text, place_url


def shown_citations(annotations: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The `file_citation` of each annotation."""
    shown = []
    for annotation in annotations:
        cited = annotation["file_citation"]
        place = place_text(
            kind=cited["kind"], number=cited["page"], label=cited["label"], cells=cited["cells"]
        )
        shown.append(
            {
                "number": cited["index"],
                "title": cited["filename"],
                "place": place,
                "quote": cited["quote"],
                "url": place_url(cited["file_id"], cited["page"], cited["revision"], _passage(cited)),
            }
        )
    return shown


def _passage(cited: dict[str, Any]) -> Passage:
    """What the citation's link marks; answers of earlier releases say less."""
    return Passage(
        start=cited.get("start") or 0,
        end=cited.get("end") or 0,
        cells=cited["cells"] or "",
        table=cited.get("table"),
        personal_data=cited.get("personal_data", "raw"),
    )


def shown_mode(mode: str, annotations: Iterable[dict[str, Any]]) -> str:
    """How personal data of an answer's passages are shown: `none` where they have none, empty without passages."""
    found = [annotation["file_citation"].get("has_personal_data", True) for annotation in annotations]
    return mode if any(found) else "none" if found else ""


def reason_note(reason: str) -> str | Promise:
    """What the reader should know of an answer: that it is none, or not the whole of what was written."""
    if reason == "rest_withheld":
        return _("The rest could not be confirmed by the documents and is not shown.")
    return _("Nearest passages; they do not confirm an answer.") if reason else ""


WITHHELD = _(
    "This answer was given from text with personal data, which is masked now. Ask again for a masked answer."
)


def shown_messages(messages: Sequence[Message], principal: Principal) -> list[dict[str, Any]]:
    hidden = withheld(messages, principal)
    return [_shown(message, is_withheld=message.id in hidden) for message in messages]


def _shown(message: Message, *, is_withheld: bool) -> dict[str, Any]:
    feedback: Feedback | None = getattr(message, "feedback", None)
    return {
        "role": message.role,
        "text": WITHHELD if is_withheld else message.content,
        "citations": [] if is_withheld else shown_citations(message.annotations),
        "finish_reason": message.finish_reason,
        "is_test": message.is_test,
        "note": "" if is_withheld else reason_note(message.reason),
        "mode": "" if is_withheld else shown_mode(message.personal_data, message.annotations),
        "feedback_url": feedback_url(message),
        "helpful": feedback.helpful if feedback else None,
    }


def feedback_url(message: Message) -> str:
    return reverse("chat:feedback", args=[message.conversation_id, message.id])
