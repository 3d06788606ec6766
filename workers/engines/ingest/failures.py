"""What is said where a parser did not end as it should, by how its process ended."""

from __future__ import annotations

import signal

from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.file_types import damaged
from workers.engines.shared.runtime import EngineError, EngineFault, UserError

# pdfium and glibc end the process themselves when memory cannot be allocated.
_OUT_OF_MEMORY_SIGNALS = {signal.SIGABRT, signal.SIGTRAP, signal.SIGILL}
_OUT_OF_TIME_SIGNALS = {signal.SIGXCPU}
# Sent by the node or by a person, never because of the file: the memory of the sandbox itself is limited.
_OUTSIDE_SIGNALS = {signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


def failure_of(returncode: int, spec: IngestSpec) -> EngineError:
    """Of a sandbox that ended before it had read the file; `returncode` is minus a signal, or a code of its own."""
    if -returncode in _OUTSIDE_SIGNALS:
        return EngineFault(
            "parser_killed",
            "The parser was killed from outside, most often because the node had no memory left. "
            "Look at the node's memory, then upload the file again.",
        )
    if -returncode in _OUT_OF_TIME_SIGNALS:
        return timed_out(spec.parse_seconds)
    if -returncode in _OUT_OF_MEMORY_SIGNALS:
        return out_of_memory(spec.parse_memory_bytes)
    if returncode < 0:
        return damaged("Reading the file crashed the parser.", reason="crash")
    return EngineFault("parser_failed", "The parser ended unexpectedly; the engine's log has the details.")


def timed_out(seconds: float) -> UserError:
    return UserError(
        "parse_timeout",
        f"Reading the file took longer than {seconds:g} seconds. Split it into smaller files and upload those.",
        seconds=seconds,
    )


def out_of_memory(limit_bytes: int) -> UserError:
    return UserError(
        "parse_out_of_memory",
        f"Reading the file needs more than {limit_bytes // 1024**2} MB of memory. "
        "Split it into smaller files and upload those.",
        limit_mb=limit_bytes // 1024**2,
    )


def too_much_text(limit_bytes: int) -> UserError:
    return UserError(
        "archive_too_large",
        f"The document holds more than {limit_bytes // 1024**2} MB of text and tables. "
        "Split it into smaller documents and upload those.",
        reason="text",
        limit_mb=limit_bytes // 1024**2,
    )
