"""A page's picture stands beside its text; what is pointed at in one is outlined in the other; citations open their passage."""

from __future__ import annotations

from pathlib import Path

import pytest

from accounts.models import Role
from audit.services import SYSTEM
from chat.models import Message
from common.storage import artifact_path, blob_path
from documents.models import Document, PagePictures, Revision
from documents.places import Passage, place_url
from documents.services import document_upload
from jobs.models import Job
from jobs.services import job_succeeded
from tests.console.browser import picture, signed_in
from tests.console.company import Company
from tests.console.products import Products
from tests.engines.ingest.documents import workbook
from tests.engines.ingest.pdf_files import pdf_of, shown
from tests.world import begin
from workers.contract.artifacts import write_manifest
from workers.contract.records import PAGES_FILE, Page
from workers.contract.specs.ingest import IngestSpec
from workers.contract.specs.page_pictures import PagePicturesResult
from workers.contract.specs.run import RunConfig
from workers.engines.ingest.pictures.drawing import draw
from workers.engines.ingest.pictures.engine import keep
from workers.engines.ingest.reading import Output, read
from workers.engines.shared.runtime import Run
from workers.orchestration.finalize import finalize_job

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TERMS = "Orders are delivered within ten days."
NOTHING = (lambda done, total: None, lambda page: None, lambda record: None)


def contract() -> bytes:
    """Two pages, with the terms in the middle of the second one."""
    first = shown("Contract of delivery", 100, 760, size=20) + shown("Between the two parties.", 100, 700)
    second = shown("Terms", 100, 760, size=20) + shown(TERMS, 100, 400) + shown("Signed in Osaka.", 100, 100)
    return pdf_of((first, ()), (second, ()))


def specification(document: Document) -> IngestSpec:
    path = blob_path(document.organization_id, document.current_revision.sha256)
    return IngestSpec(document_id=document.id, revision_id="rev", name=document.name, path=path)


def read_document(company: Company, name: str, content: bytes, *, unsure: str = "") -> Document:
    """Uploaded and read, the block `unsure` as if a recognizer had doubts."""
    with company.scope():
        document = document_upload(
            name=name, purpose="user_data", chunks=[content], media_type="", actor=SYSTEM
        )
        pages: list[Page] = []
        spec = specification(document)
        with open(spec.path, "rb") as file:
            described = read(file, spec, Output(NOTHING[0], pages.append, NOTHING[2]))
        folder = artifact_path(document.organization_id, "pages", document.current_revision_id)
        folder.mkdir(parents=True)
        lines = [_doubted(page, unsure).model_dump_json() + "\n" for page in pages]
        (folder / PAGES_FILE).write_text("".join(lines), encoding="utf-8")
        Revision.objects.filter(pk=document.current_revision_id).update(
            state="processed", pages=len(pages), media_type=described.media_type
        )
        return Document.objects.select_related("current_revision").get(pk=document.pk)


def _doubted(page: Page, text: str) -> Page:
    blocks = tuple(
        block.model_copy(update={"confidence": 0.6})
        if text and page.text[block.start : block.end] == text
        else block
        for block in page.blocks
    )
    return page.model_copy(update={"blocks": blocks})


def draw_waiting(company: Company, document: Document) -> None:
    """What the job that waits would do, in this process."""
    with company.scope():
        job = begin(Job.objects.get(pk=PagePictures.objects.get(state="building").job_id))
        run = Run(
            RunConfig(job_id=job.id, kind=job.kind, fence=1, attempt=1, run_dir=Path(job.run_dir), spec={})
        )
        sizes: list[int] = []
        output = Output(*NOTHING, picture=lambda drawn: sizes.append(keep(run, drawn)))
        numbers = job.spec["pages"]
        spec = specification(document)
        with open(spec.path, "rb") as file:
            draw(file, spec, output, numbers)
        manifest = write_manifest(run.output_dir, job.kind)
        result = PagePicturesResult(drawn=numbers, bytes=sum(sizes), manifest_sha256=manifest)
        assert job_succeeded(job=job, result=result.model_dump(mode="json"))
        finalize_job(job.id)


def is_in_work(response) -> bool:
    return "/picture?" in response.url and response.status == 202


def first_look(page, address: str) -> None:
    with page.expect_response(is_in_work):
        page.goto(address)


