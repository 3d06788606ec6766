"""Search with and without the structure of documents: the questions of the demo's FAQ, over the documents they name.

Run: `python -m tests.benchmarks.retrieval_headings`

The FAQ itself is not in the index. A passage is right if it is of the document that the FAQ names and holds the short
answer. Both indexes are built from the same pages; for one of them their blocks and headings are taken away.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.machine import machine
from tests.benchmarks.retrieval_jsquad import EMBEDDING_MODEL, ROOT

DOCUMENTS = ROOT / "demo" / "documents"
FAQ = "社内FAQ.xlsx"
CUTS = (1, 2, 5)
EVERYONE = ("everyone",)


@dataclass(frozen=True)
class Question:
    text: str
    answers: tuple[str, ...]
    document: str


def read_pages(path: Path) -> list[Any]:
    from workers.contract.records import Page
    from workers.contract.specs.ingest import IngestSpec
    from workers.engines.ingest.reading import Output, read

    found: list[Page] = []
    spec = IngestSpec(document_id=path.stem, revision_id=path.stem, name=path.name, path=path)
    with open(path, "rb") as file:
        read(file, spec, Output(lambda done, total: None, found.append, lambda record: None))
    return found


def read_questions() -> Iterator[Question]:
    for page in read_pages(DOCUMENTS / FAQ):
        for row in (row for table in page.tables for row in table.rows[1:] if len(row) > 3 and row[2]):
            yield Question(row[0], tuple(row[2].split("|")), row[3])


def recall(pages: dict[str, list[Any]], questions: Sequence[Question], embedder: Any) -> list[str]:
    """How many passages the index has, and at each cut the share of questions for which a right one is found."""
    from workers.contract.artifacts import write_manifest
    from workers.contract.specs.retrieval import RetrievalSource, RetrievalSpec
    from workers.contract.specs.run import RunConfig
    from workers.engines.retrieval.engine import build_index
    from workers.engines.shared.index.search import Index
    from workers.engines.shared.runtime import Run

    with tempfile.TemporaryDirectory() as folder:
        sources = []
        for name, of_document in pages.items():
            path = Path(folder) / name / "pages.jsonl"
            path.parent.mkdir()
            path.write_text("".join(f"{page.model_dump_json()}\n" for page in of_document), encoding="utf-8")
            write_manifest(path.parent, "pages")
            place = {"document_id": name, "revision_id": name, "document_name": name, "pages_path": path}
            sources.append(RetrievalSource(**place, groups=EVERYONE))
        config = RunConfig(
            job_id="bench", kind="retrieval", fence=0, attempt=0, run_dir=Path(folder) / "run", spec={}
        )
        run = Run(config)
        built = build_index(run, RetrievalSpec(sources=tuple(sources), embedding_model=EMBEDDING_MODEL))
        index = Index(run.output_dir)
        ranks = [_rank(index, question, embedder) for question in questions]
        index.close()
    return [
        str(built.chunks),
        *(f"{sum(rank <= cut for rank in ranks) / len(ranks):.3f}" for cut in CUTS),
    ]


def _rank(index: Any, question: Question, embedder: Any) -> float:
    """Of the first right passage, from 1; infinite where there is none."""
    hits = index.search(question.text, embedder, limit=max(CUTS), groups=EVERYONE, personal_data="raw")
    for rank, hit in enumerate(hits, 1):
        text = "".join(hit.text.split())
        is_answer = any("".join(answer.split()) in text for answer in question.answers)
        if hit.source.document_id == question.document and is_answer:
            return rank
    return float("inf")


def main() -> int:
    if not EMBEDDING_MODEL.is_dir():
        print("Skipped: the embedding model is not installed (`make models`).")
        return 0
    from workers.engines.shared.index.embedding import Embedder

    embedder = Embedder(EMBEDDING_MODEL)
    pages = {path.stem: read_pages(path) for path in sorted(DOCUMENTS.iterdir()) if path.name != FAQ}
    questions = [question for question in read_questions() if question.document in pages]
    plain = {
        name: [page.model_copy(update={"blocks": (), "headings": ()}) for page in of_document]
        for name, of_document in pages.items()
    }
    print(f"{len(questions)} questions, {len(pages)} documents\n")
    print("| | passages |", " | ".join(f"recall@{cut}" for cut in CUTS), "|")
    print("|---|---|" + "---|" * len(CUTS))
    for name, read in (("with blocks and headings", pages), ("without", plain)):
        print(f"| {name} |", " | ".join(recall(read, questions, embedder)), "|", flush=True)
    print(f"\n{machine()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
