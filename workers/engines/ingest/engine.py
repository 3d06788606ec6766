"""Read document revisions: check each file, have it read in a sandbox, write its manifest."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from io import BufferedReader
from pathlib import Path
from time import monotonic
from typing import Any, cast

from workers.contract.artifacts import write_manifest
from workers.contract.media_types import ZIP
from workers.contract.run_folder import RunFolder
from workers.contract.specs.events import EVENT, FileRead
from workers.contract.specs.ingest import (
    MEBIBYTE,
    FileOutcome,
    IngestBatchResult,
    IngestBatchSpec,
    IngestResult,
    IngestSpec,
    OcrEngine,
)
from workers.engines.ingest.isolation import File, Reader, read_in_sandbox
from workers.engines.ingest.ocr.engines import installed
from workers.engines.ingest.pages_writer import PagesWriter
from workers.engines.ingest.parsers.registry import load_libraries
from workers.engines.ingest.reading import Description, ToConvert
from workers.engines.ingest.recognition import with_recognized
from workers.engines.shared.runtime import EngineError, EngineFault, Run, UserError

REPORT_SECONDS = 1.0
preload = load_libraries
"""For a process that forks engines."""


class ReadAlone(Exception):
    """A file would hold up those that are read after it."""


def ingest(run: Run, batch: IngestBatchSpec) -> IngestBatchResult:
    """Write `output/<revision_id>/` with its manifest for each file, and report each as soon as it is read.

    An error of a file is an outcome, not that of the run. Of several files, one that takes long, that needs another program
    (conversion, recognition), or whose reading failed for a reason of the machine, is left to be read alone.

    Codes of a file's own errors: empty_file, file_too_large, wrong_type, old_office_format, encrypted, damaged_file,
    archive_too_large, unsafe_archive, empty_archive, undecodable_text, invalid_jsonl, not_jsonl, no_text, picture_too_large, too_many_pages, parse_timeout,
    parse_out_of_memory. Raises EngineFault: no_sandbox, and where there is one file only: blob_missing, blob_damaged,
    parser_failed, parser_killed. This process reads only the size and the hash of a file; a sandbox reads the rest.
    """
    run.started()
    batch = batch.model_copy(update={"ocr": installed(batch.ocr) or "none"})
    is_shared = len(batch.files) > 1
    if is_shared:
        seconds = min(batch.parse_seconds, batch.batch_seconds)
        batch = batch.model_copy(update={"parse_seconds": seconds})
    outcomes: list[FileOutcome] = []
    read = _several if is_shared else _one
    known = _reported(run.config.previous_run_dirs)
    for outcome in read(run, [spec for spec in batch.specs() if spec.revision_id not in known], batch):
        run.file_read(outcome)
        outcomes.append(outcome)
    return IngestBatchResult(outcomes=tuple(outcomes))


def _reported(folders: Iterable[Path]) -> set[str]:
    """The revisions that earlier attempts have reported: the platform has taken what was read of them."""
    found = set()
    for folder in folders:
        events = RunFolder(folder).events
        for line in events.read_bytes().splitlines() if events.exists() else ():
            if b'"type": "file"' in line and line.endswith(b"}"):
                event = EVENT.validate_json(line)
                if isinstance(event, FileRead):
                    found.add(event.outcome.revision_id)
    return found


def _one(run: Run, specs: list[IngestSpec], batch: IngestBatchSpec) -> Iterator[FileOutcome]:
    for spec in specs:
        try:
            yield FileOutcome(revision_id=spec.revision_id, result=read_file(run, spec))
        except UserError as error:
            yield _refused(run, spec, error)


def read_file(run: Run, spec: IngestSpec) -> IngestResult:
    """Read one file with all that it needs. Raises what `ingest` says of one file."""
    spec = spec.model_copy(update={"ocr": installed(spec.ocr) or "none"})
    with _open_file(spec) as file:
        sha256 = _checked(spec, file)
    run.raise_if_stopped()
    folder = _folder(run, spec)
    with PagesWriter(folder, lambda done, total: run.progress(done, total, "page")) as written:
        found, isolation = read_in_sandbox(run, spec, written.output)
    warnings, recognized = found.warnings, 0
    if found.unread:
        written, warnings, recognized = with_recognized(run, spec, found, folder)
    count, unit = (written.pages, "page") if written.pages else (written.unpacked.count or 1, "file")
    run.progress(count, count, unit)
    found = found.model_copy(update={"warnings": warnings})
    return _sealed(folder, spec, found, written, isolation=isolation, recognized=recognized, sha256=sha256)


def _several(run: Run, specs: list[IngestSpec], batch: IngestBatchSpec) -> Iterator[FileOutcome]:
    until = monotonic() + batch.batch_seconds
    with ExitStack() as opened:
        files: list[File] = []
        digests: dict[str, str] = {}
        for spec in specs:
            try:
                file = opened.enter_context(_open_file(spec))
                digests[spec.revision_id] = _checked(spec, file)
                files.append((spec, file))
            except UserError as error:
                yield _refused(run, spec, error)
            except EngineFault as fault:
                yield _left(run, spec, fault)
        progress = Progress(run, len(specs))
        with Reader(run, files) as reader:
            for spec, _ in files:
                run.raise_if_stopped()
                if monotonic() > until:
                    return
                yield _one_of_several(run, spec, reader, digests[spec.revision_id])
                progress.one_more()


def _one_of_several(run: Run, spec: IngestSpec, reader: Reader, sha256: str) -> FileOutcome:
    folder = _folder(run, spec)
    try:
        with PagesWriter(folder, lambda done, total: None) as written:
            found, isolation = reader.read(written.output)
        if isinstance(found, ToConvert) or found.unread:
            raise ReadAlone
        result = _sealed(folder, spec, found, written, isolation=isolation, sha256=sha256)
        return FileOutcome(revision_id=spec.revision_id, result=result)
    except ReadAlone as reason:
        return _left(run, spec, reason)
    except UserError as error:
        # Alone it has more time.
        return (_left if error.code == "user.parse_timeout" else _refused)(run, spec, error)
    except EngineFault as fault:
        if fault.code == "system.no_sandbox":
            raise
        return _left(run, spec, fault)


class Progress:
    """The files of a batch, told at most once a second."""

    def __init__(self, run: Run, total: int) -> None:
        self._run, self._total, self._done = run, total, 0
        self._next = monotonic() + REPORT_SECONDS

    def one_more(self) -> None:
        self._done += 1
        if self._done == self._total or monotonic() >= self._next:
            self._next = monotonic() + REPORT_SECONDS
            self._run.progress(self._done, self._total, "document")


# -- one file --------------------------------------------------------------------------------------------
def _sealed(
    folder: Path, spec: IngestSpec, found: Description, written: PagesWriter, **facts: Any
) -> IngestResult:
    manifest = write_manifest(
        folder,
        "pages",
        document_id=spec.document_id,
        revision_id=spec.revision_id,
        source_sha256=facts["sha256"],
        media_type=found.media_type,
    )
    # Not part of what the manifest seals: the files become documents, and are then removed from here.
    written.unpacked.publish()
    return IngestResult(
        media_type=found.media_type,
        title=found.title,
        pages=written.pages,
        characters=written.characters,
        records=written.records,
        files=written.unpacked.count if found.media_type == ZIP else None,
        warnings=found.warnings,
        masked_title=None if found.title is None else written.masked_title(found.title),
        masked_warnings=tuple(map(written.masked_warning, found.warnings)),
        ocr=cast(OcrEngine, spec.ocr),
        manifest_sha256=manifest,
        **facts,
    )


def _folder(run: Run, spec: IngestSpec) -> Path:
    folder = run.output_dir / spec.revision_id
    folder.mkdir(exist_ok=True)
    return folder


def _refused(run: Run, spec: IngestSpec, error: UserError) -> FileOutcome:
    _drop(run, spec)
    return FileOutcome(revision_id=spec.revision_id, error=error.of("ingest"))


def _drop(run: Run, spec: IngestSpec) -> None:
    """What was written of a file that is not read."""
    for folder in run.output_dir.glob(f"{spec.revision_id}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _left(run: Run, spec: IngestSpec, reason: Exception) -> FileOutcome:
    _drop(run, spec)
    if isinstance(reason, EngineError):
        run.log(
            f"A file is read again, alone: {reason.message}",
            level="warning",
            code="read_alone",
            reason=reason.code,
            revision_id=spec.revision_id,
        )
    return FileOutcome(revision_id=spec.revision_id)


def _open_file(spec: IngestSpec) -> BufferedReader:
    try:
        return open(spec.path, "rb")
    except FileNotFoundError as error:
        raise EngineFault("blob_missing", "The stored file is not on this node's storage.") from error


def _checked(spec: IngestSpec, file: BufferedReader) -> str:
    """The digest of a file that has the size and the content that it must have."""
    size = file.seek(0, 2)
    file.seek(0)
    if size == 0:
        raise UserError(
            "empty_file", "The file is empty (0 bytes). Upload it again from where it is complete."
        )
    if size > spec.max_bytes:
        raise UserError(
            "file_too_large",
            f"The file has {size / MEBIBYTE:.1f} MB; the limit is {spec.max_bytes / MEBIBYTE:g} MB. "
            "Split it and upload the parts.",
            size_mb=size / MEBIBYTE,
            limit_mb=spec.max_bytes / MEBIBYTE,
        )
    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if spec.sha256 not in (None, sha256):
        raise EngineFault(
            "blob_damaged",
            "The stored file is not what was uploaded any more: look at the disk of the storage, and upload "
            "the file again.",
        )
    return sha256
