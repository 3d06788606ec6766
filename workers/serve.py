"""The model server. Run: `python -m workers.serve --host 127.0.0.1 --port 8001`.

It needs KOSHA_MODEL_SERVER_TOKEN and KOSHA_MODEL_ROOTS; `workers/serving/settings.py` lists the rest.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from workers.serving.settings import ServeSettings

if TYPE_CHECKING:
    from workers.serving.app import Services


def make_services(settings: ServeSettings) -> Services:
    """Import the libraries (seconds) and join retrieval with serving, which do not know each other."""
    import torch
    from transformers.utils import logging

    from workers.rag.embedding import Embedder
    from workers.rag.search import Index
    from workers.serving.app import Services
    from workers.serving.chat import Chat
    from workers.serving.retrieval import Retrieval
    from workers.serving.shelf import Shelf

    torch.set_num_threads(settings.threads)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    shelf = Shelf(settings.roots, settings.memory_bytes)
    return Services(shelf, Chat(settings, shelf), Retrieval(shelf, Index, Embedder))


def main() -> None:
    import uvicorn

    from workers.serving.app import create_app

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001)
    arguments = parser.parse_args()
    try:
        settings = ServeSettings.from_environment()
    except ValueError as error:
        sys.exit(str(error))
    _prepare_environment(settings.threads)
    app = create_app(settings, lambda: make_services(settings))
    # Answers still being written are given a moment, then broken off.
    uvicorn.run(app, host=arguments.host, port=arguments.port, timeout_graceful_shutdown=3, access_log=False)


def _prepare_environment(threads: int) -> None:
    """What the libraries read when they are imported, which is later."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["OMP_NUM_THREADS"] = str(threads)
    # Threads that wait must sleep: where training shares the cores, spinning ones made a step of
    # decoding two to four times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


if __name__ == "__main__":
    main()
