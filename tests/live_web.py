"""The web as it runs: the real ASGI application under uvicorn, in a thread of the test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from middleware.slow_body import BodyTimeouts


@contextmanager
def live_web(timeouts: BodyTimeouts | None = None) -> Iterator[str]:
    """Its address; with shorter `timeouts` for bodies than in production, if given. The database must be
    visible to other connections (`transactional_db`)."""
    from config.asgi import application
    from middleware.http_protocol import BoundedHead
    from middleware.slow_body import SlowBody

    if timeouts is not None:
        # The shorter timeout ends the request.
        application = SlowBody(application, timeouts)
    config = uvicorn.Config(
        application, host="127.0.0.1", port=0, log_level="warning", lifespan="off", http=BoundedHead
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, daemon=True)
    started = threading.Event()
    startup = server.startup

    async def startup_and_signal(*arguments, **options):
        await startup(*arguments, **options)
        started.set()

    server.startup = startup_and_signal  # type: ignore[method-assign]
    thread.start()
    assert started.wait(20), "uvicorn did not start"
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)
