"""Training data in another form than JSONL with `messages`: named, so that the uploader can convert it.

Such a file is never read as text: a model would learn to write brackets and keys.
"""

from __future__ import annotations

import json
from typing import Any

from workers.engines.shared.runtime import UserError

WANTED = '{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}'
MESSAGES = "messages"
_FORMATS = (
    ("ShareGPT", ("conversations",)),
    ("Alpaca", ("instruction", "output")),
    ("prompt and completion", ("prompt", "completion")),
    (MESSAGES, ("messages",)),
)
"""The name of each form, and the keys that every object of it has."""


def format_of(value: Any) -> str | None:
    """The form of training data that a JSON object has, None for any other value."""
    if not isinstance(value, dict):
        return None
    return next((name for name, keys in _FORMATS if all(key in value for key in keys)), None)


def refuse_other_formats(text: str) -> None:
    """Raise UserError `not_jsonl` for training data that are no JSONL with `messages`, judged by the first object."""
    begin = text.lstrip()
    is_array = begin.startswith("[")
    if not begin.startswith(("[", "{")):
        return
    value, end = _first_object(begin[1:].lstrip() if is_array else begin)
    name = format_of(value)
    if is_array and name is not None:
        form = "a JSON array" if name == MESSAGES else f"a JSON array of objects in the form {name}"
        raise not_jsonl(f"The file is {form}.")
    if name == MESSAGES and "\n" in begin[:end].strip():
        raise not_jsonl("The file spreads an object over several lines.")
    if name not in (None, MESSAGES):
        raise not_jsonl(f"The file has the form {name}.")


def not_jsonl(what: str) -> UserError:
    return UserError(
        "not_jsonl",
        f"{what} Training needs JSONL: in every line one object {WANTED}. Convert the file, for a JSON array of such "
        "objects with `jq -c '.[]' train.json > train.jsonl`, and upload it again; nothing of it was taken.",
    )


def _first_object(text: str) -> tuple[Any, int]:
    try:
        return json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return None, 0
