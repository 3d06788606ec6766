"""How much room on the disk a job will take, and whether there is so much.

An estimate from the kind and the spec, on the high side: a job that waits for room it would not have
needed costs an operator a look, a job that fills the disk costs everybody everything. Where it was
too low all the same, the failed attempt doubles it (`more_room`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from common.disk import disk, file_bytes, folder_bytes
from jobs.models import Job
from jobs.transitions import ACTIVE
from workers.contract.run_folder import RunFolder

MEBIBYTE = 1 << 20
SMALLEST = 16 * MEBIBYTE
"""Events, logs, and what a small job makes."""
MOST_ESTIMATES = 4

Spec = dict[str, Any]


def disk_need(kind: str, spec: Spec, processes: int = 1) -> int:
    """Bytes that a job of this kind writes at most at the same time, about."""
    estimate = _ESTIMATES.get(kind)
    return SMALLEST + (estimate(spec, processes) if estimate else 0)


def more_room(job: Job) -> int:
    """What to ask for after an attempt that met a full disk.

    Not without end, or it waited for ever on a disk that it fits on: where several times the estimate is
    not enough, others fill the disk.
    """
    most = MOST_ESTIMATES * disk_need(job.kind, job.spec, job.processes)
    return min(2 * max(job.disk_bytes or 0, SMALLEST), max(most, job.disk_bytes or 0))


class Room:
    """The room for new jobs: what is free above the reserve and not promised to those that run."""

    def __init__(self) -> None:
        now = disk()
        self._left = now.free - now.reserve - sum(map(_still_to_come, _active()))

    def has(self, size: int) -> bool:
        return size <= self._left

    def take(self, size: int) -> bool:
        if not self.has(size):
            return False
        self._left -= size
        return True


def _active() -> Iterable[Job]:
    return Job.objects.filter(state__in=ACTIVE).exclude(disk_bytes=None)


def _still_to_come(job: Job) -> int:
    return max(0, (job.disk_bytes or 0) - folder_bytes(job.run_dir))


# -- by kind ---------------------------------------------------------------------------------------
def _ingest(spec: Spec, processes: int) -> int:
    """Text and tables; a packed format unpacks to more than its size, within the parsers' limits."""
    return 4 * _files(spec.get("path"))


def _curate(spec: Spec, processes: int) -> int:
    """Records, what was dropped, and what steps keep aside: each about as long as the pages."""
    return 4 * _files(*(source["pages_path"] for source in spec.get("sources", ())))


def _train(spec: Spec, processes: int) -> int:
    """Checkpoints (those kept, and one being written), the result, and the tokenized data."""
    checkpoint = _trained_bytes(spec)
    kept = spec.get("checkpoint", {}).get("keep", 3) + 1
    # Eight bytes for each token (id and label), of which a byte of Japanese is less than one.
    tokens = 8 * _files(*spec.get("record_files", ()), *spec.get("known_record_files", ()))
    return kept * checkpoint + checkpoint // 3 + tokens


def _trained_bytes(spec: Spec) -> int:
    """One checkpoint: each trained parameter with the two moments of Adam, in float32.

    LoRA on all linear layers: about 23 times rank times width for each layer, as in the planner.
    """
    base = Path(spec.get("base_model", ""))
    if spec.get("method") == "full":
        # Stored weights have two bytes for each parameter, seldom four.
        return 6 * _weights(base)
    config = _config(base)
    rank = spec.get("hyperparameters", {}).get("lora_rank", 16)
    width, layers = config.get("hidden_size", 0), config.get("num_hidden_layers", 0)
    return 12 * 23 * rank * width * layers


def _evaluate(spec: Spec, processes: int) -> int:
    return 8 * _files(*spec.get("record_files", ()))


def _index(spec: Spec, processes: int) -> int:
    """Passages, their vectors (1.5 kB for a passage of a kB) and the character index."""
    previous = spec.get("previous_index")
    known = folder_bytes(Path(previous)) if previous else 0
    return known + 8 * _files(*(source["pages_path"] for source in spec.get("sources", ())))


def _export(spec: Spec, processes: int) -> int:
    adapter = spec.get("adapter")
    return 2 * _weights(Path(spec.get("base_model", ""))) + (folder_bytes(Path(adapter)) if adapter else 0)


_ESTIMATES = {
    "ingest": _ingest,
    "curation": _curate,
    "training": _train,
    "evaluation": _evaluate,
    "retrieval": _index,
    "export": _export,
}


def _files(*paths: str | None) -> int:
    return sum(file_bytes(Path(path)) for path in paths if path)


def _weights(folder: Path) -> int:
    return sum(map(file_bytes, folder.glob("*.safetensors"))) if folder.is_dir() else 0


def _config(folder: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads(RunFolder(folder).config.read_bytes())
    except (OSError, ValueError):
        return {}
    # A model of several kinds of input keeps the sizes of its language part apart.
    text = config.get("text_config")
    return text if isinstance(text, dict) else config
