from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.engines.retrieval.conftest import EVERYONE
from tests.engines.retrieval.tiny import events, make_embedding_model, make_run
from workers.contract.artifacts import ArtifactDamaged
from workers.contract.specs.retrieval import RetrievalResult, RetrievalSource, RetrievalSpec
from workers.engines.retrieval.engine import build_index
from workers.engines.retrieval.retriever import KoshaRetriever
from workers.engines.shared.index.embedding import Embedder
from workers.engines.shared.index.search import Index
from workers.engines.shared.index.vectors import VectorIndex, write_vectors
from workers.engines.shared.runtime import EngineFault, RunStopped, UserError

pytestmark = pytest.mark.ml

Document = Callable[..., RetrievalSource]

LEAVE = (
    "第1条（有給休暇）\n入社6か月後に年10日の有給休暇を与える。\n第2条（慶弔休暇）\n結婚のときは5日とする。"
)
TRAVEL = "出張の宿泊費は一泊12,000円を上限とする。日当は2,000円を支給する。"


def built(
    folder: Path, model: Path, *sources: RetrievalSource, **fields: object
) -> tuple[Path, RetrievalResult]:
    run = make_run(folder)
    result = build_index(
        run, RetrievalSpec.model_validate({"sources": sources, "embedding_model": model, **fields})
    )
    return run.output_dir, result


def test_a_japanese_question_finds_its_passage_with_its_place(
    tmp_path: Path, embedding_model: Path, document: Document
) -> None:
    folder, result = built(
        tmp_path / "run",
        embedding_model,
        document("休暇規程", ["表紙", LEAVE]),
        document("旅費規程", [TRAVEL]),
    )
    assert (result.documents, result.chunks, result.reused_chunks) == (2, 4, 0)
    hits = Index(folder).search(
        "結婚したときの慶弔休暇は何日か", Embedder(embedding_model), limit=2, groups=EVERYONE
    )
    assert hits[0].text.startswith("第2条（慶弔休暇）")
    assert (hits[0].source.document_id, hits[0].source.number) == ("doc-休暇規程", 2)
    assert 1 >= hits[0].score >= hits[1].score >= 0


@pytest.fixture
def crowded(tmp_path: Path, embedding_model: Path, document: Document) -> tuple[Index, Embedder]:
    """150 documents that answer the question, open to everyone, and one that does not, open to the choir."""
    crowd = [document(f"旅費{number}", [f"{TRAVEL}その{number}"]) for number in range(150)]
    song = document("社歌", ["晴れた空に歌う。"], "choir", "board")
    folder, _ = built(tmp_path / "run", embedding_model, *crowd, song)
    return Index(folder), Embedder(embedding_model)


def found(
    crowded: tuple[Index, Embedder], limit: int, *groups: str, excluded: Sequence[str] = ()
) -> list[str]:
    index, embedder = crowded
    question = "出張の宿泊費の上限と日当"
    hits = index.search(question, embedder, limit=limit, groups=groups, excluded_document_ids=excluded)
    return [hit.source.document_id for hit in hits]


def test_finds_readable_document_below_many_unreadable_ones(crowded: tuple[Index, Embedder]) -> None:
    """The groups filter both rankings before these are cut to the best."""
    assert "doc-社歌" not in found(crowded, 100, "everyone", "choir")
    assert found(crowded, 5, "choir") == found(crowded, 5, "board", "unknown") == ["doc-社歌"]


def test_only_passages_of_the_askers_groups_are_found(crowded: tuple[Index, Embedder]) -> None:
    assert len(found(crowded, 100, "everyone")) == 100
    assert found(crowded, 5) == found(crowded, 5, "unknown") == []


def test_an_excluded_document_is_not_found(crowded: tuple[Index, Embedder]) -> None:
    """Excluded documents are removed from both rankings before these are cut, so the others rank as without them."""
    crowd = [f"doc-旅費{number}" for number in range(150)]
    assert found(crowded, 5, "everyone", "choir", excluded=[*crowd, "doc-unknown"]) == ["doc-社歌"]
    assert found(crowded, 100, "everyone", excluded=crowd[:149]) == [crowd[149]]
    assert found(crowded, 5, "choir", excluded=["doc-社歌"]) == []


