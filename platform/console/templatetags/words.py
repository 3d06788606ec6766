"""Labels of codes, and notices of failures: `{% load words %}`.

{{ job.kind|job_kind }} {{ step|step_name }} {{ step|step_help }} {{ reason|drop_reason }} {{ job|took }} {{ deployment.alias|alias_label }}
{% fault version %} {% why version %}
"""

from __future__ import annotations

from functools import partial
from typing import Any

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common.text_differences import Piece, differences
from console import formats, words
from console.states import state_of
from curation.words import drop_reason, setting_name, setting_value, step_help, step_name
from documents.error_texts import worded_files
from documents.places import Passage, place_url
from jobs.models import Job, JobEvent
from jobs.produced import ProducedRow
from jobs.types import error_text, find_job_type, message_text
from pipelines.models import PipelineRun
from releases.labels import alias_label

register = template.Library()
register.filter("step_name", step_name)
register.filter("step_help", step_help)
register.filter("drop_reason", drop_reason)
register.filter("setting_name", setting_name)
register.filter("personal_data", partial(words.worded, words.PERSONAL_DATA))
register.filter("split_name", partial(words.worded, words.SPLITS))
register.filter("record_type", partial(words.worded, words.RECORD_TYPES))
register.filter("origin_name", partial(words.worded, words.ORIGINS))
register.filter("mail_failure", partial(words.worded, words.MAIL_FAILURES))
register.filter("alias_label", alias_label)
register.filter("audit_action", partial(words.worded, words.ACTIONS))


@register.simple_tag
def setting(name: str, value: Any) -> str:
    """The value of a step's setting in words."""
    if name == "kinds":
        value = [str(words.worded(words.PERSONAL_DATA, kind)) for kind in value]
    return setting_value(name, value)


@register.inclusion_tag("components/text_differences.html")
def text_differences(before: str, after: str) -> dict[str, list[Piece]]:
    """Both texts as one, with what is gone and what is new marked."""
    return {"pieces": differences(before, after)}


@register.filter
def job_kind(name: str) -> str:
    found = find_job_type(name)
    return str(found.label) if found else name.replace("_", " ")


@register.filter
def state_name(value: str) -> str:
    return str(state_of(str(value)).label)


@register.filter
def warning_text(warning: str) -> str:
    """`pages_without_text:3` as a sentence with its figure; `hidden_rows_skipped:1:価格!5` also says where,
    `attachments_not_read:1:a.zip (encrypted)` why."""
    code, figure, places = (*str(warning).split(":", maxsplit=2), "", "")[:3]
    told = f"{words.worded(words.WARNINGS, code)} {figure}".strip()
    if code in words.WARNINGS_WITH_REASONS:
        places = worded_files(places)
    return _("%(warning)s (%(places)s)") % {"warning": told, "places": places} if places else told


@register.filter
def place_address(source: dict[str, Any]) -> str:
    """The page of the document, with the cells of a sheet marked."""
    cells = source.get("cells") if source["kind"] == "sheet" else None
    passage = Passage(cells=cells or "")
    return place_url(source["document_id"], source["number"], source["revision_id"], passage)


@register.filter
def place(source: dict[str, Any]) -> str:
    """Where in a document: `page 3`, `sheet “FAQ” B2:C2`; takes a page or the source of a record."""
    number, label, cells = source["number"], source.get("label"), source.get("cells")
    kind = source["kind"]
    if kind == "page":
        text = _("page %(number)s") % {"number": number}
    elif kind == "slide":
        text = _("slide %(number)s") % {"number": number}
    elif kind == "sheet":
        text = _("sheet “%(label)s”") % {"label": label or number}
    else:
        text = str(label) if label else _("section %(number)s") % {"number": number}
    return f"{text} {cells}" if cells else text


_PLACES: words.Words = {
    "line": gettext_lazy("line %(number)s"),
    "byte": gettext_lazy("byte %(number)s"),
    "page": gettext_lazy("page %(number)s"),
}


def fault_place(param: str) -> str:
    """Where in a file an engine met an error, `line 7`, in the reader's language; empty for anything else."""
    kind, _blank, number = param.partition(" ")
    return str(_PLACES[kind]) % {"number": number} if number.isdigit() and kind in _PLACES else ""


@register.inclusion_tag("components/fault.html")
def fault(failed: Job | ProducedRow | PipelineRun) -> dict[str, Any]:
    """What went wrong and what to do, and the code for support; of an error without a text, the stored message."""
    found = error_text(failed.error_code, failed.error_values)
    return {
        "what": found.what if found else failed.own_sentence(),
        "remedy": found.remedy if found else "",
        "code": failed.error_code,
        "place": "" if failed.error_values else fault_place(failed.error_param),
    }


@register.filter
def event_text(event: JobEvent) -> str:
    """A line of a job's log: its new state, or the message of its engine."""
    kind = words.worded(words.EVENT_TYPES, event.type)
    if event.type == "state":
        reason = event.data.get("reason")
        return f"{state_name(event.message)} ({_reason(reason)})" if reason else state_name(event.message)
    if event.type == "checkpoint":
        return _("%(what)s at step %(step)s") % {"what": kind, "step": event.data.get("step", "?")}
    if event.type in ("started", "stopped"):
        return kind
    return _message(event) or event.message or kind


def _reason(code: str) -> str:
    found = error_text(code)
    return str(found.what) if found else words.worded(words.RETURN_REASONS, code)


def _message(event: JobEvent) -> str:
    """What the engine said, worded from its code and values; empty without a known code."""
    code = event.data.get("code", "")
    found = error_text(code, event.data.get("values"))
    return str(found.what) if found else message_text(code, event.data)


@register.filter
def took(job: Job) -> str:
    """From start to end; nothing for a job that never started."""
    if job.started_at is None or job.ended_at is None:
        return "—"
    return formats.duration((job.ended_at - job.started_at).total_seconds())


@register.simple_tag
def why(failed: Job | ProducedRow | PipelineRun) -> str:
    """What went wrong in one sentence, for a list."""
    found = error_text(failed.error_code, failed.error_values)
    return str(found.what) if found else failed.own_sentence()
