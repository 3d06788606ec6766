"""The child that parses one file: `python -m workers.engines.ingest.parse_child task.json parent-pid`.

Sets its own limits before any parser is loaded, writes `pages.jsonl` (and `records.jsonl`) into the
task's output folder and an outcome file: `{media_type, title, pages, characters, records, warnings}`
or `{"error": {code, message, param}}`. Started by `workers.engines.ingest.isolation` only.
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

from workers.contract.specs.base import Spec
from workers.contract.specs.ingest import IngestSpec
from workers.contract.specs.run import ExitCode
from workers.engines.ingest.file_types import detect
from workers.engines.ingest.isolation import out_of_memory
from workers.engines.ingest.parsers import parser_for
from workers.engines.shared.runtime import FULL, UserError

PR_SET_PDEATHSIG = 1
OPEN_FILES = 64


def main() -> None:
    task = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    spec = IngestSpec.model_validate(task["spec"])
    limit_this_process(spec, parent=int(sys.argv[2]))
    try:
        outcome = _parsed(spec, Path(task["output_dir"]))
        Path(task["outcome"]).write_text(json.dumps(outcome, ensure_ascii=False), encoding="utf-8")
    except OSError as error:
        if error.errno not in FULL:
            raise
        sys.exit(ExitCode.DISK_FULL)


def _parsed(spec: IngestSpec, output_dir: Path) -> dict[str, Any]:
    try:
        return parse(spec, output_dir)
    except UserError as error:
        return _failed(error)
    except (MemoryError, RecursionError):
        return _failed(out_of_memory(spec.parse_memory_bytes))


def limit_this_process(spec: IngestSpec, *, parent: int) -> None:
    """Memory, processor time, open files, size of written files; and never outlive the engine."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        sys.exit(1)
    seconds = math.ceil(spec.parse_seconds)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (4 * spec.max_expanded_bytes,) * 2)
    resource.setrlimit(resource.RLIMIT_AS, (spec.parse_memory_bytes,) * 2)


def parse(spec: IngestSpec, output_dir: Path) -> dict[str, Any]:
    media_type = detect(spec.path, spec.name)
    extracted = parser_for(media_type)(spec.path, spec)
    characters = sum(len(page.text) for page in extracted.pages)
    if not characters:
        raise UserError(
            "no_text",
            "The file holds no text. If its pages are pictures: reading them (OCR) is not available yet; "
            "upload a version with text.",
        )
    _write_lines(output_dir / "pages.jsonl", extracted.pages)
    if extracted.records is not None:
        _write_lines(output_dir / "records.jsonl", extracted.records)
    return {
        "media_type": media_type,
        "title": extracted.title,
        "pages": len(extracted.pages),
        "characters": characters,
        "records": None if extracted.records is None else len(extracted.records),
        "warnings": [*extracted.warnings, *_name_warnings(spec, media_type)],
    }


def _name_warnings(spec: IngestSpec, media_type: str) -> list[str]:
    """A document that says it is something else was read all the same, by its bytes."""
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


def _failed(error: UserError) -> dict[str, Any]:
    code = error.code.removeprefix("user.")
    return {"error": {"code": code, "message": error.message, "param": error.param}}


if __name__ == "__main__":
    main()
