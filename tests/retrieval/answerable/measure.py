"""How well a search's score tells which questions the documents answer: `python -m tests.retrieval.answerable.measure`.

Reads the demo's documents, indexes them with e5-small (`make models`), and prints for both halves of `questions.json`
the AUC, the recall, and the shares that are answered and refused at the threshold. Takes a few minutes of one core.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.engines.ingest.parse_child import parse

from workers.contract.artifacts import write_manifest
from workers.contract.specs.ingest import IngestSpec
from workers.contract.specs.retrieval import RetrievalSource, RetrievalSpec
from workers.contract.specs.run import RunConfig
from workers.contract.specs.serving import ANSWERABLE_SCORE, SearchHit
from workers.engines.retrieval.engine import build_index
from workers.engines.shared.index.embedding import Embedder
from workers.engines.shared.index.search import Index
from workers.engines.shared.runtime import Run
from workers.engines.shared.text import normalize

ROOT = Path(__file__).parents[3]
MODEL = ROOT / "var" / "models" / "e5-small"
QUESTIONS = Path(__file__).with_name("questions.json")
EVERYONE = ("everyone",)
SEARCHED = 20


@dataclass(frozen=True)
class Asked:
    score: float
    """Of the best passage."""
    is_answerable: bool
    rank: int | None
    """Of the first passage with the evidence, from 0."""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        index, embedder = Index(_indexed(Path(folder))), Embedder(MODEL)
        for half in ("tuning", "check"):
            asked = [
                _asked(
                    question, index.search(question["question"], embedder, limit=SEARCHED, groups=EVERYONE)
                )
                for question in json.loads(QUESTIONS.read_text())[half]
            ]
            print(half, _figures(asked))
        index.close()


def _indexed(folder: Path) -> Path:
    sources = []
    for path in sorted((ROOT / "demo" / "documents").iterdir()):
        pages = folder / path.name
        pages.mkdir()
        spec = IngestSpec(document_id=path.name, revision_id="1", name=path.name, path=path)
        parse(spec, pages, lambda done, total: None)
        write_manifest(pages, "pages")
        sources.append(
            RetrievalSource(
                document_id=path.name,
                revision_id="1",
                document_name=path.name,
                pages_path=pages / "pages.jsonl",
                groups=EVERYONE,
            )
        )
    config = RunConfig(job_id="1", kind="retrieval", fence=1, attempt=1, run_dir=folder / "run", spec={})
    run = Run(config)
    build_index(run, RetrievalSpec(sources=tuple(sources), embedding_model=MODEL))
    return run.output_dir


def _asked(question: dict[str, Any], hits: Sequence[SearchHit]) -> Asked:
    evidence = _plain(question["evidence"] or "")
    ranks = (rank for rank, hit in enumerate(hits) if evidence and evidence in _plain(hit.text))
    return Asked(max(hit.score for hit in hits), question["document"] is not None, next(ranks, None))


def _plain(text: str) -> str:
    return normalize(text).replace(" ", "")


def _figures(asked: Sequence[Asked]) -> dict[str, float]:
    yes = [each for each in asked if each.is_answerable]
    no = [each for each in asked if not each.is_answerable]
    wins = sum((a.score > u.score) + (a.score == u.score) / 2 for a in yes for u in no)
    figures = {
        "auc": wins / len(yes) / len(no),
        "answered_of_answerable": sum(each.score >= ANSWERABLE_SCORE for each in yes) / len(yes),
        "refused_of_unanswerable": sum(each.score < ANSWERABLE_SCORE for each in no) / len(no),
    }
    for first in (1, 2, 5):
        figures[f"recall_at_{first}"] = sum(
            each.rank is not None and each.rank < first for each in yes
        ) / len(yes)
    return {name: round(value, 3) for name, value in figures.items()}


if __name__ == "__main__":
    main()
