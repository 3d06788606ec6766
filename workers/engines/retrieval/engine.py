"""Build an index: pages to passages, passages to vectors and postings, sealed by a manifest."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
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
from workers.engines.shared.index.passages import PassageStore, digest_of, masked_digest, write_passages
from workers.engines.shared.index.postings import write_postings
from workers.engines.shared.index.search import KIND
from workers.engines.shared.index.vectors import (
    MASKED_FILE,
    VectorIndex,
    write_masked_vectors,
    write_vectors,
)
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
    texts = [item.searched for item in passages]
    masked = {number: item.searched_masked for number, item in enumerate(passages) if masked_digest(item)}
    known = _previous_vectors(
        run, spec.previous_index, digest, set(map(digest_of, [*texts, *masked.values()]))
    )
    reused = sum(item.digest in known for item in passages)
    vectors = _vectors(run, threads, embedder, [*texts, *masked.values()], known)
    write_passages(run.output_dir, passages)
    write_postings(run.output_dir, texts, masked)
    write_vectors(run.output_dir, vectors[: len(texts)])
    write_masked_vectors(run.output_dir, list(masked), vectors[len(texts) :])
    manifest = _seal(run.output_dir, spec, digest, embedder, len(passages))
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
        raise UserError(code, error.message, param="embedding_model", **error.values) from error


def _vectors(
    run: Run, threads: GrantedThreads, embedder: Embedder, texts: Sequence[str], known: Mapping[str, Vectors]
) -> Vectors:
    """A row for each text; `known`: vectors by digest of the text."""
    digests = [digest_of(text) for text in texts]
    reused = sum(digest in known for digest in digests)
    new = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in known}
    run.progress(reused, len(texts), "chunk")
    found = {**known, **_embed(run, threads, embedder, new, reused, len(texts))}
    return np.stack([found[digest] for digest in digests])


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
    """Vectors by digest of the text, raw or masked, from an earlier build with the same embedding model."""
    if folder is None:
        return {}
    try:
        facts = verify_manifest(folder)["facts"]
        store = PassageStore(folder)
    except ArtifactDamaged as damage:
        run.log(f"The previous index is not used: {damage}", level="warning", code="previous_index_damaged")
        return {}
    positions = {item: position for item, position in store.digests() if item in needed}
    masked = {item: row for row, item in enumerate(_masked_digests(folder, store)) if item in needed}
    store.close()
    if facts["embedding_model_digest"] != digest:
        run.log("The embedding model changed: every chunk is embedded again.", code="embedding_changed")
        return {}
    found = _rows(VectorIndex(folder), positions)
    return found | _rows(VectorIndex(folder, MASKED_FILE), masked) if masked else found


def _masked_digests(folder: Path, store: PassageStore) -> Iterable[str]:
    """Of the rows of the masked vectors; none in an index of an earlier release."""
    return store.masked_digests() if (folder / MASKED_FILE).exists() else ()


def _rows(index: VectorIndex, rows: Mapping[str, int]) -> dict[str, Vectors]:
    vectors = index.vectors(np.fromiter(rows.values(), np.int64, len(rows)))
    return dict(zip(rows, vectors, strict=True))


def _seal(folder: Path, spec: RetrievalSpec, digest: str, embedder: Embedder, chunks: int) -> str:
    return write_manifest(
        folder,
        KIND,
        spec_digest=spec.digest(),
        embedding_model=str(spec.embedding_model),
        embedding_model_digest=digest,
        chunks=chunks,
        dimensions=embedder.dimensions,
        unrelated_cosine=unrelated_cosine(embedder),
        chunking=spec.chunking.model_dump(),
    )
