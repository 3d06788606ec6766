"""What the tests of retrieval share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.engines.retrieval.tiny import make_embedding_model
from workers.contract.artifacts import write_manifest
from workers.contract.records import Page
from workers.contract.specs.retrieval import RetrievalSource

EVERYONE = ("everyone",)


@pytest.fixture(scope="session")
def embedding_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_embedding_model(tmp_path_factory.mktemp("embedding"))


@pytest.fixture
def document(tmp_path: Path) -> Callable[..., RetrievalSource]:
    """`document("規程", pages)` writes the pages where ingest would and names them."""

    def write(name: str, pages: Sequence[Page | str], *groups: str) -> RetrievalSource:
        whole = [
            page if isinstance(page, Page) else Page(kind="page", number=number, text=page)
            for number, page in enumerate(pages, 1)
        ]
        path = tmp_path / "pages" / name / "pages.jsonl"
        path.parent.mkdir(parents=True)
        path.write_text("".join(page.model_dump_json() + "\n" for page in whole), encoding="utf-8")
        write_manifest(path.parent, "pages")
        return RetrievalSource(
            document_id=f"doc-{name}",
            revision_id=f"rev-{name}",
            document_name=name,
            pages_path=path,
            groups=groups or EVERYONE,
        )

    return write
