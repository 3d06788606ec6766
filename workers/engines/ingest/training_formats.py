"""The forms in which training data come: those that are read, and those that are named so that the uploader can convert them.

Training data are never read as a document: a model would learn to write brackets and keys.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from workers.engines.shared.runtime import UserError

WANTED = '{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}'
MESSAGES: Final = "messages"
INSTRUCTION: Final = "instruction and output"
COMPLETION: Final = "prompt and completion"
PREFERENCE: Final = "chosen and rejected"
TEXT: Final = "text"
SHAREGPT: Final = "ShareGPT"
_FORMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (SHAREGPT, ("conversations",)),
    (PREFERENCE, ("chosen", "rejected")),
    (INSTRUCTION, ("instruction", "output")),
    (INSTRUCTION, ("instruction", "response")),
    (COMPLETION, ("prompt", "completion")),
    (MESSAGES, ("messages",)),
    (TEXT, ("text",)),
)
"""The name of each form, and the keys that every object of it has."""
MOST_KEYS, KEY_LENGTH = 5, 40
_ABOUT_THE_LINE = frozenset(("id", "index", "category", "source"))
"""Keys beside those of a form that say nothing to learn."""
_KEYS: Mapping[str, frozenset[str]] = {
    MESSAGES: frozenset(("messages",)),
    INSTRUCTION: frozenset(("system", "instruction", "input", "context", "output", "response"))
    | _ABOUT_THE_LINE,
    COMPLETION: frozenset(("system", "prompt", "completion")) | _ABOUT_THE_LINE,
    PREFERENCE: frozenset(("system", "prompt", "chosen", "rejected")) | _ABOUT_THE_LINE,
    TEXT: frozenset(("text",)) | _ABOUT_THE_LINE,
}
"""All that an object of a form that is read may have."""


def format_of(value: Any) -> str | None:
    """The form of training data that a JSON object has, None for any other value."""
    if not isinstance(value, dict):
        return None
    return next((name for name, keys in _FORMS if all(key in value for key in keys)), None)


def unknown_keys(form: str, value: Mapping[str, Any]) -> list[str]:
    return sorted(set(value) - _KEYS[form])


def shown_keys(keys: Sequence[str]) -> str:
    """A few of them, for an error."""
    return ", ".join(key[:KEY_LENGTH] for key in keys[:MOST_KEYS])


def conversation_of(form: str, value: Mapping[str, Any]) -> Any:
    """The messages of an object in one of the forms, not yet checked; of two answers the chosen one."""
    if form == MESSAGES:
        return value["messages"]
    system = [_said("system", value["system"])] if value.get("system") else []
    if form == PREFERENCE:
        prompt, chosen = value.get("prompt"), value["chosen"]
        before = prompt if isinstance(prompt, list) else [] if prompt is None else [_said("user", prompt)]
        return [*system, *before, *(chosen if isinstance(chosen, list) else [_said("assistant", chosen)])]
    if form == COMPLETION:
        return [*system, _said("user", value["prompt"]), _said("assistant", value["completion"])]
    asked, more = value["instruction"], value.get("input") or value.get("context")
    if isinstance(asked, str) and isinstance(more, str):
        asked = f"{asked}\n\n{more}"
    return [*system, _said("user", asked), _said("assistant", value.get("output", value.get("response")))]


def _said(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


def refuse_other_formats(text: str, *, reads_lines: bool = False) -> None:
    """Raise UserError `not_jsonl` for training data in a form that is not read, judged by the first object.

    `reads_lines`: the file is read as JSONL. In any other file training data are refused in all forms but plain text.
    """
    begin = text.lstrip()
    is_array = begin.startswith("[")
    if not begin.startswith(("[", "{")):
        return
    value, end = _first_object(begin[1:].lstrip() if is_array else begin)
    name = format_of(value)
    if name is None or (name == TEXT and not reads_lines):
        return
    if is_array:
        if name == MESSAGES:
            raise not_jsonl("The file is a JSON array.", reason="array")
        what = f"The file is a JSON array of objects in the form {name}."
        raise not_jsonl(what, reason="array_form", form=name)
    if name == SHAREGPT:
        raise not_jsonl(f"The file has the form {name}.", reason="form", form=name)
    if "\n" in begin[:end].strip():
        raise not_jsonl("The file spreads an object over several lines.", reason="spread")
    if not reads_lines and name != MESSAGES:
        raise not_jsonl(
            f"The file has the form {name}, and its name does not end in .jsonl.", reason="name", form=name
        )


def not_jsonl(what: str, *, reason: str, form: str | None = None, line: int | None = None) -> UserError:
    return UserError(
        "not_jsonl",
        f"{what} Training needs JSONL, in a file named .jsonl: in every line one object, for example {WANTED}. Convert the file, "
        "a JSON array with `jq -c '.[]' train.json > train.jsonl`, ShareGPT by `role` and `content` in place of `from` and "
        "`value`, and upload it again; nothing of it was taken.",
        reason=reason,
        form=form and form.replace(" and ", ", "),
        line=line,
    )


def _first_object(text: str) -> tuple[Any, int]:
    try:
        return json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return None, 0
