"""Makes a dataset version: runs the recipe over all pages, splits the records, seals the folder.

The steps pass units on one by one. Records go to a spool file first, because the split needs all of them.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from workers.contract.artifacts import write_manifest
from workers.contract.atomic_files import write_json
from workers.contract.personal_data import PSEUDONYM_KEY_VARIABLE
from workers.contract.record_index import INDEX_FILE, write_index
from workers.contract.records import (
    CHANGED_FILE,
    DROPPED_FILE,
    DUPLICATES_FILE,
    RECORD,
    RECORDS_FILE,
    REPORT_FILE,
    DocumentOrigin,
    MessagesRecord,
    Page,
    TextRecord,
)
from workers.contract.run_folder import RunFolder
from workers.contract.specs.curation import CurationResult, CurationSpec
from workers.contract.specs.curation_steps import PersonalDataStep, SplitStep, step_keys
from workers.engines.curation.duplicate_groups import DuplicateGroups
from workers.engines.curation.earlier_sides import earlier_sides
from workers.engines.curation.examples import hidden
from workers.engines.curation.report import build_report
from workers.engines.curation.short_answers import ShortAnswers
from workers.engines.curation.split import split_records
from workers.engines.curation.step_context import StepContext, StepLog
from workers.engines.curation.steps.personal_data import Masking
from workers.engines.curation.steps.registry import implementations
from workers.engines.curation.units import Unit, conversation_unit, page_unit, read_lines, record_of
from workers.engines.shared.integrity import require_intact_pages
from workers.engines.shared.records import page_source
from workers.engines.shared.runtime import Run, UserError


def curate(run: Run, spec: CurationSpec) -> CurationResult:
    """Write records and their index, what was dropped, examples of changes, a report and the manifest into the run's output.

    Deterministic: the same spec and pages give the same bytes. Raises UserError `no_documents`, `step_model_missing`;
    EngineFault `pages_missing`. A dataset without any record is a result, not an error: its report says why each
    unit was dropped.
    """
    run.started()
    if not spec.sources:
        raise UserError("no_documents", "The dataset names no documents. Add at least one and start again.")
    spool = RunFolder(run.directory).records_spool
    duplicates = DuplicateGroups()
    with open(run.output_dir / DROPPED_FILE, "w", encoding="utf-8") as dropped_file:
        logs = _run_steps(run, spec, spool, dropped_file, duplicates)
    duplicates.write(run.output_dir / DUPLICATES_FILE, spool)
    sides = earlier_sides(run, spec.earlier)
    counts = split_records(spec, spool, run.output_dir / RECORDS_FILE, sides, run.raise_if_stopped)
    spool.unlink()
    write_index(run.output_dir / RECORDS_FILE, run.output_dir / INDEX_FILE, run.raise_if_stopped)
    return _seal(run, spec, logs, counts)


def _run_steps(
    run: Run, spec: CurationSpec, spool: Path, dropped_file: IO[str], duplicates: DuplicateGroups
) -> list[StepLog]:
    """Write the units that are left to the spool, as records. Returns what each step did."""
    logs: list[StepLog] = []
    units: Iterable[Unit] = _read(run, spec)
    steps = spec.recipe.steps
    short_answers = ShortAnswers()
    for number, (key, step) in enumerate(zip(step_keys(steps), steps, strict=True), start=1):
        if isinstance(step, SplitStep):
            continue
        masks = [later for later in steps[number:] if isinstance(later, PersonalDataStep)]
        log = StepLog(
            key, step.reasons, dropped_file, hide=[Masking(mask, None, hidden).text for mask in masks]
        )
        # What a later step changes, for example masks, must not be passed by it.
        is_changed_later = any(later.changes_text for later in steps[number:])
        context = StepContext(
            log,
            run.raise_if_stopped,
            spec.models,
            spec.batch_size,
            spec.device,
            ShortAnswers() if is_changed_later else short_answers,
            duplicates,
            os.environ.get(PSEUDONYM_KEY_VARIABLE, "").encode(),
        )
        units = log.count_out(implementations()[type(step)](step, log.count_in(units), context))
        logs.append(log)
    with open(spool, "w", encoding="utf-8") as file:
        for unit in units:
            run.raise_if_stopped()
            file.write(record_of(unit).model_dump_json() + "\n")
    short_answers.add_to(spool)
    return logs


def _read(run: Run, spec: CurationSpec) -> Iterator[Unit]:
    """The pages of each document; of a JSONL file the conversations and texts, which its pages only show."""
    total = len(spec.sources)
    for done, source in enumerate(spec.sources):
        run.progress(done, total, "document")
        require_intact_pages(source)
        records = source.pages_path.with_name(RECORDS_FILE)
        has_records = records.exists()
        for line in read_lines(records if has_records else source.pages_path):
            run.raise_if_stopped()
            if has_records:
                record = RECORD.validate_json(line)
                if isinstance(record, MessagesRecord):
                    yield conversation_unit(record.origin, record.messages)
                elif isinstance(record, TextRecord):
                    yield Unit(record.origin, record.text, ())
            else:
                page = Page.model_validate_json(line)
                origin = DocumentOrigin(source=page_source(source, page))
                yield page_unit(origin, page)
    run.progress(total, total, "document")


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
    changes = (record.model_dump_json() + "\n" for log in logs for record in log.changes.records())
    (run.output_dir / CHANGED_FILE).write_text("".join(changes), encoding="utf-8")
    write_json(run.output_dir / REPORT_FILE, build_report(result, logs))
    manifest = write_manifest(
        run.output_dir,
        "dataset",
        recipe_digest=spec.recipe.digest(),
        revisions=[source.revision_id for source in spec.sources],
        seed=spec.seed,
        heldout_share=spec.heldout_share,
        earlier=spec.earlier and spec.earlier.manifest_sha256,
        records=result.records,
        pairs=result.pairs,
        conversations=result.conversations,
    )
    return result.model_copy(update={"manifest_sha256": manifest})
