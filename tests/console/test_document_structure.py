"""The text of a document is shown with its headings, lists and tables, which can be selected and reached by keyboard."""

from __future__ import annotations

import pytest

from accounts.models import Role
from common.storage import artifact_path
from tests.console.browser import signed_in
from tests.console.company import Company
from tests.console.pages import text
from workers.contract.blocks import Block
from workers.contract.records import Page, Table

TEXT = "日当\n・ 係長以下\n区分 | 日当\n一般 | 2,500円"
READ = Page(
    kind="section",
    number=1,
    label="旅費規程",
    text=TEXT,
    tables=(Table(cells="A1:B2", rows=(("区分", "日当"), ("一般", "2,500円"))),),
    blocks=(
        Block(kind="heading", level=2, start=0, end=2),
        Block(kind="list_item", level=1, start=3, end=9),
        Block(kind="table", table=0, start=10, end=len(TEXT)),
    ),
)


@pytest.fixture
def document(company):
    document = company.document("旅費規程.docx")
    folder = artifact_path(document.organization_id, "pages", document.current_revision.id)
    (folder / "pages.jsonl").write_text(READ.model_dump_json() + "\n", encoding="utf-8")
    return document


def test_the_text_is_shown_with_its_structure_or_plain(company, document):
    client = company.client()
    structured = text(client.get(f"/documents/{document.id}"))
    assert "<h5>日当</h5>" in structured and '<th scope="col">区分</th>' in structured
    assert (
        '<li class="marked" data-level="1">・ 係長以下</li>' in structured
        and "一般 | 2,500円" not in structured
    )
    plain = text(client.get(f"/documents/{document.id}?view=plain"))
    assert "一般 | 2,500円" in plain and "<th scope" not in plain


def test_pages_without_blocks_are_plain(company):
    shown = text(company.client().get(f"/documents/{company.document().id}"))
    assert "第1条 本文" in shown and "Plain text" not in shown


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_table_is_reached_by_keyboard_and_its_text_selected(page, scheme):
    from playwright.sync_api import expect

    company = Company("ours")
    document = company.document("旅費規程.docx")
    folder = artifact_path(document.organization_id, "pages", document.current_revision.id)
    (folder / "pages.jsonl").write_text(READ.model_dump_json() + "\n", encoding="utf-8")
    page.emulate_media(color_scheme=scheme)
    with signed_in(page, company, Role.VIEWER) as url:
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(f"{url}/documents/{document.id}")
        region = page.get_by_role("region", name="Table")
        region.focus()
        expect(region).to_be_focused()
        expect(region.get_by_role("columnheader", name="日当")).to_be_visible()
        expect(page.get_by_role("heading", name="日当", level=5)).to_be_visible()
        page.get_by_role("cell", name="2,500円").click(click_count=3)
        assert "2,500円" in page.evaluate("getSelection().toString()")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_role("link", name="Plain text").click()
        expect(page.locator("pre.page-text")).to_contain_text("一般 | 2,500円")
