"""What the tests of serving share: a folder of tiny models, and a real server over it."""

from __future__ import annotations

import contextlib
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.engines.retrieval.tiny import make_embedding_model, make_run
from tests.engines.serving.tiny import make_adapter, make_base_model
from workers.contract.artifacts import write_manifest
from workers.contract.records import Page
from workers.contract.specs.retrieval import RetrievalSource, RetrievalSpec
from workers.engines.serving.settings import ServingSettings

if TYPE_CHECKING:
    from workers.engines.serving.app import Services

TOKEN = "secret"
QUEUE_LIMIT = 16


@dataclass(frozen=True)
class Models:
    root: Path
    base: Path
    red: Path
    blue: Path
    embedding: Path
    index: Path


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    root = tmp_path_factory.mktemp("models")
    base = make_base_model(root / "base")
    embedding = make_embedding_model(root / "embedding")
    return Models(
        root,
        base,
        make_adapter(root / "red", base, 1),
        make_adapter(root / "blue", base, 2),
        embedding,
        _make_index(root / "index", embedding),
    )


def _make_index(folder: Path, embedding: Path) -> Path:
    from workers.engines.retrieval.engine import build_index

    pages = folder.with_name("pages") / "pages.jsonl"
    pages.parent.mkdir()
    text = "第1条（休暇）\n有給休暇は年10日とする。\n第2条（旅費）\n宿泊費は一万円とする。\n第3条（当番）\n当番は090-1234-5678とする。"
    pages.write_text(Page(kind="page", number=1, text=text).model_dump_json(), encoding="utf-8")
    write_manifest(pages.parent, "pages")
    source = RetrievalSource(
        document_id="d1", revision_id="r1", document_name="規程", pages_path=pages, groups=("everyone",)
    )
    run = make_run(folder)
    build_index(run, RetrievalSpec(sources=(source,), embedding_model=embedding))
    return run.output_dir


@pytest.fixture
def damaged(models: Models, tmp_path: Path) -> Iterator[Path]:
    """An adapter that was never loaded and of which one byte was changed after it was sealed."""
    folder = make_adapter(models.root / f"damaged-{tmp_path.name}", models.base, 3)
    weights = folder / "adapter_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def settings_for_server(models: Models) -> ServingSettings:
    return ServingSettings(
        token=TOKEN, roots=(models.root,), dtype="float32", queue_limit=QUEUE_LIMIT, batch_size=4
    )


@contextlib.contextmanager
def running_server(settings: ServingSettings, make_services: Callable[[], Services]) -> Iterator[str]:
    """The base URL of a model server in a thread of this process."""
    import uvicorn

    from workers.engines.serving.app import create_app

    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        create_app(settings, make_services), log_level="warning", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listener.close()


@pytest.fixture(scope="session")
def server(settings_for_server: ServingSettings) -> Iterator[str]:
    from workers.engines.serving.server import make_services

    with running_server(settings_for_server, lambda: make_services(settings_for_server)) as url:
        yield url
