"""Read one document revision: check it, have it read in a sandbox, write the manifest."""

from __future__ import annotations

from workers.contract.artifacts import file_sha256, write_manifest
from workers.contract.media_types import ZIP
from workers.contract.specs.ingest import MEBIBYTE, IngestResult, IngestSpec
from workers.engines.ingest.isolation import read_in_sandbox
from workers.engines.ingest.ocr.engines import installed
from workers.engines.ingest.pages_writer import PagesWriter
from workers.engines.ingest.recognition import with_recognized
from workers.engines.shared.runtime import EngineFault, Run, UserError


def ingest(run: Run, spec: IngestSpec) -> IngestResult:
    """Write `pages.jsonl`, `personal_data.jsonl` (for JSONL also `records.jsonl`) and the manifest into the run's output;
    for an archive also `files.jsonl` and the folder `files`.

    Raises UserError: empty_file, file_too_large, wrong_type, old_office_format, encrypted, damaged_file, archive_too_large,
    unsafe_archive, empty_archive, undecodable_text, invalid_jsonl, not_jsonl, no_text, picture_too_large, too_many_pages, parse_timeout, parse_out_of_memory; EngineFault:
    blob_missing, blob_damaged, parser_failed, parser_killed, no_sandbox. This process reads only the size and the hash of the file; a sandbox reads the rest.
    """
    run.started()
    _check_size(spec)
    sha256 = file_sha256(spec.path)
    if spec.sha256 not in (None, sha256):
        raise EngineFault(
            "blob_damaged",
            "The stored file is not what was uploaded any more: look at the disk of the storage, and upload "
            "the file again.",
        )
    run.raise_if_stopped()
    ocr = installed(spec.ocr)
    spec = spec.model_copy(update={"ocr": ocr or "none"})
    with PagesWriter(run) as written:
        found, isolation = read_in_sandbox(run, spec, written.output)
    warnings, recognized = found.warnings, 0
    if found.unread and ocr:
        written, warnings, recognized = with_recognized(run, spec, found)
    count, unit = (written.pages, "page") if written.pages else (written.unpacked.count or 1, "file")
    run.progress(count, count, unit)
    manifest = write_manifest(
        run.output_dir,
        "pages",
        document_id=spec.document_id,
        revision_id=spec.revision_id,
        source_sha256=sha256,
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
        warnings=warnings,
        isolation=isolation,
        ocr=ocr or "none",
        recognized=recognized,
        sha256=sha256,
        manifest_sha256=manifest,
    )


def _check_size(spec: IngestSpec) -> None:
    try:
        size = spec.path.stat().st_size
    except FileNotFoundError as error:
        raise EngineFault("blob_missing", "The stored file is not on this node's storage.") from error
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
