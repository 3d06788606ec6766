"""Retrieval on JSQuAD (valid): Kosha's hybrid index compared with LangChain's EnsembleRetriever.

Run: `python -m tests.benchmarks.retrieval_jsquad`

Every distinct paragraph is one document, every question is asked, and the paragraph it was written
for is the only right one. Both sides embed with the same model; questions are embedded beforehand
for both, so that the speed compared is that of searching. EnsembleRetriever is used as its
documentation shows it: BM25Retriever and FAISS, default settings, k = 10, weights 0.5 and 0.5. Its
BM25 splits at spaces, of which Japanese has none, so a third row gives it our characters and pairs.
The data is read from `$KOSHA_SHARED_DATA` or `../shared/data`.
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.machine import machine

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("KOSHA_SHARED_DATA", ROOT.parent / "shared" / "data"))
JSQUAD = DATA / "jglue" / "jsquad-valid-v1.3.json"
EMBEDDING_MODEL = Path(os.environ.get("KOSHA_EMBEDDING_MODEL", ROOT / "var" / "models" / "e5-small"))
CUT = 10

Ranking = list[int]


@dataclass(frozen=True)
class Questions:
    paragraphs: list[str]
    questions: list[str]
    gold: list[int]
    """The right paragraph's number for each question."""


@dataclass(frozen=True)
class Measured:
    name: str
    recall_at_1: float
    ndcg_at_10: float
    queries_per_second: float
    build_seconds: float


def read_jsquad(path: Path) -> Questions:
    numbers: dict[str, int] = {}
    questions, gold = [], []
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            number = numbers.setdefault(paragraph["context"], len(numbers))
            for item in paragraph["qas"]:
                questions.append(item["question"])
                gold.append(number)
    return Questions(list(numbers), questions, gold)


def measure(name: str, data: Questions, build_seconds: float, search: Callable[[int], Ranking]) -> Measured:
    """`search(number of question)` → numbers of paragraphs, best first."""
    started = time.perf_counter()
    rankings = [search(number) for number in range(len(data.questions))]
    seconds = time.perf_counter() - started
    first = sum(ranking[:1] == [right] for ranking, right in zip(rankings, data.gold, strict=True))
    gains = [_gain(ranking, right) for ranking, right in zip(rankings, data.gold, strict=True)]
    count = len(data.questions)
    return Measured(name, first / count, sum(gains) / count, count / seconds, build_seconds)


def _gain(ranking: Sequence[int], right: int) -> float:
    """nDCG with one relevant document: 1 / log2(rank + 1), 0 beyond the cut."""
    return 1 / math.log2(ranking.index(right) + 2) if right in ranking[:CUT] else 0.0


def measure_kosha(data: Questions, vectors: Any, folder: Path) -> Measured:
    from workers.contract.artifacts import write_manifest
    from workers.contract.records import Page
    from workers.contract.specs.retrieval import Chunking, RetrievalSource, RetrievalSpec
    from workers.contract.specs.run import RunConfig
    from workers.engines.retrieval.engine import build_index
    from workers.engines.shared.index.search import Index
    from workers.engines.shared.runtime import Run

    sources = []
    for number, paragraph in enumerate(data.paragraphs):
        path = folder / str(number) / "pages.jsonl"
        path.parent.mkdir()
        path.write_text(
            Page(kind="page", number=1, text=paragraph).model_dump_json() + "\n", encoding="utf-8"
        )
        write_manifest(path.parent, "pages")
        sources.append(
            RetrievalSource(
                document_id=str(number),
                revision_id=str(number),
                document_name="",
                pages_path=path,
                groups=("everyone",),
            )
        )
    # LangChain does not split paragraphs here either.
    spec = RetrievalSpec(
        sources=tuple(sources), embedding_model=EMBEDDING_MODEL, chunking=Chunking(max_characters=4000)
    )
    run = Run(
        RunConfig(job_id="bench", kind="retrieval", fence=0, attempt=0, run_dir=folder / "run", spec={})
    )
    seconds = build_index(run, spec).seconds
    index = Index(run.output_dir)

    def search(number: int) -> Ranking:
        hits = index.search_vector(data.questions[number], vectors[number], limit=CUT, groups=("everyone",))
        return [int(hit.source.document_id) for hit in hits]

    return measure("Kosha", data, seconds, search)


