"""Uploads and forms in a real browser: what failed is seen first, and a summary of the errors has the focus."""

from __future__ import annotations

import pytest

from accounts.models import Role
from tests.console.browser import picture, signed_in
from tests.console.company import Company
from tests.console.products import Products

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


RECEIVED = {
    "Tus-Resumable": "1.0.0",
    "Location": "/documents/file-1",
    "Upload-Offset": str(len("本文".encode())),
}


def _file(name: str, text: str) -> dict:
    return {"name": name, "mimeType": "text/plain", "buffer": text.encode()}


def test_a_failed_upload_stands_first_and_the_received_ones_fold_into_the_count(page):
    from playwright.sync_api import expect

    company = Company("ours")
    company.document("規程1.txt", text="第1条")
    files = [_file(f"規程{n}.txt", f"第{n}条") for n in range(1, 10)]
    with signed_in(page, company, Role.ADMIN, "ja") as url:
        page.goto(f"{url}/documents")
        page.locator("input[name=file]").set_input_files([*files, _file("空.txt", "")])
        expect(page.locator("[data-summary]")).to_have_text(
            "10件中9件を受信しました。 受信できなかったファイル：1件"
        )
        assert page.locator("[data-list] li .name").all_text_contents() == ["空.txt"]
        received = page.locator("[data-received]")
        expect(received.locator("summary")).to_have_text("受信したファイル：9件")
        expect(received.locator("li").first).not_to_be_visible()
        received.locator("summary").click()
        unchanged = received.locator("li", has_text="規程1.txt")
        expect(unchanged).to_contain_text("変更なし")
        expect(received.locator("li", has_text="規程2.txt")).not_to_contain_text("変更なし")
        picture(page, "uploads")


def test_failures_come_before_what_still_waits_and_the_list_does_not_scroll_inside_itself(page):
    from playwright.sync_api import expect

    held, is_open = [], []

    def answer(route):
        if "失敗" in (route.request.post_data_buffer or b"").decode():
            route.fulfill(status=400, json={"error": {"message": "読めません。"}})
        elif is_open:
            route.fulfill(status=201, headers=RECEIVED)
        else:
            held.append(route)

    page.route("**/documents/uploads", answer)
    with signed_in(page, Company("ours"), Role.ADMIN, "ja") as url:
        page.goto(f"{url}/documents")
        files = [_file(f"{n}.txt", "本文") for n in range(2)] + [_file("失敗.txt", "失敗")]
        page.locator("input[name=file]").set_input_files(
            [*files, *(_file(f"待{n}.txt", "本文") for n in range(12))]
        )
        expect(page.locator("[data-list] li").first).to_contain_text("読めません。")
        expect(page.locator("[data-summary]")).to_have_text(
            "15件中0件を受信しました。 受信できなかったファイル：1件"
        )
        uploads = page.locator("[data-list]")
        assert uploads.evaluate("list => list.scrollHeight <= list.clientHeight")
        picture(page, "uploads-waiting")
        is_open.append(True)
        for route in held:
            route.fulfill(status=201, headers=RECEIVED)
        expect(page.locator("[data-received] summary")).to_have_text("受信したファイル：14件")


def test_an_upload_goes_on_after_a_lost_connection_and_after_the_page_was_closed(page, tmp_path):
    from playwright.sync_api import expect

    sent: list[str] = []
    file = tmp_path / "図面.txt"
    file.write_bytes("第1条。\n".encode() * 2_000_000)
    chunk = 8 * 1024 * 1024

    def lose(route):
        sent.append(f"{route.request.method} {route.request.headers.get('upload-offset', '')}".strip())
        # The first chunk arrives. Of the second nothing does, until the page is closed.
        route.abort() if route.request.method == "PATCH" else route.continue_()

    page.route("**/documents/uploads**", lose)
    with signed_in(page, Company("ours"), Role.ADMIN, "ja") as url:
        page.goto(f"{url}/documents")
        page.locator("input[name=file]").set_input_files(file)
        expect(page.locator("[data-list] li")).to_contain_text("中断")
        picture(page, "upload-interrupted")
        page.unroute("**/documents/uploads**")
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto(f"{url}/documents")
        page.on(
            "request",
            lambda each: sent.append(f"{each.method} {each.headers.get('upload-offset', '')}".strip()),
        )
        page.locator("input[name=file]").set_input_files(file)
        expect(page.locator("[data-received] summary")).to_have_text("受信したファイル：1件")
        expect(page.locator("#documents tr", has_text="図面.txt")).to_be_visible()
    ours = [each for each in sent if not each.startswith("GET")]
    assert ours[:2] == ["POST", f"PATCH {chunk}"] and "POST" not in ours[1:]
    assert [each for each in ours if each.startswith("PATCH")][-1] == f"PATCH {2 * chunk}"


def test_the_errors_of_a_long_form_are_summed_up_at_its_top_with_the_focus(page):
    from playwright.sync_api import expect

    company = Company("ours")
    dataset = Products(company).dataset_version().dataset
    with signed_in(page, company, Role.ADMIN, "ja") as url:
        page.goto(f"{url}/datasets/{dataset.id}/build")
        page.locator("[name=heldout_percent]").fill("0")
        page.get_by_role("button", name="を作成").last.click()
        summary = page.get_by_role("alert")
        expect(summary).to_be_focused()
        expect(summary).to_be_in_viewport()
        expect(summary).to_contain_text("次の点をご確認ください。")
        picture(page, "form-errors")
        summary.get_by_role("link").first.click()
        expect(page.locator("#id_heldout_percent")).to_be_in_viewport()
