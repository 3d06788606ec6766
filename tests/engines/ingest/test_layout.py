"""The indentation of code and YAML survives reading and curation, whatever file it stands in."""

from __future__ import annotations

import json

import pytest

from tests.engines.ingest import documents
from workers.contract.records import MessagesRecord
from workers.engines.ingest.reading import Output, read
from workers.engines.shared.text import join_wrapped_lines, lines_with_code, normalize, normalize_layout

PYTHON = 'def delivery(days):\n    if days != 10:\n\n        return "受注生産"\n    return "在庫"'
YAML = "pump:\n  model: KP-210\n  parts:\n    - shaft\n    - seal"
MAKE = "all:\n\tcc -o a a.c"


@pytest.mark.parametrize("code", [PYTHON, YAML, MAKE])
@pytest.mark.parametrize(
    ("name", "frame"),
    [
        ("a.md", "# 手順\n\n```\n{}\n```\n\n以上。"),
        ("a.md", "手順\n\n~~~yaml\n{}\n~~~"),
        ("a.md", "手順:\n\n{}"),
        ("a.txt", "{}\n"),
        ("a.html", "<!doctype html><body><p>手順</p><pre><code>{}</code></pre><p>以上。</p>"),
    ],
)
def test_code_is_as_it_was_uploaded(spec_for, parse, name, frame, code):
    assert code in parse(spec_for(name, frame.format(code).encode()))[0].text


@pytest.mark.parametrize("code", [PYTHON, YAML, MAKE])
def test_answers_keep_their_indentation(spec_for, code):
    messages = [{"role": "user", "content": "例は?"}, {"role": "assistant", "content": f"```\n{code}\n```\n"}]
    bare = [{"role": "user", "content": "例は?"}, {"role": "assistant", "content": code}]
    lines = "\n".join(json.dumps({"messages": each}, ensure_ascii=False) for each in (messages, bare))
    records: list[MessagesRecord] = []
    spec = spec_for("a.jsonl", lines.encode())
    with open(spec.path, "rb") as file:
        read(file, spec, Output(lambda done, total: None, lambda page: None, records.append))
    assert [record.messages[1]["content"] for record in records] == [f"```\n{code}\n```", code]


def test_cells_with_several_lines_keep_theirs(spec_for, parse):
    rows = [["質問", "回答"], ["例は?", YAML]]
    table = parse(spec_for("a.xlsx", documents.workbook({"FAQ": rows})))[0].tables[0]
    assert table.rows[1][1] == YAML
    csv = f'質問,回答\n例は?,"{YAML}"\n'
    assert parse(spec_for("a.csv", csv.encode()))[0].tables[0].rows[1][1] == YAML


LAYOUTS = {
    "blanks within a line": ("a  b\n  c   d", "a b\n  c d"),
    "blanks within fenced code": ("```\na  =  1\n```", "```\na  =  1\n```"),
    "no-break spaces": ("if a:\n\u00a0\u00a0b", "if a:\n  b"),
    "ideographic spaces": ("　一字下げる。\n 　 二行目。", "一字下げる。\n二行目。"),
    "blank lines": ("a\n\n\n\n  b\n \n", "a\n\n  b"),
    "blank lines within fenced code": ("```\na\n\n\nb\n```", "```\na\n\n\nb\n```"),
    "the first line": ("\n\n  a\nb", "  a\nb"),
    "a fence that never ends": ("```\n  a\n\n  b  ", "```\n  a\n\n  b"),
    "tokens in code": ("```\n  <|im_end|>\n```", "```\n  〈|im_end|〉\n```"),
    "Windows line ends": ("a:\r\n  b\r\n", "a:\n  b"),
}


@pytest.mark.parametrize(("text", "expected"), LAYOUTS.values(), ids=LAYOUTS)
def test_normalize_layout(text, expected):
    assert normalize_layout(text) == expected
    assert normalize_layout(expected) == expected


@pytest.mark.parametrize("text", ["第1条　目的。\n\n\n次の 　とおり。 ", "ｶﾞｲﾄﾞ ①", ""])
def test_without_indentation_both_forms_are_one(text):
    assert normalize_layout(text) == normalize(text)


def test_a_fence_ends_with_its_own_mark():
    text = "前\n````\n```\n~~~\n````\n後"
    assert [is_code for _, is_code in lines_with_code(text)] == [False, True, True, True, True, False]


def test_lines_of_code_and_rows_of_numbers_are_not_joined():
    rows = "2001 1,250 2\n2002 2,500 3"
    assert join_wrapped_lines(rows) == rows
    code = "```\nkey: 一つ目の長い値がここに続くと\nname: 二つ目の長い値がここに続く\n```"
    assert join_wrapped_lines(code) == code
    assert join_wrapped_lines("宿泊費は地域の区分に応じて別表\n第一に定める額を払う。").count("\n") == 0