def test_a_block_and_its_box_light_up_together(page):
    from playwright.sync_api import expect

    company = Company("ours")
    document = read_document(company, "契約書.pdf", contract(), unsure="Terms")
    with signed_in(page, company, Role.VIEWER) as url:
        page.set_viewport_size({"width": 1280, "height": 900})
        first_look(page, f"{url}{place_url(document.id, 2, document.current_revision_id)}")
        drawing = page.get_by_role("img", name="The original of page 2")
        expect(drawing).to_be_hidden()
        draw_waiting(company, document)
        expect(drawing).to_be_visible()
        assert drawing.evaluate("image => image.naturalWidth") == 992
        block = page.locator(".blocks [data-block]", has_text=TERMS)
        number = block.get_attribute("data-block")
        box, others = page.locator(f'rect[data-block="{number}"]'), page.locator(".lit")
        block.hover()
        expect(box).to_have_class("lit")
        expect(others).to_have_count(2)
        picture(page, "document-block-hovered")
        # 400 of 842 points from below, and as wide as the text.
        paper, outlined = page.locator(".paper").bounding_box(), box.bounding_box()
        assert 0.5 < (outlined["y"] - paper["y"]) / paper["height"] < 0.54
        page.locator("h1").hover()
        expect(others).to_have_count(0)
        box.click()
        expect(block).to_be_focused()
        page.keyboard.press("ArrowUp")
        expect(page.locator(".blocks [data-block]:focus")).to_contain_text("Terms")
        expect(page.locator(".blocks .unsure")).to_contain_text("60% confidence")
        expect(page.locator("rect.unsure.lit")).to_have_count(1)
        page.get_by_role("link", name="Previous").click()
        expect(page.get_by_role("img", name="The original of page 1")).to_be_visible()
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        picture(page, "document-page-narrow")


def test_what_cannot_be_drawn_says_so_and_is_drawn_when_asked_again(page):
    from playwright.sync_api import expect

    company = Company("ours")
    document = read_document(company, "契約書.pdf", contract())
    failed = {"state": "failed", "error_code": "page_pictures.user.parse_timeout"}
    with signed_in(page, company, Role.VIEWER) as url:
        first_look(page, f"{url}{document.get_absolute_url()}")
        with company.scope():
            PagePictures.objects.update(**failed)
        alert = page.locator("[data-picture-failed]")
        expect(alert).to_contain_text("Drawing the page took too long.")
        with page.expect_response(is_in_work):
            alert.get_by_role("button", name="Draw it again").click()
        expect(alert).to_be_hidden()
        draw_waiting(company, document)
        expect(page.get_by_role("img", name="The original of page 1")).to_be_visible()


def test_the_link_of_a_citation_opens_its_passage_marked(page):
    from playwright.sync_api import expect

    company = Company("ours")
    document = read_document(company, "契約書.pdf", contract())
    products = Products(company)
    release = products.release(None, products.knowledge([document]), state="published")
    conversation = products.conversation(release, document)
    with company.scope():
        answer = Message.objects.get(role="assistant")
        text = read_page(document, 2)["text"]
        cited = answer.annotations[0]["file_citation"]
        cited |= {"start": text.index(TERMS), "end": text.index(TERMS) + len(TERMS), "quote": TERMS}
        answer.save()
    prices = [["型式", "納期"], *([f"KP-{number}", f"{number}日"] for number in range(60))]
    sheet = read_document(company, "価格.xlsx", workbook({"価格": prices}))
    with signed_in(page, company, Role.VIEWER) as url:
        page.context.clear_cookies()
        owner = company.client(Role.OWNER).cookies
        page.context.add_cookies(
            [{"name": name, "value": morsel.value, "url": url} for name, morsel in owner.items()]
        )
        page.set_viewport_size({"width": 1280, "height": 700})
        page.goto(f"{url}{conversation.get_absolute_url()}")
        page.locator(".sources a").click()
        mark = page.locator("#text mark")
        expect(mark).to_have_text(TERMS)
        expect(mark).to_be_in_viewport()
        expect(page.locator("rect.marked")).to_have_count(1)
        picture(page, "document-citation")
        place = place_url(sheet.id, 1, sheet.current_revision_id, Passage(cells="A50:B50"))
        page.goto(f"{url}{place}")
        cells = page.locator("td.marked-cell")
        expect(cells).to_have_text(["KP-48", "48日"])
        expect(cells.first).to_be_in_viewport()
        expect(page.get_by_role("rowheader", name="50", exact=True)).to_be_visible()
        picture(page, "document-cells")


def read_page(document: Document, number: int) -> dict:
    from documents.selectors import page_in, pages_folder

    found = page_in(pages_folder(document.current_revision), number)
    assert found is not None
    return found
