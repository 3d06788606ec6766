"""Every benchmark, one after the other, each in a process of its own: `python -m tests.benchmarks`."""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = (
    "training_throughput",
    "curation_quality",
    "curation_speed",
    "retrieval_jsquad",
    "retrieval_headings",
    "pdf_reading",
    "upload_to_search",
    "many_files",
    "ocr_pages",
    "small_work",
    "concurrency",
)


def main() -> int:
    failed = 0
    for name in BENCHMARKS:
        print(f"\n## {name}\n", flush=True)
        failed += (
            subprocess.run([sys.executable, "-m", f"tests.benchmarks.{name}"], check=False).returncode != 0
        )
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
