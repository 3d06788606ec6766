"""The pages of a real dataset version in a real browser: on a telephone, by the keyboard, and as lists for screen readers."""

from __future__ import annotations

import pytest

from accounts.models import Role
from tests.console.browser import picture, signed_in
from tests.curation.curated import curated_version

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

RULES = """就業規則
第1条 会社は安全な職場を保ち、従業員は定められた手順に従って働く。
第2条 有給休暇は10日とする。申請は前日までに行い、上長の承認を受ける。
第3条 出張の日当は三千円とし、宿泊費は一万円までを支給する。
第4条 担当は総務部の山田太郎様（090-1234-5678、taro@example.com）とする。
短い。"""
COPY = RULES.replace("会社は安全な職場を保ち、", "会社は、安全な職場を保ち").replace(
    "就業規則", "就業規則（控え）"
)
NOISE = "＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝＝"


class Signed:
    """A world as `signed_in` knows a company."""

    def __init__(self, world) -> None:
        self.world = world

    def client(self, role, language):
        return self.world.browser(role, language=language)


def test_a_version_explains_itself_on_a_telephone_and_by_keyboard(page, world):
    from playwright.sync_api import expect

    dataset = world.dataset()
    copy, rules = world.document("控え.txt", COPY), world.document("就業規則.txt", RULES)
    old = curated_version(world, dataset, [copy, rules, world.document("罫線.txt", NOISE)])
    rules = world.document("就業規則.txt", RULES.replace("10日", "12日").replace("三千円", "三千五百円"))
    new = curated_version(world, dataset, [copy, rules])
    place = f"/datasets/{dataset.id}/versions"
    with signed_in(page, Signed(world), Role.OWNER, "ja") as url:
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 900})
            for name, path in {
                "flow": f"{old.id}",
                "changed": f"{old.id}/changed?step=personal_data",
                "dropped": f"{old.id}/dropped",
                "duplicates": f"{old.id}/duplicates",
                "compare": f"{new.id}/compare?base={old.id}",
            }.items():
                page.goto(f"{url}{place}/{path}")
                for summary in page.locator("main summary").all():
                    if name == "duplicates":
                        summary.click()
                picture(page, f"version-{name}-{width}")
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (name, width)
        page.goto(f"{url}{place}/{old.id}")
        steps = page.locator("ol.flow > li")
        expect(steps).to_have_count(12)
        expect(steps.nth(2).get_by_role("heading")).to_have_text("個人情報のマスキング")
        expect(steps.nth(2).get_by_role("img")).to_have_attribute("aria-label", "そのまま 1, 変更あり 2")
        page.locator("ol.flow a[href*='changed?step=personal_data']").focus()
        page.keyboard.press("Enter")
        expect(page.locator("ins").first).to_contain_text("〔")