def test_unchanged_passages_keep_their_vectors(
    tmp_path: Path, embedding_model: Path, document: Document
) -> None:
    leave, travel = document("休暇規程", [LEAVE]), document("旅費規程", [TRAVEL])
    first, _ = built(tmp_path / "1", embedding_model, leave)
    second, result = built(tmp_path / "2", embedding_model, travel, leave, previous_index=first)
    fresh, _ = built(tmp_path / "3", embedding_model, travel, leave)
    assert (result.chunks, result.reused_chunks) == (3, 2)
    rows = np.arange(3)
    assert np.allclose(VectorIndex(second).vectors(rows), VectorIndex(fresh).vectors(rows), atol=1e-5)


def test_another_embedding_model_reuses_nothing(
    tmp_path: Path, embedding_model: Path, document: Document
) -> None:
    leave = document("休暇規程", [LEAVE])
    first, _ = built(tmp_path / "1", embedding_model, leave)
    other = make_embedding_model(tmp_path / "other", seed=1)
    _, result = built(tmp_path / "2", other, leave, previous_index=first)
    assert result.reused_chunks == 0


def test_does_not_reuse_damaged_previous_index(
    tmp_path: Path, embedding_model: Path, document: Document
) -> None:
    leave = document("休暇規程", [LEAVE])
    first, _ = built(tmp_path / "1", embedding_model, leave)
    with open(first / "vectors.faiss", "r+b") as file:
        file.write(b"XXXX")
    with pytest.raises(ArtifactDamaged):
        Index(first)
    _, result = built(tmp_path / "2", embedding_model, leave, previous_index=first)
    assert (result.chunks, result.reused_chunks) == (2, 0)


def test_progress_ends_at_the_number_of_passages(
    tmp_path: Path, embedding_model: Path, document: Document
) -> None:
    run = make_run(tmp_path / "run")
    build_index(run, RetrievalSpec(sources=(document("休暇規程", [LEAVE]),), embedding_model=embedding_model))
    last = [event for event in events(run) if event["type"] == "progress"][-1]
    assert (last["done"], last["total"], last["unit"]) == (2, 2, "chunk")


def test_reports_why_an_index_cannot_be_built(
    tmp_path: Path, embedding_model: Path, document: Document
) -> None:
    leave = document("休暇規程", [LEAVE])
    with pytest.raises(UserError) as empty:
        built(tmp_path / "1", embedding_model, document("空", ["  "]))
    assert empty.value.code == "user.no_text"
    with pytest.raises(UserError) as model:
        built(tmp_path / "2", tmp_path / "nowhere", leave)
    assert model.value.code == "user.embedding_model_missing"
    leave.pages_path.write_text(leave.pages_path.read_text().replace("10日", "99日"))
    with pytest.raises(EngineFault) as pages:
        built(tmp_path / "3", embedding_model, leave)
    assert (pages.value.code, pages.value.param) == ("system.pages_missing", "doc-休暇規程")


def test_stops_on_request(tmp_path: Path, embedding_model: Path, document: Document) -> None:
    run = make_run(tmp_path / "run")
    run.request_stop()
    with pytest.raises(RunStopped):
        build_index(
            run, RetrievalSpec(sources=(document("休暇規程", [LEAVE]),), embedding_model=embedding_model)
        )


