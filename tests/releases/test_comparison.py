"""A release beside the one that is served: every part of it, what differs, and which figures may be compared."""

from __future__ import annotations

import pytest

from curation.models import DatasetVersion
from evaluations.models import Evaluation
from releases.comparison import changed_parts, compare
from releases.figure_comparison import Outcome
from releases.models import Deployment
from releases.selectors import release_get
from releases.services import release_publish
from tests.world import DIGEST, World
from workers.contract.specs.evaluation import EvaluationResult
from workers.contract.specs.gate import BASE, TUNED
from workers.contract.specs.measurement import Difference, Figure

pytestmark = pytest.mark.slow

TASK, METRIC = "bits_per_character", "bits_per_character"


def part(parts, name):
    return next(part for part in parts if part.name == name)


def facts(part) -> dict[str, tuple]:
    return {row.name: (row.candidate, row.served, row.differs) for row in part.rows}


def figure(model: str, value: float) -> Figure:
    spread = 0.1
    return Figure(
        task=TASK,
        metric=METRIC,
        candidate=model,
        value=value,
        low=value - spread,
        high=value + spread,
        items=8,
    )


def measure(evaluation: Evaluation, *, base: float, tuned: float) -> None:
    """Write the figures of an evaluation; lower is better."""
    change = tuned - base
    difference = Difference(
        task=TASK, metric=METRIC, candidate=TUNED, baseline=BASE,
        value=change, low=change - 0.01, high=change + 0.01, items=8,
    )  # fmt: skip
    result = EvaluationResult(
        figures=(figure(BASE, base), figure(TUNED, tuned)),
        differences=(difference,),
        records={TASK: 8},
        items=8,
        seconds=1.0,
        manifest_sha256=DIGEST,
    )
    Evaluation.objects.filter(pk=evaluation.pk).update(result=result.model_dump(mode="json"))


def release_of(world: World, version, **options):
    return release_get(world.release(version, **options).id)


def test_every_part_stands_beside_what_is_served(world: World) -> None:
    base = world.knowledge_base()
    version = world.model_version()
    world.evaluation(version)
    served = release_of(world, None, system_prompt="丁寧に答える。\n短く。", generation={"temperature": 0.5})
    candidate = release_of(
        world, version, build=base.current_build, system_prompt="丁寧に答える。\n長く。", generation={}
    )
    parts = compare(candidate, served)
    assert facts(part(parts, "model"))["model_version"] == (version, None, True)
    assert facts(part(parts, "model"))["base_model"] == (version.base_model, version.base_model, False)
    data = DatasetVersion.objects.get(pk=version.dataset_version_id)
    assert facts(part(parts, "data"))["dataset_version"] == (data, None, True)
    assert facts(part(parts, "index"))["knowledge_base"] == (base, None, True)
    assert facts(part(parts, "settings"))["temperature"] == (0.0, 0.5, True)
    assert facts(part(parts, "settings"))["passages"] == (3, 3, False)
    lines, before, _differs = facts(part(parts, "prompt"))["system_prompt"]
    assert [(line.text, line.differs) for line in lines] == [("丁寧に答える。", False), ("長く。", True)]
    assert [line.differs for line in before] == [False, True]
    assert [part.name for part in parts if part.differs] == ["model", "data", "index", "prompt", "settings"]
    assert changed_parts(parts) == [part.label for part in parts if part.differs]


def test_a_release_like_the_served_one_changes_nothing(world: World) -> None:
    served, candidate = release_of(world, None), release_of(world, None)
    parts = compare(candidate, served)
    assert changed_parts(parts) == []
    assert not any(part.differs for part in parts)


def test_new_changed_and_removed_documents_are_counted(world: World) -> None:
    kept, changed, gone = (world.document(name) for name in ("a.txt", "b.txt", "c.txt"))
    old = world.knowledge_base([kept, changed, gone], name="旧")
    served = release_of(world, None, build=old.current_build)
    new = world.knowledge_base([kept, world.document("b.txt", "改定"), world.document("d.txt")], name="新")
    candidate = release_of(world, None, build=new.current_build)
    documents = part(compare(candidate, served), "index").documents
    assert (documents.added, documents.removed) == (2, 1)


FIGURES = {
    "the base model is served: the paired difference decides": ("base", 1.0, Outcome.BETTER),
    "worse than the base model": ("base", 2.4, Outcome.WORSE),
    "the paired interval holds no difference": ("base", 2.005, Outcome.UNCERTAIN),
    "another version on the same records, intervals apart": ("version", 1.0, Outcome.BETTER),
    "another version on the same records, intervals meet": ("version", 1.85, Outcome.UNCERTAIN),
    "another version on other records": ("other records", 1.0, Outcome.OTHER_RECORDS),
    "another base model": ("other base", 1.0, Outcome.ONE_SIDED),
}


