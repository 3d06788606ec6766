"""Splits the records into training and held out, and gives each pair the passage that supports its answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from workers.contract.records import RECORD, AnyRecord, PairRecord, TextRecord
from workers.contract.specs.curation import CurationSpec
from workers.contract.specs.curation_steps import SplitStep
from workers.engines.curation.earlier_sides import EarlierSides
from workers.engines.curation.heldout import QUESTION_NGRAM, TEXT_NGRAM, Clusters, draw_heldout
from workers.engines.curation.supporting_passages import PairQuery, best_passages
from workers.engines.curation.units import read_lines


class RecordsSpool:
    """The records in a file: only their signatures and the pairs stay in memory, texts are read again."""

    def __init__(
        self, path: Path, similarity: float, sides: EarlierSides, raise_if_stopped: Callable[[], None]
    ) -> None:
        self._path = path
        self._raise_if_stopped = raise_if_stopped
        self.pairs: list[PairRecord] = []
        self.clusters = {
            "text": Clusters(similarity, TEXT_NGRAM),
            "messages": Clusters(similarity, TEXT_NGRAM),
            "pair": Clusters(similarity, QUESTION_NGRAM),
        }
        for line, record in self.lines():
            side = sides.of(line)
            if isinstance(record, PairRecord):
                self.pairs.append(record)
                self.clusters["pair"].add_pair(record.question, record.answer, side)
            else:
                self.clusters[record.type].add("\n".join(texts_of(record)), side)

    def lines(self) -> Iterator[tuple[str, AnyRecord]]:
        """Each line, and the record that it holds."""
        for line in read_lines(self._path):
            self._raise_if_stopped()
            yield line, RECORD.validate_json(line)

    def records(self) -> Iterator[AnyRecord]:
        return (record for _line, record in self.lines())

    def texts(self) -> Iterator[str]:
        return (record.text for record in self.records() if isinstance(record, TextRecord))


def texts_of(record: AnyRecord) -> list[str]:
    """A text; a question and its answer; or the contents of a conversation's messages."""
    if isinstance(record, TextRecord):
        return [record.text]
    if isinstance(record, PairRecord):
        return [record.question, record.answer]
    return [message["content"] for message in record.messages]


def split_records(
    spec: CurationSpec, spool: Path, target: Path, sides: EarlierSides, raise_if_stopped: Callable[[], None]
) -> Counter[str]:
    """Write the records to `target` with split and context. Returns counts by kind and split.

    Pairs are drawn first. A text that supports a training pair stays in training, so that no held-out text is shown
    in a training prompt; a pair loses a passage that was held out before it came.
    """
    step = spec.recipe.steps[-1]
    assert isinstance(step, SplitStep), "the recipe's own validation puts split last"
    spooled = RecordsSpool(spool, step.similarity, sides, raise_if_stopped)
    heldout = {
        kind: draw_heldout(spooled.clusters[kind], step, spec.seed, spec.heldout_share)
        for kind in ("pair", "messages")
    }
    queries = [PairQuery(pair.question, pair.answer, pair.accepted) for pair in spooled.pairs]
    passages = best_passages(queries, spooled.texts)
    pinned = {
        passage.number for number, passage in enumerate(passages) if passage and number not in heldout["pair"]
    }
    heldout["text"] = draw_heldout(
        spooled.clusters["text"], step, spec.seed, spec.heldout_share, pinned=pinned
    )
    passages = [
        None if passage and passage.number in heldout["text"] and number not in heldout["pair"] else passage
        for number, passage in enumerate(passages)
    ]
    supporting = {passage.number for passage in passages if passage}
    texts = {
        number: text
        for number, text in enumerate(spooled.texts() if supporting else ())
        if number in supporting
    }
    contexts = [texts[passage.number] if passage else "" for passage in passages]
    return _write(spooled, heldout, contexts, target)


def _write(
    spooled: RecordsSpool, heldout: dict[str, set[int]], contexts: list[str], target: Path
) -> Counter[str]:
    counts: Counter[str] = Counter()
    with open(target, "w", encoding="utf-8") as file:
        for line, record in spooled.lines():
            number = counts[record.type]
            changes = {"split": "heldout" if number in heldout[record.type] else "train"}
            if isinstance(record, PairRecord):
                changes["context"] = contexts[number]
                counts["pairs_without_context"] += not contexts[number]
            # Most records are as they were written.
            is_same = changes == {"split": record.split}
            file.write(line if is_same else record.model_copy(update=changes).model_dump_json() + "\n")
            counts[record.type] += 1
            counts[f"{record.type}_{changes['split']}"] += 1
            counts["characters"] += sum(map(len, texts_of(record)))
    return counts
