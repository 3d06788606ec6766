"""What a recipe can say of personal data: pseudonyms, lists, numbers of the company, mailboxes, dropped units."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from tests.engines.curation.documents import pages, sentence, sheet, texts_of
from workers.contract.number_pattern import number_regex
from workers.contract.personal_data import PERSONAL_KINDS, PSEUDONYM_KEY_VARIABLE
from workers.contract.specs.curation import DEFAULT_RECIPE, Recipe
from workers.contract.specs.curation_steps import PersonalDataStep, SegmentStep, SplitStep
from workers.engines.curation.pseudonyms import pseudonymizer
from workers.engines.shared.runtime import EngineFault

TEXT = "担当者: 山田 太郎、携帯 090-1234-5678、窓口 soumu@example.co.jp、社員 E-004217。" + sentence(1)


def recipe(**settings) -> Recipe:
    return Recipe(steps=(PersonalDataStep(**settings), SegmentStep(), SplitStep()))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "担当者: 〔氏名〕、携帯 〔電話番号〕、窓口 soumu@example.co.jp、社員 E-004217。"),
        (
            {"never": ["山田 太郎"]},
            "担当者: 山田 太郎、携帯 〔電話番号〕、窓口 soumu@example.co.jp、社員 E-004217。",
        ),
        (
            {"always": ["窓口"]},
            "担当者: 〔氏名〕、携帯 〔電話番号〕、〔非開示〕 soumu@example.co.jp、社員 E-004217。",
        ),
        (
            {"employee_numbers": ["E-999999"]},
            "担当者: 〔氏名〕、携帯 〔電話番号〕、窓口 soumu@example.co.jp、社員 〔社員番号〕。",
        ),
        (
            {"kinds": ["mailbox"]},
            "担当者: 山田 太郎、携帯 090-1234-5678、窓口 〔共用アドレス〕、社員 E-004217。",
        ),
    ],
)
def test_lists_and_numbers_of_the_company(source, curated, options, expected):
    _, records, _ = curated(source("a", pages(TEXT)), recipe=recipe(**options))
    assert texts_of(records) == [expected + sentence(1)]


def test_a_pseudonym_is_the_same_in_every_document_and_differs_by_key(source, run, curated, monkeypatch):
    monkeypatch.setenv(PSEUDONYM_KEY_VARIABLE, "one key")
    roster = [["氏名", "電話"], ["山田太郎", "090-1234-5678"], ["鈴木 花子", "なし"]]
    sources = source("a", pages(TEXT)), source("b", sheet(roster))
    _, records, _dropped = curated(*sources, recipe=recipe(mode="pseudonymize"))
    text, table = texts_of(records)
    taro = pseudonymizer(b"one key")("name", "山田太郎")
    assert text.startswith(f"担当者: {taro}、") and taro in table
    assert pseudonymizer(b"one key")("phone", "09012345678") in text
    assert "山田" not in json.dumps(records, ensure_ascii=False)
    assert (
        pseudonymizer(b"another")("name", "山田太郎") != taro != pseudonymizer(b"one key")("name", "鈴木花子")
    )
    assert pseudonymizer(b"one key")("secret", "hunter2") == "〔秘密〕"
    report = json.loads((run.output_dir / "report.json").read_text(encoding="utf-8"))["steps"][0]
    assert report["masked"] == {"name": 3, "phone": 2}
    assert any(taro in sample for sample in report["samples"]["name"])


def test_pseudonyms_need_the_key_of_the_organization(source, curated, monkeypatch):
    monkeypatch.delenv(PSEUDONYM_KEY_VARIABLE, raising=False)
    with pytest.raises(EngineFault) as error:
        curated(source("a", pages(TEXT)), recipe=recipe(mode="pseudonymize"))
    assert error.value.code == "system.pseudonym_key_missing"


def test_dropped_units_are_masked_in_the_list_of_dropped_ones(source, curated):
    steps = (SegmentStep(), PersonalDataStep(mode="drop"), SplitStep())
    _, records, dropped = curated(
        source("a", pages(TEXT)), source("b", pages(sentence(2))), recipe=Recipe(steps=steps)
    )
    assert texts_of(records) == [sentence(2)]
    assert [entry["reason"] for entry in dropped] == ["personal_data"]
    assert "〔氏名〕" in dropped[0]["text"] and "山田" not in dropped[0]["text"]
    with pytest.raises(ValidationError, match="after segment"):
        recipe(mode="drop")


@pytest.mark.parametrize("pattern", ["99", "E-99", "XXXX", "E-(99999+)+$\n999", "999\\", "9" * 41, ""])
def test_patterns_that_match_too_much_are_refused(pattern):
    with pytest.raises(ValidationError, match="pattern of numbers"):
        PersonalDataStep(employee_numbers=(pattern,))


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("E-999999", "社員 E-004217 と e-004218、E-0042179、XE-004217", ["E-004217", "e-004218"]),
        ("\\X9999", "X1234 A1234", ["X1234"]),
        ("XX999.9", "AB123.4 AB12304", ["AB123.4"]),
    ],
)
def test_patterns_stand_for_digits_letters_and_themselves(pattern, text, found):
    assert [match[0] for match in number_regex(pattern).finditer(text)] == found


def test_a_recipe_that_lets_something_through_does_not_mask_everything():
    assert DEFAULT_RECIPE.masks_everything
    assert recipe(mode="pseudonymize").masks_everything
    assert not recipe(never=["山田太郎"]).masks_everything
    assert not recipe(kinds=tuple(kind for kind in PERSONAL_KINDS if kind != "listed")).masks_everything
