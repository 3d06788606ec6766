"""Records are held out for evaluation, and nothing held out leaks into training."""

from __future__ import annotations

from tests.engines.curation.documents import articles, pages, sentence, sheet
from workers.contract.specs.curation import EarlierVersion, Recipe
from workers.contract.specs.curation_steps import SegmentStep, SplitStep


def test_heldout_texts_stay_held_out_when_the_dataset_grows(source, run, curated):
    result, records, _ = curated(source("a", pages(articles(300))))
    assert 0.05 < result.heldout_records / result.records < 0.16
    before = {record["text"] for record in records if record["split"] == "heldout"}
    again, more, _ = curated(source("b", pages(articles(330))))
    after = {record["text"] for record in more if record["split"] == "heldout"}
    assert before <= after
    assert again.records == 330


def test_records_of_the_version_before_stay_where_they_are(source, curated, run, tmp_path):
    """A small dataset that grows, shrinks and gets a text that is like one of each side."""
    first, records, _ = curated(source("a", pages(articles(40))))
    earlier = tmp_path / "earlier"
    run.output_dir.rename(earlier)
    run.output_dir.mkdir()
    before = {record["text"]: record["split"] for record in records}
    assert first.heldout_records == 8
    held, trained = (next(t for t, side in before.items() if side == name) for name in ("heldout", "train"))
    bridge = f"第900条 {held.partition(' ')[2]}{trained.partition(' ')[2]}"
    text = "\n".join([*(text for number, text in enumerate(before) if number % 9), held, bridge])
    grown = articles(400).partition("\n第41条")
    second, more, _ = curated(
        source("b", pages(f"{text}\n第41条{grown[2]}")),
        earlier=EarlierVersion(folder=earlier, manifest_sha256=first.manifest_sha256),
    )
    after = {record["text"]: record["split"] for record in more}
    common = before.keys() & after.keys()
    assert len(common) > 30 and {text for text in common if before[text] != after[text]} == set()
    assert second.heldout_records > 20


def test_a_damaged_version_before_is_told_and_passed_over(source, curated, run, tmp_path):
    missing = EarlierVersion(folder=tmp_path / "gone", manifest_sha256="a" * 64)
    result, *_ = curated(source("a", pages(articles(40))), earlier=missing)
    assert result.heldout_records == 8
    events = (run.directory / "events.jsonl").read_text(encoding="utf-8")
    assert "earlier_version_damaged" in events


def test_another_seed_holds_out_other_texts(source, run, curated):
    document = source("a", pages(articles(200)))
    held = [
        {record["text"] for record in curated(document, seed=seed)[1] if record["split"] == "heldout"}
        for seed in (0, 1)
    ]
    assert held[0] != held[1]


def test_share_zero_holds_out_nothing(source, curated):
    result, *_ = curated(source("a", pages(articles(50))), heldout_share=0)
    assert result.heldout_records == 0


def test_holds_out_a_minimum_of_small_datasets(source, curated):
    result, *_ = curated(source("a", pages(articles(40))), heldout_share=0.01)
    assert result.heldout_records == 8


def test_similar_records_stay_on_one_side(source, curated):
    """Variants too similar to be split and too different to be dropped: each family is on one side only."""

    def variant(family: int, number: int) -> str:
        return "".join(sentence(family * 100 + part) for part in range(8)) + sentence(
            90_000 + family * 10 + number
        )

    lines = [f"第{f * 3 + n + 1}条 {variant(f, n)}" for f in range(40) for n in range(3)]
    recipe = Recipe(steps=(SegmentStep(), SplitStep()))
    _, records, _ = curated(source("a", pages("\n".join(lines))), recipe=recipe, heldout_share=0.3)
    sides = [record["split"] for record in records]
    assert len(sides) == 120 and {"train", "heldout"} == set(sides)
    assert all(len(set(sides[start : start + 3])) == 1 for start in range(0, 120, 3))


def test_pairs_with_one_answer_stay_on_one_side(source, curated):
    rows = [["質問", "回答"]]
    for number in range(60):
        rows += [
            [sentence(number * 2) + "とは?", sentence(number + 3000)],
            [sentence(number * 2 + 1), sentence(number + 3000)],
        ]
    _, records, _ = curated(source("faq", sheet(rows)), heldout_share=0.3)
    sides = {}
    for record in records:
        sides.setdefault(record["answer"], set()).add(record["split"])
    assert all(len(side) == 1 for side in sides.values())
    assert {"train"} in sides.values() and {"heldout"} in sides.values()


def test_no_training_pair_shows_a_heldout_text(source, curated):
    rows = [["質問", "回答"], *[[f"第{n}条は?", sentence(n)] for n in range(1, 60)]]
    _, records, _ = curated(
        source("rule", pages(articles(120))), source("faq", sheet(rows)), heldout_share=0.2
    )
    held = {record["text"] for record in records if record["type"] == "text" and record["split"] == "heldout"}
    pairs = [record for record in records if record["type"] == "pair"]
    train_contexts = {pair["context"] for pair in pairs if pair["split"] == "train"}
    assert held and len(train_contexts) > 30
    assert not held & train_contexts
