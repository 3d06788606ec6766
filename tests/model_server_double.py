"""A small model server with the real one's HTTP interface, whose answers a test sets."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from workers.contract.personal_data import PersonalSpan, masked
from workers.engines.shared.personal_data import find

SOURCE = {
    "document_id": "file-1",
    "revision_id": "rev_1",
    "document_name": "規則.txt",
    "kind": "page",
    "number": 3,
    "label": None,
    "cells": None,
}


def hit(text: str, *, spans: Sequence[PersonalSpan] = (), **source: Any) -> dict[str, Any]:
    """A passage as the index holds it, with the places of its personal data."""
    scores = {"score": 0.9, "dense_score": 0.8, "lexical_score": 7.0}
    places = [span.model_dump() for span in spans]
    return {"chunk_id": "c1", "text": text, "spans": places, "source": {**SOURCE, **source}, **scores}


def leaving(hit: dict[str, Any], mode: str) -> dict[str, Any]:
    """As it leaves the real server."""
    if mode == "raw":
        return {**hit, "personal_data": mode}
    text = masked(hit["text"], map(PersonalSpan.model_validate, hit["spans"]))
    source = hit["source"]
    label = source["label"] and masked(source["label"], find(source["label"]))
    source = {**source, "label": label}
    return {**hit, "text": text, "source": source, "spans": [], "personal_data": mode}


def _mode(hit: dict[str, Any], body: dict[str, Any]) -> str:
    is_masked = hit["source"]["document_id"] in body["masked_document_ids"]
    return "masked" if is_masked else str(body["personal_data"])


class ModelServerDouble:
    def __init__(self) -> None:
        self.answer = ["有給休暇は", "10日です。"]
        self.answer_to: Callable[[dict[str, Any]], list[str]] = lambda _body: self.answer
        """The pieces of the answer to a request."""
        self.hits = [hit("第5条 有給休暇は10日とする。")]
        self.error: tuple[int, dict[str, Any]] | None = None
        """The answer to every request, where set."""
        self.breaks_after: int | None = None
        """Pieces of a stream after which the connection breaks."""
        self.error_after: int | None = None
        """Pieces of a stream after which an error event comes."""
        self.waits_after: int | None = None
        """Pieces of an answer after which nothing comes until `go_on` is set."""
        self.go_on = threading.Event()
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.closed_early = threading.Event()
        double = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                double.asked.append((self.path, body))
                double._serve(self, body)

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()

    def bodies(self, path: str) -> list[dict[str, Any]]:
        return [body for asked, body in self.asked if asked == path]

    def _serve(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        if self.error is not None:
            status, error = self.error
            _json(handler, {"error": error}, status)
        elif handler.path == "/v1/search":
            hits = [leaving(hit, _mode(hit, body)) for hit in self.hits[: body["limit"]]]
            _json(handler, {"hits": hits, "seconds": 0.01})
        elif handler.path == "/v1/embeddings":
            data = [{"embedding": [1.0, 0.5], "index": n} for n, _text in enumerate(body["input"])]
            _json(handler, {"data": data, "usage": {"prompt_tokens": 3, "total_tokens": 3}})
        elif body["stream"]:
            self._stream(handler, body)
        else:
            if self.waits_after is not None:
                self.go_on.wait()
            message = {"role": "assistant", "content": "".join(self.answer_to(body)), "refusal": None}
            choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
            _json(handler, {**_common(body, "chat.completion"), "choices": [choice], "usage": USAGE})

    def _stream(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        pieces = [
            ({"role": "assistant", "content": ""}, None),
            *(({"content": p}, None) for p in self.answer_to(body)),
        ]
        try:
            for number, (delta, reason) in enumerate([*pieces, ({}, "stop")]):
                if number == self.breaks_after:
                    return
                if number == self.waits_after:
                    self.go_on.wait()
                if number == self.error_after:
                    _event(handler, {"error": {"code": "serve.system.broken", "message": "It broke."}})
                    return
                choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
                _event(handler, {**_common(body, "chat.completion.chunk"), "choices": [choice]})
            if (body.get("stream_options") or {}).get("include_usage"):
                _event(handler, {**_common(body, "chat.completion.chunk"), "choices": [], "usage": USAGE})
            handler.wfile.write(b"data: [DONE]\n\n")
        except OSError:
            self.closed_early.set()


USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}


def _common(body: dict[str, Any], kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": body["model"]}


def _json(handler: BaseHTTPRequestHandler, value: dict[str, Any], status: int = 200) -> None:
    content = json.dumps(value).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


def _event(handler: BaseHTTPRequestHandler, value: dict[str, Any]) -> None:
    handler.wfile.write(f"data: {json.dumps(value, ensure_ascii=False)}\n\n".encode())
    handler.wfile.flush()
