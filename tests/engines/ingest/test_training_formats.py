"""Training data in another form than JSONL are named, with the way out, and never read as text."""

from __future__ import annotations

import json

import pytest

from tests.engines.conftest import read_jsonl
from workers.engines.ingest.engine import read_file
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
    "array of Alpaca objects": (json.dumps([ALPACA] * 2, indent=1), "instruction and output"),
    "one object over several lines": (json.dumps(CONVERSATION, indent=2), "over several lines"),
    "ShareGPT": (lines(SHAREGPT, SHAREGPT), "ShareGPT"),
}


@pytest.mark.parametrize("name", ["train.json", "train.jsonl", "train.txt", "train"])
@pytest.mark.parametrize(("text", "form"), REFUSED.values(), ids=REFUSED)
def test_is_named_with_the_way_out(spec_for, parse, name, text, form):
    with pytest.raises(UserError) as refused:
        parse(spec_for(name, text.encode()))
    assert refused.value.code == "user.not_jsonl"
    assert form in refused.value.message and '{"messages": [' in refused.value.message


@pytest.mark.parametrize("name", ["train.json", "train.txt", "train"])
@pytest.mark.parametrize("value", [ALPACA, COMPLETION, {"prompt": "問", "chosen": "答", "rejected": "否"}])
def test_training_data_under_another_name_are_refused_with_the_ending(spec_for, parse, name, value):
    with pytest.raises(UserError) as refused:
        parse(spec_for(name, lines(value, value).encode()))
    assert (refused.value.code, ".jsonl" in refused.value.message) == ("user.not_jsonl", True)


USER, ASSISTANT = {"role": "user", "content": "窓口は?"}, {"role": "assistant", "content": "1番。"}
SYSTEM = {"role": "system", "content": "短く。"}
READ = {
    "messages": (CONVERSATION, [USER, ASSISTANT]),
    "instruction": (ALPACA, [USER, ASSISTANT]),
    "instruction with an input": (
        ALPACA | {"input": "総務の件", "system": "短く。", "id": 3, "category": "qa"},
        [SYSTEM, {"role": "user", "content": "窓口は?\n\n総務の件"}, ASSISTANT],
    ),
    "instruction with context and response": (
        {"instruction": "窓口は?", "context": "", "response": "1番。"},
        [USER, ASSISTANT],
    ),
    "prompt and completion": (COMPLETION, [USER, ASSISTANT]),
    "preference": ({"prompt": "窓口は?", "chosen": "1番。", "rejected": "2番。"}, [USER, ASSISTANT]),
    "preference of messages": (
        {"prompt": [SYSTEM, USER], "chosen": [ASSISTANT], "rejected": [USER]},
        [SYSTEM, USER, ASSISTANT],
    ),
    "preference of whole conversations": (
        {"chosen": [USER, ASSISTANT], "rejected": [USER, ASSISTANT]},
        [USER, ASSISTANT],
    ),
}


@pytest.mark.parametrize(("value", "messages"), READ.values(), ids=READ)
def test_each_form_becomes_a_conversation(run, spec_for, value, messages):
    result = read_file(run, spec_for("train.jsonl", lines(value, CONVERSATION).encode()))
    first, second = read_jsonl(run.output_dir / "rev-1" / "records.jsonl")
    assert (first["messages"], second["messages"]) == (messages, [USER, ASSISTANT])
    assert result.warnings == (("rejected_answers_not_used:1",) if "chosen" in value else ())


def test_texts_become_texts(run, spec_for):
    result = read_file(
        run,
        spec_for("train.jsonl", lines({"text": "第1条　目的。"}, {"text": "def f():\n    pass"}).encode()),
    )
    records = read_jsonl(run.output_dir / "rev-1" / "records.jsonl")
    assert [(each["type"], each["text"]) for each in records] == [
        ("text", "第1条 目的。"),
        ("text", "def f():\n    pass"),
    ]
    assert (result.records, result.pages) == (2, 1)
    assert records[1]["origin"]["source"]["label"] == "line 2"


BAD_LINES = {
    "an unknown key": ALPACA | {"weight": 1},
    "an empty text": {"text": "  "},
    "a text that is a number": {"text": 5},
    "an empty answer": ALPACA | {"output": ""},
    "an instruction that is a list": ALPACA | {"instruction": ["窓口は?"]},
    "an answer without a question": {"chosen": "1番。", "rejected": "2番。"},
    "a conversation that ends with a question": {"chosen": [USER], "rejected": [USER]},
    "another object": {"note": "1"},
}


@pytest.mark.parametrize("value", BAD_LINES.values(), ids=BAD_LINES)
def test_a_bad_line_is_named_and_nothing_is_taken(spec_for, parse, value):
    with pytest.raises(UserError) as refused:
        parse(spec_for("train.jsonl", lines(CONVERSATION, value).encode()))
    assert (refused.value.code, refused.value.param) == ("user.invalid_jsonl", "line 2")


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
