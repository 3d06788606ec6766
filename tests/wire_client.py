"""The API as a test speaks to it: JSON in, JSON out, an error as its code and field."""

from __future__ import annotations

import json
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client


class Answer:
    def __init__(self, response: Any) -> None:
        self.response = response
        self.status: int = response.status_code

    @property
    def body(self) -> Any:
        return json.loads(self.response.content)

    @property
    def bytes(self) -> bytes:
        return b"".join(self.response) if self.response.streaming else self.response.content

    @property
    def error(self) -> tuple[int, str, str | None]:
        """Status, code and param; every error says what to do in a sentence."""
        error = self.body["error"]
        assert set(error) == {"type", "message", "param", "code"}
        assert error["message"].strip()
        return self.status, error["code"], error["param"]

    @property
    def ok(self) -> Any:
        assert self.status == 200, self.response.content[:2000]
        return self.body


class Api:
    """One caller, by its key."""

    def __init__(self, key: str | None) -> None:
        # A fault of ours shall be a 500 here as it is out there, for the tests look for exactly that.
        self.client = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}

    def get(self, path: str, **query: Any) -> Answer:
        return Answer(self.client.get(f"/v1/{path}", query, headers=self.headers))

    def delete(self, path: str) -> Answer:
        return Answer(self.client.delete(f"/v1/{path}", headers=self.headers))

    def post(self, path: str, body: Any = None, *, headers: dict[str, str] | None = None) -> Answer:
        raw = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
        return Answer(
            self.client.post(
                f"/v1/{path}",
                raw,
                content_type="application/json",
                headers={**self.headers, **(headers or {})},
            )
        )

    def send(self, path: str, **parts: Any) -> Answer:
        """Multipart; bytes become a file of their part's name."""
        fields = {
            name: SimpleUploadedFile(f"{name}.txt", value) if isinstance(value, bytes) else value
            for name, value in parts.items()
        }
        return Answer(self.client.post(f"/v1/{path}", fields, headers=self.headers))

    def upload(self, name: str, content: bytes, purpose: str = "user_data") -> Answer:
        return self.send("files", file=SimpleUploadedFile(name, content), purpose=purpose)
