"""What needs a real browser: the banner of an outage, asking again, and files chosen before the script loads."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest

from accounts.models import Role
from health.watch import watch
from jobs.models import Job
from jobs.services import job_cancel
from tests.console.browser import TIMEOUT_MS, picture, signed_in
from tests.console.company import Company
from tests.console.products import Products
from tests.console.test_chat_pages import ModelServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


class HealthyModelServer(ModelServer):
    may_end = threading.Event()
    may_end.set()
    """Cleared: an answer waits after its first pieces."""

    def do_POST(self) -> None:
        if "chat" in self.path:
            self.may_end.wait(TIMEOUT_MS / 1000)
        super().do_POST()

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"status": "ok"}).encode())


@pytest.fixture
def model_server() -> Iterator[str]:
    handler = type("Handler", (HealthyModelServer,), {"seen": [], "document_id": "file-1"})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_banner_disappears_after_an_outage_and_the_question_is_asked_again(page, model_server, settings):
    from playwright.sync_api import expect

    settings.MODEL_SERVER_URL = "http://127.0.0.1:9"
    watch.cache_clear()
    company = Company("ours")
    products = Products(company)
    products.release(None, products.knowledge([company.document("旅費規程.txt")]), state="published")
    with signed_in(page, company, Role.VIEWER) as url:
        page.goto(f"{url}/chat")
        conversations = page.locator("[data-conversations]")
        expect(conversations).to_contain_text("None yet.")
        outage = page.locator("#outages [data-outage=model_server]")
        expect(outage).to_contain_text("Chat and search do not answer.")
        expect(page.locator("#outages")).to_have_attribute("aria-live", "polite")

        page.locator("textarea").fill("日当はいくら？")
        page.locator("[data-send]").click()
        failure = page.locator("[role=alert]")
        expect(failure).to_contain_text("The model server does not answer.")

        settings.MODEL_SERVER_URL = model_server
        expect(outage).to_have_count(0)
        failure.get_by_role("button", name="Ask again").click()
        answer = page.locator(".turn.assistant").last
        expect(answer).to_contain_text("2,500円")
        expect(answer.locator("[data-personal-data]:visible")).to_have_text("Personal data: none found")
        expect(conversations.locator("a[aria-current=page]")).to_contain_text("日当はいくら？")
        expect(conversations).not_to_contain_text("None yet.")
        expect(page.locator(".turn.user .says")).to_have_text(["日当はいくら？"] * 2)

        # On a telephone, beside all badges, the name stands on one line.
        page.set_viewport_size({"width": 390, "height": 844})
        answer.locator("[data-test], [data-mode]").evaluate_all(
            "all => all.forEach(one => one.hidden = false)"
        )
        name = answer.locator(".who .name")
        expect(name).to_have_text("Assistant")
        assert name.evaluate("node => node.getClientRects().length") == 1
        assert name.bounding_box()["height"] < 30
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    watch.cache_clear()


def test_uploads_a_file_chosen_before_the_script_has_loaded(page):
    """On a slow connection the file field appears seconds before its script."""
    from playwright.sync_api import expect

    held = []
    page.route("**/js/upload*.js", lambda route: held.append(route))
    with signed_in(page, Company("ours"), Role.ADMIN) as url:
        page.goto(f"{url}/documents", wait_until="commit")
        page.locator("input[name=file]").set_input_files(
            {"name": "就業規則.txt", "mimeType": "text/plain", "buffer": "第1条".encode()}
        )
        while not held:
            page.wait_for_timeout(20)
        held[0].continue_()
        expect(page.locator("#documents tr", has_text="就業規則.txt")).to_be_visible()


def test_a_refresh_leaves_a_question_open_and_comes_when_it_is_closed(page):
    from playwright.sync_api import expect

    company = Company("ours")
    version = company.version(company.dataset(), company.document(), state="building")
    with company.scope():
        job = Job.objects.get(pk=version.job_id)
    with signed_in(page, company, Role.ADMIN, "ja") as url:
        page.goto(f"{url}/jobs/{job.id}")
        page.locator("[data-dialog=cancel-job]").click()
        before = page.locator("[sse-swap=status]").inner_text()
        with company.scope():
            job_cancel(job=job, actor=company.actor())
        # The head with the dialog and the state below it are sent together.
        expect(page.locator("[sse-swap=status]")).not_to_have_text(before, use_inner_text=True)
        expect(page.get_by_role("dialog")).to_be_visible()
        page.get_by_role("dialog").locator("[data-close-dialog]").first.click()
        expect(page.locator("[data-dialog=cancel-job]")).to_have_count(0)


def test_a_new_conversation_has_its_title_and_buttons_and_a_stopped_answer_says_so(
    page, settings, model_server
):
    from playwright.sync_api import expect

    settings.MODEL_SERVER_URL = model_server
    watch.cache_clear()
    company = Company("ours")
    products = Products(company)
    products.release(None, products.knowledge([company.document("旅費規程.txt")]), state="published")
    HealthyModelServer.may_end.clear()
    with signed_in(page, company, Role.VIEWER, "ja") as url:
        page.goto(f"{url}/chat")
        page.locator("textarea").fill("日当はいくら？")
        page.locator("[data-send]").click()
        expect(page.locator("h1")).to_have_text("日当はいくら？")
        expect(page).to_have_title(re.compile("日当はいくら？"))
        expect(page.locator(".page-head").get_by_role("link", name="新しい会話")).to_be_visible()
        page.locator("[data-stop]").click()
        answer = page.locator(".turn.assistant").last
        expect(answer).to_contain_text("この回答は途中で停止しました。")
        expect(page.get_by_role("alert")).to_have_count(0)
        HealthyModelServer.may_end.set()
        picture(page, "stopped-answer")
        page.locator(".page-head").get_by_role("button", name="削除").click()
        page.get_by_role("dialog").get_by_role("button", name="削除").click()
        expect(page.locator("[data-conversations]")).not_to_contain_text("日当はいくら？")
    watch.cache_clear()
