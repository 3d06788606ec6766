"""Build an index: pages to passages, passages to vectors and postings, sealed by a manifest."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from transformers.utils import logging

from workers.contract.artifacts import ArtifactDamaged, verify_manifest, write_manifest
from workers.contract.model_folder import UnsafeModelFolder, model_folder_digest
from workers.contract.personal_data import PERSONAL_DATA_FILE, PageFinds, by_page, read_finds
from workers.contract.records import Page
from workers.contract.specs.retrieval import RetrievalResult, RetrievalSource, RetrievalSpec
from workers.engines.retrieval.chunking import Passage, passages_of
from workers.engines.shared.index.confidence import unrelated_cosine
from workers.engines.shared.index.embedding import Embedder, Vectors
from workers.engines.shared.index.passages import PassageStore, write_passages
from workers.engines.shared.index.postings import write_postings
from workers.engines.shared.index.search import KIND
from workers.engines.shared.index.vectors import VectorIndex, write_vectors
from workers.engines.shared.integrity import require_intact_pages
from workers.engines.shared.personal_data import find_on_page
from workers.engines.shared.runtime import Run, UserError
from workers.engines.shared.threads import GrantedThreads

# Texts embedded between two checks for a stop request.
EMBED_AT_ONCE = 512


def build_index(run: Run, spec: RetrievalSpec) -> RetrievalResult:
    """Write the index into `run.output_dir`.

    Raises UserError `no_text` and `embedding_model_*`, EngineFault `pages_missing`, RunStopped.
    """
    started = time.monotonic()
    threads = GrantedThreads(run)
    # Otherwise it warns of a missing classification layer, which embedding models never have.
    logging.set_verbosity_error()
    run.started()
    passages: list[Passage] = []
    for source in spec.sources:
        require_intact_pages(source)
        with open(source.pages_path, encoding="utf-8") as lines:
            pages = [Page.model_validate_json(line) for line in lines if line.strip()]
        passages += passages_of(source, pages, spec.chunking, _personal_data(source, pages))
    if not passages:
        raise UserError(
            "no_text", "None of the documents holds text to search. Add documents with text.", param="sources"
        )
    run.log(
        f"{len(passages)} chunks from {len(spec.sources)} documents.",
        code="chunked",
        chunks=len(passages),
        documents=len(spec.sources),
    )
    embedder = _embedder(spec.embedding_model)
    digest = spec.embedding_model_digest or model_folder_digest(spec.embedding_model)
    vectors, reused = _vectors(run, threads, spec, embedder, digest, passages)
    unrelated = unrelated_cosine(embedder)
    manifest = _write(run.output_dir, spec, digest, passages, vectors, unrelated)
    return RetrievalResult(
        documents=len({item.source.document_id for item in passages}),
        chunks=len(passages),
        reused_chunks=reused,
        dimensions=embedder.dimensions,
        manifest_sha256=manifest,
        bytes=sum(path.stat().st_size for path in run.output_dir.iterdir()),
        seconds=round(time.monotonic() - started, 3),
    )


def _personal_data(source: RetrievalSource, pages: Sequence[Page]) -> dict[int, PageFinds]:
    """As ingest found them; in pages that an earlier release read, which did not look for them, as found now."""
    try:
        with open(source.pages_path.with_name(PERSONAL_DATA_FILE), encoding="utf-8") as lines:
            return by_page(read_finds(lines))
    except FileNotFoundError:
        return by_page(found for page in pages for found in find_on_page(page))


def _embedder(folder: Path) -> Embedder:
    try:
        return Embedder(folder)
    except UnsafeModelFolder as error:
        code = error.code.replace("base_model", "embedding_model")
        raise UserError(code, error.message, param="embedding_model") from error


def _vectors(
    run: Run,
    threads: GrantedThreads,
    spec: RetrievalSpec,
    embedder: Embedder,
    digest: str,
    passages: Sequence[Passage],
) -> tuple[Vectors, int]:
    """A row for each passage, and how many passages had theirs from the previous index."""
    known = _previous_vectors(run, spec.previous_index, digest, {item.digest for item in passages})
    reused = sum(item.digest in known for item in passages)
    new = {item.digest: item.searched for item in passages if item.digest not in known}
    run.progress(reused, len(passages), "chunk")
    known |= _embed(run, threads, embedder, new, reused, len(passages))
    return np.stack([known[item.digest] for item in passages]), reused


def _embed(
    run: Run, threads: GrantedThreads, embedder: Embedder, texts: dict[str, str], done: int, total: int
) -> dict[str, Vectors]:
    """Vectors by digest. Texts of similar length are embedded together, the shortest first."""
    vectors: dict[str, Vectors] = {}
    order = sorted(texts, key=lambda digest: len(texts[digest]))
    started = time.monotonic()
    for start in range(0, len(order), EMBED_AT_ONCE):
        run.raise_if_stopped()
        part = order[start : start + EMBED_AT_ONCE]
        embedded = embedder.embed(
            [texts[digest] for digest in part], "passage", lambda _done: threads.follow()
        )
        vectors.update(zip(part, embedded, strict=True))
        seconds_left = (time.monotonic() - started) / len(vectors) * (len(order) - len(vectors))
        run.progress(min(done + len(vectors), total), total, "chunk", round(seconds_left, 1))
    run.progress(total, total, "chunk", 0)
    return vectors


def _previous_vectors(run: Run, folder: Path | None, digest: str, needed: set[str]) -> dict[str, Vectors]:
    """Vectors by digest of the passage from an earlier build with the same embedding model."""
    if folder is None:
        return {}
    try:
        facts = verify_manifest(folder)["facts"]
        store = PassageStore(folder)
    except ArtifactDamaged as damage:
        run.log(f"The previous index is not used: {damage}", level="warning", code="previous_index_damaged")
        return {}
    positions = {item: position for item, position in store.digests() if item in needed}
    store.close()
    if facts["embedding_model_digest"] != digest:
        run.log("The embedding model changed: every chunk is embedded again.", code="embedding_changed")
        return {}
    vectors = VectorIndex(folder).vectors(np.fromiter(positions.values(), np.int64, len(positions)))
    return dict(zip(positions, vectors, strict=True))


def _write(
    folder: Path,
    spec: RetrievalSpec,
    digest: str,
    passages: Sequence[Passage],
    vectors: Vectors,
    unrelated: float,
) -> str:
    write_passages(folder, passages)
    write_postings(folder, (item.searched for item in passages))
    write_vectors(folder, vectors)
    return write_manifest(
        folder,
        KIND,
        spec_digest=spec.digest(),
        embedding_model=str(spec.embedding_model),
        embedding_model_digest=digest,
        chunks=len(passages),
        dimensions=int(vectors.shape[1]),
        unrelated_cosine=unrelated,
        chunking=spec.chunking.model_dump(),
    )
