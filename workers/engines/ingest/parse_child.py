"""The child that parses one file: `python -m workers.engines.ingest.parse_child task.json parent-pid`.

Sets its own limits before any parser is loaded. Writes `pages.jsonl` (and `records.jsonl`) into the task's output
folder, how far it is into a progress file, and an outcome file: `{media_type, title, pages, characters, records,
warnings}` or `{"error": {code, message, param}}`. Started by `workers.engines.ingest.isolation` only.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import resource
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from workers.contract.records import PAGES_FILE, RECORDS_FILE
from workers.contract.spec import Spec
from workers.contract.specs.ingest import IngestSpec
from workers.contract.specs.run import ExitCode
from workers.engines.ingest.file_types import detect
from workers.engines.ingest.isolation import out_of_memory, write_progress
from workers.engines.ingest.limits import Report, read_pages
from workers.engines.ingest.parsers.registry import all_parsers
from workers.engines.shared.runtime import DISK_FULL_ERRNOS, UserError

PR_SET_PDEATHSIG = 1
OPEN_FILES = 64


def main() -> None:
    task = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    spec = IngestSpec.model_validate(task["spec"])
    limit_this_process(spec, parent=int(sys.argv[2]))
    try:
        outcome = _outcome(spec, Path(task["output_dir"]), Path(task["progress"]))
        Path(task["outcome"]).write_text(json.dumps(outcome, ensure_ascii=False), encoding="utf-8")
    except OSError as error:
        if error.errno not in DISK_FULL_ERRNOS:
            raise
        sys.exit(ExitCode.DISK_FULL)


def _outcome(spec: IngestSpec, output_dir: Path, progress: Path) -> dict[str, Any]:
    try:
        with open(progress, "wb", buffering=0) as file:
            return parse(spec, output_dir, lambda done, total: write_progress(file, done, total))
    except UserError as error:
        failure = error
    except (MemoryError, RecursionError):
        failure = out_of_memory(spec.parse_memory_bytes)
    code = failure.code.removeprefix("user.")
    return {"error": {"code": code, "message": failure.message, "param": failure.param}}


def limit_this_process(spec: IngestSpec, *, parent: int) -> None:
    """Limits memory, processor time, open files and the size of written files; ends with the engine."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the engine ended before the line above
        sys.exit(1)
    seconds = math.ceil(spec.parse_seconds)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (4 * spec.max_expanded_bytes,) * 2)
    resource.setrlimit(resource.RLIMIT_AS, (spec.parse_memory_bytes,) * 2)


def parse(spec: IngestSpec, output_dir: Path, report: Report) -> dict[str, Any]:
    """Raises UserError where the file cannot be read or holds no text."""
    media_type = detect(spec.path, spec.name)
    document = all_parsers()[media_type](spec.path, spec)
    pages = document.finish(list(read_pages(document, spec, report)))
    characters = sum(len(page.text) for page in pages)
    if not characters:
        raise UserError(
            "no_text",
            "The file holds no text. If its pages are pictures: reading them (OCR) is not available yet; "
            "upload a version with text.",
        )
    _write_lines(output_dir / PAGES_FILE, pages)
    if document.records is not None:
        _write_lines(output_dir / RECORDS_FILE, document.records)
    return {
        "media_type": media_type,
        "title": document.title,
        "pages": len(pages),
        "characters": characters,
        "records": None if document.records is None else len(document.records),
        "warnings": [*document.warnings, *_name_warnings(spec, media_type)],
    }


def _name_warnings(spec: IngestSpec, media_type: str) -> list[str]:
    """A document is read by its bytes, also where its name claims another format."""
    suffix = Path(spec.name).suffix.lower()
    expected = {
        ".pdf": "pdf",
        ".docx": "wordprocessingml",
        ".xlsx": "spreadsheetml",
        ".pptx": "presentationml",
    }
    part = expected.get(suffix)
    return ["type_differs_from_name"] if part and part not in media_type else []


def _write_lines(path: Path, lines: Iterable[Spec]) -> None:
    with open(path, "w", encoding="utf-8") as file:
        for line in lines:
            file.write(line.model_dump_json() + "\n")


if __name__ == "__main__":
    main()
