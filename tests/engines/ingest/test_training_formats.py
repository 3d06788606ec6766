"""Training data in another form than JSONL are named, with the way out, and never read as text."""

from __future__ import annotations

import json

import pytest

from workers.engines.shared.runtime import UserError

CONVERSATION = {
    "messages": [{"role": "user", "content": "窓口は?"}, {"role": "assistant", "content": "1番。"}]
}
SHAREGPT = {"conversations": [{"from": "human", "value": "窓口は?"}, {"from": "gpt", "value": "1番。"}]}
ALPACA = {"instruction": "窓口は?", "input": "", "output": "1番。"}
COMPLETION = {"prompt": "窓口は?", "completion": "1番。"}


def lines(*values: object) -> str:
    return "\n".join(json.dumps(value, ensure_ascii=False) for value in values)


REFUSED = {
    "array": (json.dumps([CONVERSATION] * 3), "a JSON array"),
    "array over several lines": (json.dumps([CONVERSATION] * 3, indent=2), "a JSON array"),
    "array of one ShareGPT object after its id": (json.dumps([{"id": "x", **SHAREGPT}]), "ShareGPT"),
    "array of Alpaca objects": (json.dumps([ALPACA] * 2, indent=1), "Alpaca"),
    "one object over several lines": (json.dumps(CONVERSATION, indent=2), "over several lines"),
    "ShareGPT": (lines(SHAREGPT, SHAREGPT), "ShareGPT"),
    "Alpaca": (lines(ALPACA, ALPACA), "Alpaca"),
    "prompt and completion": (lines(COMPLETION), "prompt and completion"),
}


@pytest.mark.parametrize("name", ["train.json", "train.jsonl", "train.txt", "train"])
@pytest.mark.parametrize(("text", "form"), REFUSED.values(), ids=REFUSED)
def test_is_named_with_the_way_out(spec_for, parse, name, text, form):
    with pytest.raises(UserError) as refused:
        parse(spec_for(name, text.encode()))
    assert refused.value.code == "user.not_jsonl"
    assert form in refused.value.message and '{"messages": [' in refused.value.message


def test_one_line_among_others_is_named_with_its_number(spec_for, parse):
    with pytest.raises(UserError) as refused:
        parse(spec_for("train.jsonl", lines(CONVERSATION, SHAREGPT).encode()))
    assert (refused.value.code, "Line 2" in refused.value.message) == ("user.not_jsonl", True)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.json", '{"pump": {"model": "KP-210"}}'),
        ("list.json", '["KP-210", "KP-220"]'),
        ("faq.json", '[{"question": "窓口は?", "answer": "1番。"}]'),
        ("notes.txt", "[重要] 窓口は1番。"),
        ("deep.json", "[" * 5000),
        ("broken.json", '[{"messages": '),
        ("prose.txt", "{messages} は差し込む。"),
    ],
)
def test_other_text_is_read_as_text(spec_for, parse, name, text):
    assert parse(spec_for(name, text.encode()))[0].text


def test_a_line_that_is_no_conversation_keeps_its_error(spec_for, parse):
    with pytest.raises(UserError) as refused:
        parse(spec_for("train.jsonl", b'{"text": "1"}'))
    assert (refused.value.code, refused.value.param) == ("user.invalid_jsonl", "line 1")
