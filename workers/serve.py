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
    logging.disable_progress_bar()
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
    # Read by OpenMP when the libraries are imported, which is after this.
    os.environ["OMP_NUM_THREADS"] = str(settings.threads)
    os.environ["HF_HUB_OFFLINE"] = "1"
    app = create_app(settings, lambda: make_services(settings))
    # Answers still being written are given a moment, then broken off.
    uvicorn.run(app, host=arguments.host, port=arguments.port, timeout_graceful_shutdown=3, access_log=False)


if __name__ == "__main__":
    main()
