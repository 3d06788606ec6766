"""What a citation quotes of its passage."""

from __future__ import annotations

import re

import pytest

from chat.citations import MAXIMUM_QUOTE, citations
from chat.presenting import shown_citations
from releases.services import release_publish
from tests.in_process import api_of
from tests.model_server_double import hit
from workers.contract.specs.serving import SearchHit
from workers.engines.shared.personal_data import find

LONG = "長" * MAXIMUM_QUOTE


@pytest.mark.parametrize(
    ("text", "cells", "answer", "quote"),
    [
        (
            "職位: 部長\n宿泊料上限: 14,000円\n座席: 指定席",
            "A2:C2",
            "宿泊料の上限は14,000円です。",
            "職位: 部長\n宿泊料上限: 14,000円",
        ),
        ("部長\n宿泊料上限: 14,000円", "A2:B2", "宿泊料の上限は14,000円です。", "部長\n宿泊料上限: 14,000円"),
        (
            "質問: 上限はいくらですか?\n回答: 14,000円です。",
            "A2:B2",
            "14,000円です。",
            "回答: 14,000円です。",
        ),
        ("質問: 宿泊料の上限\n回答: 14,000円です。", "A2:B2", "14,000円です。", "回答: 14,000円です。"),
        (
            "分類: 旅費\n質問: 上限は?\n回答: 14,000円です。",
            "A2:C2",
            "14,000円です。",
            "回答: 14,000円です。",
        ),
        (
            "第1条 旅費を払う。\n上限は14,000円とする。",
            None,
            "上限は14,000円です。",
            "上限は14,000円とする。",
        ),
        (
            f"職位: 部長\n備考: {LONG}\n上限: 14,000円",
            "A2:C2",
            "上限: 14,000円",
            f"職位: 部長\n備考: {LONG}"[:MAXIMUM_QUOTE],
        ),
    ],
)
def test_the_quote_of_a_row_has_its_key(text: str, cells: str | None, answer: str, quote: str) -> None:
    passage = SearchHit.model_validate(hit(text, cells=cells))
    assert citations(answer, [passage])[0]["file_citation"]["quote"] == quote
    assert quote in text


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["raw", "masked"])
def test_a_citation_names_the_characters_of_its_page_and_links_mark_them(world, model_server, mode) -> None:
    before, asked = "当番の規程を定める。", "夜間の当番の電話は090-1234-5678である。"
    document = world.document("当番.txt", f"{before}\n{asked}")
    base = world.knowledge_base([document])
    api = api_of(world.key())
    api.post(f"vector_stores/{base.id}", {"personal_data": mode})
    release = world.release(None, base.current_build, approved=True)
    release_publish(release_id=release.id, alias="production", actor=world.actor)
    place = {"document_id": document.id, "revision_id": document.current_revision_id, "number": 1}
    model_server.hits = [hit(asked, spans=find(asked), **place)]
    model_server.answer_to = lambda body: re.findall(
        r"<資料 \[1\]>\n(.*?)\n</資料>", str(body["messages"][-1]["content"])
    )
    question = {
        "model": "production",
        "messages": [{"role": "user", "content": "夜間の当番の電話は何番ですか"}],
    }
    said = api.post("chat/completions", question).ok["choices"][0]["message"]
    cited = said["annotations"][0]["file_citation"]
    page = api.get(f"files/{document.id}/pages").ok["data"][0]
    assert page["text"][cited["start"] : cited["end"]] == cited["quote"]
    assert (cited["quote"] == asked) == (mode == "raw") and cited["start"] == len(before) + 1
    [shown] = shown_citations(said["annotations"])
    browser = world.browser()
    found = browser.get(f"{base.get_absolute_url()}?q=電話").content.decode()
    assert shown["url"].replace("&", "&amp;") in found, "a search result leads to the same place"
    assert f"<mark>{cited['quote']}</mark>" in browser.get(shown["url"]).content.decode()
