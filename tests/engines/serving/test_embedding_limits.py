"""What a request for embeddings may hold, and that it ends between two batches once its client has left."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from workers.contract.specs.serving import EmbeddingsBody, SearchBody
from workers.engines.serving.errors import ServeError
from workers.engines.shared.index.turns import Claim

pytestmark = pytest.mark.ml


class Model:
    weights = SimpleNamespace(context_length=512)

    def embed(self, texts, role, progress, claim):
        for done, _text in enumerate(texts, 1):
            progress(done)
        return np.ones((len(texts), 2), np.float32)


@pytest.fixture
def retrieval():
    from workers.engines.serving.retrieval import Retrieval

    cache = SimpleNamespace(lease=lambda *_: nullcontext(Model()))
    backend = SimpleNamespace(token_counts=lambda _weights, texts, _role: [len(text) for text in texts])
    return Retrieval(cache, backend)


def body(*texts: str) -> EmbeddingsBody:
    return EmbeddingsBody.model_validate({"input": texts, "kosha": {"embedding_model": Path("/x")}})


@pytest.mark.parametrize(
    ("texts", "code", "param"),
    [
        (["a" * 513], "context_length_exceeded", "input.0"),
        (["a", "a" * 513], "context_length_exceeded", "input.1"),
        (["a" * 500] * 601, "too_many_tokens", "input"),
    ],
)
def test_too_much_is_refused(retrieval, texts, code, param):
    with pytest.raises(ServeError) as refused:
        retrieval.embed(body(*texts))
    error = refused.value.body["error"]
    assert (refused.value.status, error["code"], error["param"]) == (400, code, param)


def test_only_a_search_is_urgent_and_both_say_whose_they_are(retrieval, monkeypatch):
    from workers.engines.serving import retrieval as module

    claims = []
    monkeypatch.setattr(
        Model, "embed", lambda _self, texts, _role, *_, claim: claims.append(claim) or np.ones((1, 2))
    )
    index = SimpleNamespace(
        search=lambda query, model, **_: [] if len(model.embed([query], "query")) else None
    )
    monkeypatch.setattr(module, "Index", object)
    wanted = {module.INDEXES: index, module.EMBEDDING_MODELS: Model()}
    lease = lambda kind, *_: nullcontext(wanted[kind])  # noqa: E731
    search = SearchBody(
        index=Path("/i"), query="?", groups=("g",), embedding_model=Path("/x"), organization="org_b"
    )
    served = module.Retrieval(SimpleNamespace(lease=lease), retrieval.backend)
    served.search(search)
    choice = {"embedding_model": Path("/x"), "role": "query", "organization": "org_a"}
    served.embed(EmbeddingsBody.model_validate({"input": "a", "kosha": choice}))
    assert claims == [Claim("org_b", urgent=True), Claim("org_a")]


def test_it_ends_once_the_client_has_left(retrieval):
    asked = []

    def has_left() -> bool:
        asked.append(None)
        return len(asked) == 3  # first before the texts are cut into tokens

    with pytest.raises(ServeError, match="left"):
        retrieval.embed(body("a", "b", "c"), has_left)
    assert len(asked) == 3
    assert retrieval.embed(body("a" * 500, *["b"] * 10)).tokens == 510


def test_texts_are_cut_into_tokens_in_parts_and_keep_their_places(retrieval):
    from workers.engines.serving.retrieval import PART_CHARACTERS, _parts

    texts = ["a" * 30_000, "b" * 30_000, "c" * 30_000, "d", "e" * 32_768]
    parts = list(_parts(texts))
    assert parts == [(0, texts[:2]), (2, texts[2:])]
    assert all(sum(map(len, part)) <= PART_CHARACTERS for _start, part in parts)
    with pytest.raises(ServeError) as refused:
        retrieval.embed(body(*["a" * 512] * 200, "a" * 513))
    assert refused.value.body["error"]["param"] == "input.200"
    assert len(retrieval.embed(body(*["a" * 512] * 300)).vectors) == 300
