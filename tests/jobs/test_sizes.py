"""How much work each type of job takes a spec for: what is small runs beside a training."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs.models import Cluster
from jobs.types import Resources, Size, job_types
from workers.contract.spec import Spec
from workers.contract.specs.curation import CurationSource, CurationSpec
from workers.contract.specs.evaluation import Candidate, EvaluationSpec
from workers.contract.specs.export import ExportSpec
from workers.contract.specs.ingest import IngestBatchSpec, IngestFile
from workers.contract.specs.retrieval import RetrievalSource, RetrievalSpec
from workers.contract.specs.training import TrainingSpec

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


class Files:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def of(self, size: int) -> Path:
        """A file without content, that takes no room."""
        path = self.folder / f"{len(list(self.folder.iterdir()))}"
        with open(path, "wb") as file:
            file.truncate(size)
        return path

    def model(self, size: int) -> Path:
        folder = self.folder / f"model-{size}"
        folder.mkdir()
        with open(folder / "model.safetensors", "wb") as file:
            file.truncate(size)
        return folder

    def records(self, heldout: int) -> Path:
        path = self.folder / "records.jsonl"
        lines = (
            {"text": f"第{n}条", "split": "heldout" if n < heldout else "train"} for n in range(heldout + 500)
        )
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return path


def ingest(files: Files, *sizes: int, **more: Any) -> Spec:
    read = (IngestFile(document_id="d", revision_id="r", name="n", path=files.of(size)) for size in sizes)
    return IngestBatchSpec(files=tuple(read), **more)


def index(files: Files, *, new: int, known: int = 0) -> Spec:
    facts = {"document_id": "d", "revision_id": "r", "document_name": "n", "groups": ("g",)}
    sizes = ((new, False), (known, True))
    sources = (RetrievalSource(**facts, pages_path=files.of(size), is_known=was) for size, was in sizes)
    return RetrievalSpec(sources=tuple(sources), embedding_model=files.folder)


def curation(files: Files, size: int, **more: Any) -> Spec:
    source = CurationSource(
        document_id="d",
        revision_id="r",
        document_name="n",
        pages_path=files.of(size),
        media_type="text/plain",
    )
    return CurationSpec(sources=(source,), **more)


def evaluation(files: Files, *, heldout: int, weights: int = 300 * MIB) -> Spec:
    candidates = (Candidate(name="base", model=files.model(weights)),)
    return EvaluationSpec(candidates=candidates, record_files=(files.records(heldout),))


def export(files: Files) -> Spec:
    return ExportSpec.model_construct()


def training(files: Files) -> Spec:
    return TrainingSpec.model_construct()


@pytest.mark.parametrize(
    ("make", "size"),
    [
        (lambda files: ingest(files, 100 * KIB), Size.SHORT),
        (lambda files: ingest(files, *([20 * KIB] * 64)), Size.SHORT),
        (lambda files: ingest(files, 20 * KIB, is_alone=True), Size.LONG),
        (lambda files: ingest(files, 150 * MIB), Size.LONG),
        (lambda files: index(files, new=20 * KIB), Size.SHORT),
        (lambda files: index(files, new=20 * KIB, known=10 * MIB), Size.SHORT),
        (lambda files: index(files, new=MIB), Size.LONG),
        (lambda files: index(files, new=5 * MIB), Size.FULL),
        (lambda files: index(files, new=20 * KIB, known=20 * MIB), Size.FULL),
        (lambda files: curation(files, MIB), Size.LONG),
        (lambda files: curation(files, MIB, device="cuda"), Size.FULL),
        (lambda files: curation(files, 20 * MIB), Size.FULL),
        (lambda files: evaluation(files, heldout=20), Size.LONG),
        (lambda files: evaluation(files, heldout=100), Size.FULL),
        (lambda files: evaluation(files, heldout=20, weights=16 * GIB), Size.FULL),
        (export, Size.LONG),
        (training, Size.FULL),
    ],
)
def test_small_work_takes_no_cores_of_its_own(tmp_path, make: Callable[[Files], Spec], size: Size):
    spec = make(Files(tmp_path))
    known = next(known for known in job_types() if known.spec is type(spec))
    assert known.size(spec) is size
    cluster = Cluster(name="c", cpus=8, gpus=2, memory_bytes=64 * GIB)
    need = known.usual.settle(Resources(), cluster, 1, size)
    assert (need.light, need.light_long) == (size is not Size.FULL, size is Size.LONG)
    assert (need.cpus == need.gpus == 0) == (size is not Size.FULL)
    # Who asks for cores or a GPU gets them.
    asked = known.usual.settle(Resources(cpus=3, gpus=1), cluster, 1, size)
    assert (asked.cpus, asked.gpus, asked.light, asked.light_long) == (3, 1, 0, 0)


@pytest.mark.parametrize("memory_bytes", [2 * GIB, 8 * GIB, 1 << 40])
def test_a_job_with_a_light_place_has_the_memory_for_it(memory_bytes: int):
    cluster = Cluster(name="c", cpus=8, memory_bytes=memory_bytes)
    for known in job_types():
        need = known.usual.settle(Resources(), cluster, 1, Size.LONG)
        assert 0 < need.memory_bytes * cluster.light_slots <= cluster.memory_share(light=True)
    assert cluster.memory_share(light=True) + cluster.memory_share(light=False) == memory_bytes