def test_the_graph_of_a_large_index_respects_the_filter(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    write_vectors(tmp_path, vectors, largest_exact=100)
    index = VectorIndex(tmp_path)
    assert index.nearest(vectors[7], 3)[0] == 7
    allowed = np.array([3, 50, 299])
    assert set(index.nearest(vectors[7], 10, allowed)) == {3, 50, 299}
    exact = allowed[np.argmax(vectors[allowed] @ vectors[7])]
    assert index.nearest(vectors[7], 1, allowed)[0] == exact


def test_retriever_returns_langchain_documents(
    tmp_path: Path, embedding_model: Path, document: Document
) -> None:
    folder, _ = built(tmp_path / "run", embedding_model, document("休暇規程", [LEAVE]))
    retriever = KoshaRetriever(
        index=Index(folder), embedder=Embedder(embedding_model), limit=1, groups=EVERYONE
    )
    (found,) = retriever.invoke("慶弔休暇 結婚")
    assert found.page_content.startswith("第2条")
    assert found.metadata["document_name"] == "休暇規程"


def test_padding_does_not_change_a_vector(embedding_model: Path) -> None:
    embedder = Embedder(embedding_model)
    texts = ["短い", "これはとても長い文章です。" * 9, "中くらいの文"]
    together = embedder.embed(texts, "passage")
    apart = np.concatenate([embedder.embed([text], "passage") for text in texts])
    assert np.allclose(together, apart, atol=1e-5)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)


def test_a_batch_is_short_and_short_texts_share_one(embedding_model: Path, monkeypatch: Any) -> None:
    """While a batch is computed every other organization and every search waits."""
    embedder, sizes = Embedder(embedding_model, is_shared=True), []
    forward = embedder._forward

    def measured(rows: list[list[int]]) -> Any:
        sizes.append(len(rows) * max(map(len, rows)))
        return forward(rows)

    monkeypatch.setattr(embedder, "_forward", measured)
    texts = ["長い文章です。" * (1 + number % 70) for number in range(80)]
    assert len(embedder.embed(texts, "passage")) == 80
    assert max(sizes) <= embedder.context_length == 512
    assert sum(sizes) / len(sizes) > 256, "short texts are computed together"


def test_a_model_folder_names_its_own_prompts_and_pooling(tmp_path: Path) -> None:
    folder = make_embedding_model(tmp_path / "model")
    plain = Embedder(folder).embed(["有給"], "query")
    (folder / "config_sentence_transformers.json").write_text(json.dumps({"prompts": {"query": "query: "}}))
    assert np.allclose(Embedder(folder).embed(["有給"], "query"), plain)
    (folder / "config_sentence_transformers.json").write_text(json.dumps({"prompts": {"query": "質問: "}}))
    assert not np.allclose(Embedder(folder).embed(["有給"], "query"), plain)


def test_a_passage_damaged_after_the_index_was_opened_is_not_shown(
    tmp_path: Path, embedding_model: Path, document: Document
) -> None:
    """The file is verified when it is opened, but SQLite reads its pages when they are asked for."""
    folder, _ = built(tmp_path / "run", embedding_model, document("旅費規程", [TRAVEL]))
    index = Index(folder)
    path = folder / "passages.sqlite"
    content = path.read_bytes()
    path.write_bytes(content.replace("日当".encode(), "日富".encode()))
    with pytest.raises(ArtifactDamaged):
        index.search("日当", Embedder(embedding_model), limit=1, groups=EVERYONE)


@pytest.mark.parametrize("file", ["bm25-passages.npy", "bm25-weights.npy", "vectors.faiss"])
@pytest.mark.parametrize("damage", [lambda path: os.truncate(path, 16), lambda path: _overwrite(path)])
def test_a_file_damaged_after_the_index_was_opened_changes_no_answer(
    tmp_path: Path,
    embedding_model: Path,
    document: Document,
    file: str,
    damage: Callable[[Path], None],
) -> None:
    """The verified files are in memory: a memory map of a file that is cut short would end the process."""
    folder, _ = built(
        tmp_path / "run", embedding_model, document("旅費規程", [TRAVEL]), document("休暇", [LEAVE])
    )
    index, embedder = Index(folder), Embedder(embedding_model)
    before = index.search("日当", embedder, limit=3, groups=EVERYONE)
    damage(folder / file)
    assert index.search("日当", embedder, limit=3, groups=EVERYONE) == before


def _overwrite(path: Path) -> None:
    """In place, as a disk does it: the file keeps its number."""
    with open(path, "r+b") as file:
        file.seek(128)
        file.write(b"\xff" * (path.stat().st_size - 128))
