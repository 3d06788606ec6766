"""Where a source lies, as people and the API state it."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from common.wire import Body


class FolderPlace(Body):
    kind: Literal["folder"] = "folder"
    folder: str = Field(min_length=1, max_length=100)
    """The name of a folder that the operator has allowed."""


class BucketPlace(Body):
    kind: Literal["s3"] = "s3"
    endpoint: str = Field(max_length=300)
    """`https://host` or `http://host:port`."""
    bucket: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$")
    prefix: str = Field(default="", max_length=500)
    """The folder in the bucket; empty for all of it."""
    region: str = Field(default="us-east-1", pattern=r"^[a-z0-9-]{1,40}$")
    access_key: str = Field(default="", max_length=200)

    @field_validator("endpoint")
    @classmethod
    def _is_origin(cls, value: str) -> str:
        parts = urlsplit(value.strip().rstrip("/"))
        try:
            is_origin = parts.port is None or parts.port > 0
        except ValueError:
            is_origin = False
        extra = parts.path or parts.query or parts.fragment or parts.username or parts.password
        if parts.scheme not in ("http", "https") or not parts.hostname or extra or not is_origin:
            raise ValueError("write https://host or https://host:port, and nothing more")
        return parts.geturl()

    @field_validator("prefix")
    @classmethod
    def _is_folder(cls, value: str) -> str:
        value = value.strip().strip("/")
        return f"{value}/" if value else ""

    @property
    def host(self) -> str:
        return urlsplit(self.endpoint).hostname or ""


Place = Annotated[FolderPlace | BucketPlace, Field(discriminator="kind")]