def measure_langchain(data: Questions, vectors: Any, embedder: Any) -> list[Measured]:
    """The ensemble with its defaults, and with BM25 over characters and pairs of characters."""
    from langchain_classic.retrievers import EnsembleRetriever
    from langchain_community.retrievers import BM25Retriever
    from langchain_community.vectorstores import FAISS
    from langchain_core.documents import Document
    from langchain_core.embeddings import Embeddings

    known = dict(zip(data.questions, vectors.tolist(), strict=True))

    class SameEmbeddings(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return embedder.embed(texts, "passage").tolist()

        def embed_query(self, text: str) -> list[float]:
            return known[text]

    started = time.perf_counter()
    documents = [
        Document(page_content=text, metadata={"number": number})
        for number, text in enumerate(data.paragraphs)
    ]
    dense = FAISS.from_documents(documents, SameEmbeddings()).as_retriever(search_kwargs={"k": CUT})
    dense_seconds = time.perf_counter() - started

    def ensemble(name: str, **options: Any) -> Measured:
        started = time.perf_counter()
        lexical = BM25Retriever.from_documents(documents, k=CUT, **options)
        both = EnsembleRetriever(retrievers=[lexical, dense], weights=[0.5, 0.5])
        seconds = dense_seconds + time.perf_counter() - started
        return measure(name, data, seconds, lambda number: ask(both, number))

    def ask(retriever: Any, number: int) -> Ranking:
        return [document.metadata["number"] for document in retriever.invoke(data.questions[number])]

    return [
        ensemble("LangChain EnsembleRetriever"),
        ensemble("… with BM25 over characters", preprocess_func=characters_and_pairs),
    ]


def characters_and_pairs(text: str) -> list[str]:
    return [*text, *(text[position : position + 2] for position in range(len(text) - 1))]


def table(ours: Measured, others: Sequence[Measured]) -> str:
    """A markdown table; each other row is followed by the ratios ours : theirs (build: times as fast)."""
    lines = ["| | recall@1 | nDCG@10 | queries/s | build s |", "|---|---|---|---|---|", _row(ours)]
    for theirs in others:
        lines += [_row(theirs), _ratios(ours, theirs)]
    return "\n".join(lines)


def _row(measured: Measured) -> str:
    return (
        f"| {measured.name} | {measured.recall_at_1:.3f} | {measured.ndcg_at_10:.3f} "
        f"| {measured.queries_per_second:.0f} | {measured.build_seconds:.1f} |"
    )


def _ratios(ours: Measured, theirs: Measured) -> str:
    return (
        f"| ratio | {ours.recall_at_1 / theirs.recall_at_1:.2f} | {ours.ndcg_at_10 / theirs.ndcg_at_10:.2f} "
        f"| {ours.queries_per_second / theirs.queries_per_second:.2f} "
        f"| {theirs.build_seconds / ours.build_seconds:.2f} |"
    )


def main() -> int:
    for needed in (JSQUAD, EMBEDDING_MODEL):
        if not needed.exists():
            print(f"skipped: {needed} is absent")
            return 0
    from workers.engines.shared.index.embedding import Embedder

    data = read_jsquad(JSQUAD)
    embedder = Embedder(EMBEDDING_MODEL)
    vectors = embedder.embed(data.questions, "query")
    with tempfile.TemporaryDirectory() as folder:
        ours = measure_kosha(data, vectors, Path(folder))
    others = measure_langchain(data, vectors, embedder)
    print(f"JSQuAD valid: {len(data.paragraphs)} paragraphs, {len(data.questions)} questions; {machine()}\n")
    print(table(ours, others))
    return 0 if ours.ndcg_at_10 >= 0.95 else 1


if __name__ == "__main__":
    sys.exit(main())
