"""The model server. Run: `python -m workers.engines.serving --host 127.0.0.1 --port 8001`.

It needs KOSHA_MODEL_SERVER_TOKEN and KOSHA_MODEL_ROOTS; `workers/engines/serving/settings.py` lists the rest.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING

from workers.engines.serving.settings import ServingSettings

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from workers.engines.serving.app import Services

STOP_SECONDS = 8.0


def make_services(settings: ServingSettings) -> Services:
    """Import the libraries, which takes seconds, and build the server's services."""
    import torch
    from transformers.utils import logging

    from workers.engines.serving.answers import Chat
    from workers.engines.serving.app import Services
    from workers.engines.serving.backends.torch.backend import TorchBackend
    from workers.engines.serving.model_cache import ModelCache
    from workers.engines.serving.retrieval import Retrieval

    torch.set_num_threads(settings.threads)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    cache, backend = ModelCache(settings.roots, settings.memory_bytes), TorchBackend(settings)
    return Services(cache, backend, Chat(settings, cache, backend), Retrieval(cache, backend))


def serve(app: Starlette, host: str, port: int) -> None:
    """Until SIGTERM or SIGINT. Answers still being written get three seconds, then they are cancelled."""
    import uvicorn

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            super().handle_exit(sig, frame)
            # A thread may be loading a model of gigabytes. It is not waited for: nothing here can be lost.
            deadline = threading.Timer(STOP_SECONDS, os._exit, [0])
            deadline.daemon = True
            deadline.start()

    config = uvicorn.Config(app, host=host, port=port, timeout_graceful_shutdown=3, access_log=False)
    Server(config).run()


def main() -> None:
    from workers.engines.serving.app import create_app

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001)
    arguments = parser.parse_args()
    try:
        settings = ServingSettings.from_environment()
    except ValueError as error:
        sys.exit(str(error))
    _prepare_environment(settings.threads)
    app = create_app(settings, lambda: make_services(settings))
    serve(app, arguments.host, arguments.port)


def _prepare_environment(threads: int) -> None:
    """What the libraries read when they are imported, which is later."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["OMP_NUM_THREADS"] = str(threads)
    # Threads that wait must sleep. Where training shares the cores, spinning threads make a step of
    # decoding two to four times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


if __name__ == "__main__":
    main()
