"""The notice that a stopping web process sends to clients whose answers it interrupts.

uvicorn gives open answers a few seconds and then cancels them silently. A client would take a stream that just
ends for a network error or for a complete, short answer. So the last event of the stream gives the reason.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from middleware.early_answers import Application, Message, Receive, Send, headers_of, send_unavailable

CODE = "server_stopping"
SENTENCE = (
    "The platform is being restarted and broke this answer off. Ask again in a moment; where the request "
    "changed something, look first whether it was done."
)
SENTENCE_JA = (
    "システムを再起動しているため、回答が途中で終わりました。少し待ってから、もう一度お試しください。"
)
RETRY_AFTER_SECONDS = 5
NOTICE_SECONDS = 0.5
"""The longest wait for a client that does not read the notice."""
END_SECONDS = 1.0
"""For the open requests: to notice that the client is gone, and to store what they have."""


class ShutdownNotice:
    """ASGI middleware. Nothing outside it may start a task, because the server cancels the one it runs in.

    Run the server with `--lifespan on`: otherwise it ends before the notice is sent.
    """

    def __init__(self, application: Application) -> None:
        self.application = application
        self._open: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        response = _Response(send)
        work = asyncio.ensure_future(self.application(scope, receive, response.send))
        self._open.add(work)
        work.add_done_callback(self._open.discard)
        try:
            # Django leaves its own tasks running when it is cancelled, so it is not cancelled. The server tells it
            # that the client has disconnected, and Django then ends them.
            await asyncio.shield(work)
        except asyncio.CancelledError:
            if not await response.interrupt(scope["path"]):
                raise

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if self._open:
            await asyncio.wait(self._open, timeout=END_SECONDS)
        await send({"type": "lifespan.shutdown.complete"})


@dataclass
class _Response:
    """One response: what has been sent of it, and how it is interrupted."""

    _send: Send
    _media_type: bytes | None = None
    """Known once the response has started."""
    _is_over: bool = False

    async def send(self, message: Message) -> None:
        if self._is_over:
            return
        if message["type"] == "http.response.start":
            self._media_type = headers_of(message).get(b"content-type", b"")
        else:
            self._is_over = not message.get("more_body", False)
        await self._send(message)

    async def interrupt(self, path: str) -> bool:
        """Send the notice; False if that is impossible. In the middle of a file there is no place for one: the
        connection is closed, and the client sees that fewer bytes came than announced."""
        has_begun, was_over, self._is_over = self._media_type is not None, self._is_over, True
        if was_over:
            return True
        if has_begun and not (self._media_type or b"").startswith(b"text/event-stream"):
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(NOTICE_SECONDS):
                if has_begun:
                    await self._send({"type": "http.response.body", "body": _last_event(path)})
                else:
                    await send_unavailable(self._send, path, ERROR, STOPPING_PAGE, RETRY_AFTER_SECONDS)
        return True


ERROR = {"type": "server_error", "message": SENTENCE, "param": None, "code": CODE}


def _last_event(path: str) -> bytes:
    """In OpenAI's form for the API, in the console's own for its pages."""
    if path.startswith("/v1/"):
        return f"data: {json.dumps({'error': ERROR})}\n\n".encode()
    notice = {"message": f"{SENTENCE_JA} {SENTENCE}", "code": CODE}
    return f"event: error\ndata: {json.dumps(notice, ensure_ascii=False)}\n\n".encode()


STOPPING_PAGE = f"""<!doctype html>
<html lang="ja"><head><meta charset="utf-8"><title>Kosha</title></head><body>
<h1>再起動しています</h1>
<p>少し待ってから、ページを読み込み直してください。送信した内容は、処理されているかを先に確認してください。</p>
<p lang="en">{SENTENCE}</p>
<p><code>{CODE}</code></p>
</body></html>
"""