@pytest.mark.parametrize(("served", "tuned", "outcome"), FIGURES.values(), ids=FIGURES)
def test_figures_are_compared_only_where_they_may_be(world: World, served, tuned, outcome) -> None:
    version = world.model_version()
    measure(world.evaluation(version), base=2.0, tuned=tuned)
    if served == "base":
        other = world.release()
    elif served == "other base":
        other = world.release(base_model=world.base_model("qwen"))
    else:
        data = DatasetVersion.objects.get(pk=version.dataset_version_id)
        second = world.model_version(version=data) if served == "version" else world.model_version()
        measure(world.evaluation(second), base=2.0, tuned=1.7)
        other = world.release(second)
    rows = part(compare(release_of(world, version), release_get(other.id)), "figures").figures
    assert [(row.name, row.outcome) for row in rows] == [(f"{TASK}.{METRIC}", outcome)]


def test_the_approver_reads_what_differs_from_what_is_served(world: World) -> None:
    served = world.release(approved=True, system_prompt="短く。")
    candidate = world.release(system_prompt="長く。")
    reviewer = world.browser("reviewer")
    address = candidate.get_absolute_url()
    assert "Nothing is served at the moment" in reviewer.get(address).content.decode()
    release_publish(release_id=served.id, alias="production", actor=world.actor)
    page = reviewer.get(address).content.decode()
    assert "<mark>長く。</mark>" in page and "<mark>短く。</mark>" in page
    assert "Release 2 beside Release 1" in page


def test_publishing_asks_and_says_what_changes(world: World) -> None:
    served = world.release(approved=True, system_prompt="短く。")
    candidate = world.release(approved=True, system_prompt="長く。")
    release_publish(release_id=served.id, alias="production", actor=world.actor)
    browser, address = world.browser(), f"{candidate.get_absolute_url()}/publish"
    page = browser.get(address, {"alias": "production"}).content.decode()
    assert "Publish Release 2 as “production”?" in page
    assert "Release 2 instead of Release 1 answers" in page and "<strong>System prompt</strong>" in page
    assert Deployment.objects.get().release == served
    first = browser.get(address, {"alias": "staging"}).content.decode()
    assert "Nothing is served as “staging” at the moment" in first
    form = {"alias": "production", "replaces": served.id}
    assert browser.post(address, form).url == "/releases/served/production"
    assert Deployment.objects.get().release == candidate


def test_publishing_is_refused_if_another_release_is_served_by_now(world: World, api) -> None:
    seen, quicker, candidate = (world.release(approved=True) for _n in range(3))
    for release in (seen, quicker):
        release_publish(release_id=release.id, alias="production", actor=world.actor)
    form = {"alias": "production", "replaces": seen.id}
    page = world.browser().post(f"{candidate.get_absolute_url()}/publish", form, follow=True).content.decode()
    assert "Another release is served here by now" in page
    assert Deployment.objects.get().release == quicker
    refused = api.post(f"releases/{candidate.id}/publish", form)
    assert refused.error == (409, "published_meanwhile", "replaces")
    form["replaces"] = quicker.id
    assert api.post(f"releases/{candidate.id}/publish", form).ok["release"] == candidate.id


def test_replacing_where_nothing_was_published_says_so(world: World, api) -> None:
    release = world.release(approved=True)
    refused = api.post(f"releases/{release.id}/publish", {"replaces": release.id})
    assert refused.error == (409, "nothing_served", "replaces")
    assert "No release is served here" in refused.body["error"]["message"]
    assert api.post(f"releases/{release.id}/publish", {"replaces": ""}).ok["release"] == release.id


def test_the_comparison_through_the_api(world: World, api) -> None:
    version = world.model_version()
    measure(world.evaluation(version), base=2.0, tuned=1.0)
    served, candidate = world.release(approved=True), world.release(version)
    empty = api.get(f"releases/{candidate.id}/comparison").ok
    assert (empty["served"], empty["parts"]) == (None, [])
    release_publish(release_id=served.id, alias="production", actor=world.actor)
    compared = api.get(f"releases/{candidate.id}/comparison").ok
    assert compared["served"] == served.id
    by_name = {part["name"]: part for part in compared["parts"]}
    assert {name: part["differs"] for name, part in by_name.items()} == {
        "model": True, "data": True, "prompt": False, "settings": False, "figures": True,
    }  # fmt: skip
    fact = next(fact for fact in by_name["model"]["facts"] if fact["name"] == "model_version")
    assert fact == {"name": "model_version", "candidate": version.id, "served": None, "differs": True}
    assert by_name["figures"]["figures"][0]["outcome"] == "better"
