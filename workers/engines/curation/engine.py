"""Makes a dataset version: runs the recipe over all pages, splits the records, finds contexts, seals the folder.

The steps pass units on one by one. Records go to a spool file first, because the split needs all of them; only their
signatures and the pairs stay in memory, the texts do not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

from workers.contract.artifacts import write_manifest
from workers.contract.atomic_files import write_json
from workers.contract.records import (
    DROPPED_FILE,
    RECORD,
    RECORDS_FILE,
    AnyRecord,
    MessagesRecord,
    Page,
    PairRecord,
    TextRecord,
)
from workers.contract.run_folder import RunFolder
from workers.contract.specs.curation import CurationResult, CurationSource, CurationSpec
from workers.contract.specs.curation_steps import SplitStep, step_keys
from workers.engines.curation.report import build_report
from workers.engines.curation.split import Clusters, draw_heldout
from workers.engines.curation.step_context import StepContext, StepLog
from workers.engines.curation.steps.registry import implementations
from workers.engines.curation.supporting_passages import PairQuery, best_passages
from workers.engines.curation.units import Unit, conversation_unit, page_unit, read_lines
from workers.engines.shared.integrity import require_intact_pages
from workers.engines.shared.runtime import Run, UserError

Check = Callable[[], None]


def curate(run: Run, spec: CurationSpec) -> CurationResult:
    """Write `records.jsonl`, `dropped.jsonl`, `report.json` and the manifest into the run's output.

    Deterministic: the same spec and pages give the same bytes. Raises UserError `no_documents`, `step_model_missing`;
    EngineFault `pages_missing`. A dataset without any record is a result, not an error: its report says why each
    unit was dropped.
    """
    run.started()
    if not spec.sources:
        raise UserError("no_documents", "The dataset names no documents. Add at least one and start again.")
    spool = RunFolder(run.directory).records_spool
    with open(run.output_dir / DROPPED_FILE, "w", encoding="utf-8") as dropped_file:
        logs = _run_steps(run, spec, spool, dropped_file)
    counts = _split(run, spec, spool, run.output_dir / RECORDS_FILE)
    spool.unlink()
    return _seal(run, spec, logs, counts)


def _run_steps(run: Run, spec: CurationSpec, spool: Path, dropped_file: IO[str]) -> list[StepLog]:
    """Write the units that are left to the spool, as records. Returns what each step did."""
    logs: list[StepLog] = []
    units: Iterable[Unit] = _read(run, spec)
    steps = spec.recipe.steps
    for key, step in zip(step_keys(steps), steps, strict=True):
        if isinstance(step, SplitStep):
            continue
        log = StepLog(key, step.reasons, dropped_file)
        context = StepContext(log, run.raise_if_stopped, spec.models, spec.batch_size, spec.device)
        units = log.count_out(implementations()[type(step)](step, log.count_in(units), context))
        logs.append(log)
    with open(spool, "w", encoding="utf-8") as file:
        for unit in units:
            run.raise_if_stopped()
            file.write(_record(unit).model_dump_json() + "\n")
    return logs


def _read(run: Run, spec: CurationSpec) -> Iterator[Unit]:
    total = len(spec.sources)
    for done, source in enumerate(spec.sources):
        run.progress(done, total, "document")
        yield from _source_units(source, run.raise_if_stopped)
    run.progress(total, total, "document")


def _source_units(source: CurationSource, check: Check) -> Iterator[Unit]:
    """Pages of the document; of a JSONL file its conversations, which its pages only show."""
    require_intact_pages(source)
    conversations = source.pages_path.with_name(RECORDS_FILE)
    if conversations.exists():
        for line in read_lines(conversations):
            check()
            record = MessagesRecord.model_validate_json(line)
            yield conversation_unit(record.origin, record.messages)
        return
    for line in read_lines(source.pages_path):
        check()
        page = Page.model_validate_json(line)
        yield page_unit(page, source.document_id, source.revision_id, source.document_name)


def _record(unit: Unit) -> AnyRecord:
    if unit.pair is not None:
        pair = unit.pair
        return PairRecord(
            id=unit.id, question=pair.question, answer=pair.answer, accepted=pair.accepted, origin=unit.origin
        )
    if unit.messages is not None:
        return MessagesRecord(id=unit.id, messages=unit.messages, origin=unit.origin)
    return TextRecord(id=unit.id, text=unit.text, origin=unit.origin)


# -- split and contexts ---------------------------------------------------------------------
class Spooled:
    """The records in the spool: what the split needs of them in memory, the rest read again."""

    def __init__(self, path: Path, step: SplitStep, check: Check) -> None:
        self._path = path
        self._check = check
        self.pairs: list[PairRecord] = []
        self.clusters = {kind: Clusters(step.similarity) for kind in ("text", "pair", "messages")}
        for record in self.records():
            self._add(record)

    def records(self) -> Iterator[AnyRecord]:
        for line in read_lines(self._path):
            self._check()
            yield RECORD.validate_json(line)

    def texts(self) -> Iterator[str]:
        return (record.text for record in self.records() if isinstance(record, TextRecord))

    def _add(self, record: AnyRecord) -> None:
        clusters = self.clusters[record.type]
        if isinstance(record, PairRecord):
            self.pairs.append(record)
            clusters.add_pair(record.question, record.answer)
        elif isinstance(record, TextRecord):
            clusters.add_text(record.text)
        else:
            clusters.add_text("\n".join(message["content"] for message in record.messages))


def _split(run: Run, spec: CurationSpec, spool: Path, target: Path) -> Counter[str]:
    """Write the records with split and context. Returns counts by kind and split.

    Pairs are drawn first. A text that supports a training pair stays in training, so that no
    held-out text is ever seen in a training prompt.
    """
    step = spec.recipe.steps[-1]
    assert isinstance(step, SplitStep), "the recipe's own validation puts split last"
    spooled = Spooled(spool, step, run.raise_if_stopped)
    heldout = {
        kind: draw_heldout(spooled.clusters[kind], step, spec.seed, spec.heldout_share)
        for kind in ("pair", "messages")
    }
    queries = [PairQuery(pair.question, pair.answer, pair.accepted) for pair in spooled.pairs]
    passages = best_passages(queries, spooled.texts)
    used = {
        passage.number for number, passage in enumerate(passages) if passage and number not in heldout["pair"]
    }
    heldout["text"] = draw_heldout(spooled.clusters["text"], step, spec.seed, spec.heldout_share, pinned=used)
    contexts = _contexts([passage.number if passage else None for passage in passages], spooled)
    return _write_records(spooled, heldout, contexts, target)


def _contexts(numbers: list[int | None], spooled: Spooled) -> list[str]:
    wanted = set(numbers)
    texts = {number: text for number, text in enumerate(spooled.texts()) if number in wanted}
    return ["" if number is None else texts[number] for number in numbers]


def _write_records(
    spooled: Spooled, heldout: dict[str, set[int]], contexts: list[str], target: Path
) -> Counter[str]:
    counts: Counter[str] = Counter()
    numbers: Counter[str] = Counter()
    with open(target, "w", encoding="utf-8") as file:
        for record in spooled.records():
            number = numbers[record.type]
            numbers[record.type] += 1
            changes: dict[str, str] = {"split": "heldout" if number in heldout[record.type] else "train"}
            if isinstance(record, PairRecord):
                changes["context"] = contexts[number]
                counts["pairs_without_context"] += not contexts[number]
            file.write(record.model_copy(update=changes).model_dump_json() + "\n")
            counts[record.type] += 1
            counts[f"{record.type}_{changes['split']}"] += 1
            counts["characters"] += _characters(record)
    return counts


def _characters(record: AnyRecord) -> int:
    if isinstance(record, TextRecord):
        return len(record.text)
    if isinstance(record, PairRecord):
        return len(record.question) + len(record.answer)
    return sum(len(message["content"]) for message in record.messages)


# -- result ---------------------------------------------------------------------------------
def _seal(run: Run, spec: CurationSpec, logs: list[StepLog], counts: Counter[str]) -> CurationResult:
    masked = sum((log.masked for log in logs), Counter[str]())
    reasons = sum((log.reasons for log in logs), Counter[str]())
    result = CurationResult(
        records=counts["text"],
        pairs=counts["pair"],
        conversations=counts["messages"],
        heldout_records=counts["text_heldout"],
        heldout_pairs=counts["pair_heldout"],
        heldout_conversations=counts["messages_heldout"],
        dropped=reasons.total(),
        characters=counts["characters"],
        pairs_without_context=counts["pairs_without_context"],
        masked=dict(sorted(masked.items())),
        dropped_by_reason=dict(sorted(reasons.items())),
        kept_and_dropped_by_step=tuple(log.count() for log in logs),
        manifest_sha256="",
    )
    write_json(run.output_dir / "report.json", build_report(result, logs))
    manifest = write_manifest(
        run.output_dir,
        "dataset",
        recipe_digest=spec.recipe.digest(),
        revisions=[source.revision_id for source in spec.sources],
        seed=spec.seed,
        heldout_share=spec.heldout_share,
        records=result.records,
        pairs=result.pairs,
        conversations=result.conversations,
    )
    return result.model_copy(update={"manifest_sha256": manifest})
