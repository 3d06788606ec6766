"""Two versions that the engine has made, compared over the API and on the page."""

from __future__ import annotations

import html

import pytest

from accounts.models import Role
from curation.models import Dataset, DatasetVersion, Recipe
from tests.curation.curated import curated_version
from tests.in_process import api_of

RULES = "第1条 会社は安全な職場を保つ。\n第2条 有給休暇は10日とする。申請は前日までに行う。\n第3条 旅費は実費とする。上長の承認を受ける。"
REVISED = RULES.replace("10日", "12日").replace("\n第3条 旅費は実費とする。上長の承認を受ける。", "")
FEES = "日当は三千円とし、宿泊費は一万円までを支給する。担当は山田太郎様（090-1234-5678）。"
SAFETY = "非常口の前に物を置かない。避難の順路は各階の掲示に従う。"


@pytest.fixture
def versions(world) -> tuple[DatasetVersion, DatasetVersion]:
    """Of the second one a document is new, one is gone, one is revised and one is as it was."""
    dataset = world.dataset()
    kept, gone = (
        world.document("日当.txt", FEES),
        world.document("廃止.txt", "喫煙は指定の場所で行う。吸い殻は持ち帰る。"),
    )
    rules = world.document("規則.txt", RULES)
    old = curated_version(world, dataset, [kept, gone, rules])
    rules = world.document("規則.txt", REVISED)
    Dataset.objects.update(recipe=_stricter())
    new = curated_version(
        world, Dataset.objects.get(pk=dataset.pk), [kept, rules, world.document("安全.txt", SAFETY)]
    )
    return old, new


def _stricter() -> Recipe:
    from workers.contract.specs.curation import DEFAULT_RECIPE

    content = DEFAULT_RECIPE.model_dump(mode="json")
    next(step for step in content["steps"] if step["type"] == "noise")["max_symbol_share"] = 0.3
    return Recipe.objects.create(name="厳しい", content=content)


def test_the_api_says_what_differs_by_document_by_record_and_between_the_recipes(world, versions):
    old, new = versions
    assert (old.job.spec["earlier"], new.job.spec["earlier"]["manifest_sha256"]) == (
        None,
        old.manifest_sha256,
    )
    api, place = api_of(world.key()), f"datasets/{new.dataset_id}/versions/{new.id}/compare"
    compared = api.get(place).ok
    assert compared == api.get(place, base=old.id).ok
    assert (compared["version"], compared["base"]) == (new.id, old.id)
    assert compared["documents"] == {"added": 1, "removed": 1, "revised": 1}
    records = {"same": 2, "added": 1, "removed": 2, "changed": 1, "moved": 0, "all_paired": True}
    assert compared["records"] == records
    assert compared["recipe"] == [
        {"step": "noise", "setting": "max_symbol_share", "before": 0.4, "after": 0.3}
    ]
    files = api.get(f"{place}/files", limit=2).ok
    assert [(file["filename"], file["state"]) for file in files["data"]] == [
        ("安全.txt", "added"),
        ("廃止.txt", "removed"),
    ]
    (revised,) = api.get(f"{place}/files", after=files["last_id"]).ok["data"]
    assert (revised["filename"], revised["revision_before"], revised["revision_after"]) == ("規則.txt", 1, 2)
    assert revised["records"] == {"added": 0, "removed": 1, "changed": 1}
    (changed,) = api.get(f"{place}/records").ok["data"]
    assert "10日" in changed["before"]["text"] and "12日" in changed["after"]["text"]
    first = api.get(f"{place}/records", change="removed", limit=1).ok
    (last,) = api.get(f"{place}/records", change="removed", after=first["last_id"]).ok["data"]
    texts = {each["before"]["text"][:6] for each in (*first["data"], last)}
    assert first["has_more"] and len(texts) == 2 and all(each["after"] is None for each in first["data"])
    # The other way about what was added is removed.
    back = api.get(f"datasets/{new.dataset_id}/versions/{old.id}/compare", base=new.id).ok
    assert back["records"] == {**records, "added": 2, "removed": 1}
    assert api.get(place, base="dsv_none").status == 404


def test_the_page_marks_what_differs_and_withholds_texts_without_the_right(world, versions):
    _old, new = versions
    place = f"/datasets/{new.dataset_id}/versions/{new.id}/compare"
    page = world.browser().get(place).content.decode()
    assert "<del>10</del><ins>12</ins>" in page
    assert "None changed sides" in page and "40%" in page and "30%" in page and "revision 1 → 2" in page
    assert "喫煙" in world.browser().get(f"{place}?change=removed").content.decode()
    japanese = world.browser(language="ja").get(place).content.decode()
    assert "変更" in japanese
    steps = [step for step in new.recipe["steps"] if step["type"] != "personal_data"]
    DatasetVersion.objects.filter(pk=new.pk).update(recipe={**new.recipe, "steps": steps})
    world.membership(Role.VIEWER)
    viewer = world.browser(Role.VIEWER)
    assert "<ins>" in viewer.get(place).content.decode()
    type(world.membership(Role.VIEWER)).objects.filter(pk=world.membership(Role.VIEWER).pk).update(
        reads_personal_data=False
    )
    withheld = html.unescape(viewer.get(place).content.decode())
    assert "<ins>" not in withheld and "revision 1 → 2" in withheld and "The texts are withheld" in withheld
    answer = api_of(world.key(Role.VIEWER)).get(f"{place.removeprefix('/')}/records")
    assert answer.error[:2] == (403, "texts_withheld")


def test_the_overview_shows_the_steps_as_a_flow_and_the_personal_data_hidden(world, versions):
    old, _ = versions
    browser, place = world.browser(), f"/datasets/{old.dataset_id}/versions/{old.id}"
    page = html.unescape(browser.get(place).content.decode())
    assert "Mask personal data" in page and 'href="' + f"{place}/changed?step=personal_data" in page
    assert "Where it stood" in page and "〔電話番号〕)。" in page and "1234-5678" not in page
    assert "Longest unit, in characters" in page
    shown = browser.get(f"{place}/changed?step=personal_data").content.decode()
    assert "0**-****-****" in shown.replace("</del>", "").replace("<del>", "") and "1234-5678" not in shown
    assert "<del>" not in browser.get(f"{place}/changed?step=noise").content.decode()
    answer = api_of(world.key()).get(f"{place.removeprefix('/')}/changed", step="personal_data").ok
    assert "〔氏名〕" in answer["data"][0]["after"]
