"""The environment variables of the installation, and the secrets that it generates."""

from __future__ import annotations

import json
import os
import secrets
import threading
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from workers.contract.specs.serving import CONTEXT_LIMIT

ROOT = Path(__file__).resolve().parents[2]

CommaList = Annotated[tuple[str, ...], NoDecode]
"""A list written as `a,b,c` in the environment."""


class Environment(BaseSettings):
    """Every variable that Kosha reads. The names are `KOSHA_` + field, except DATABASE_URL and REDIS_URL."""

    model_config = SettingsConfigDict(env_prefix="KOSHA_", frozen=True, env_ignore_empty=True)

    database_url: str | None = Field(default=None, validation_alias="DATABASE_URL")
    """`postgresql://user:password@host:port/name?sslmode=…`; unset: the embedded PostgreSQL."""
    redis_url: str | None = Field(default=None, validation_alias="REDIS_URL")
    """`redis://:password@host:port/0`; unset: the embedded Valkey."""

    var: Path = ROOT / "var"
    """The folder of all data of this installation: databases, storage, logs, generated secrets."""
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    """The port of the web; 0 lets the system choose."""
    allowed_hosts: CommaList = ("127.0.0.1", "localhost", "[::1]")
    trusted_origins: CommaList = ()
    """Origins with scheme that may post forms, for example `https://kosha.example.co.jp`."""
    https: bool = False
    """The browser sees HTTPS: cookies become secure and HSTS is sent."""
    behind_proxy: bool = False
    """A proxy sets X-Forwarded-Proto and removes the header that clients send."""

    public_url: str | None = None
    """Where people reach the console, for example `https://kosha.example.co.jp`; links in mails begin with it."""
    smtp_host: str = ""
    """The mail server; empty: one-time links are shown to the inviter instead of being mailed."""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str = ""
    smtp_password: str = ""
    mail_from: str = "kosha@localhost"
    """The sender of mails."""

    secret_key: str | None = None
    model_server_url: str | None = None
    """An external model server; unset: the supervisor starts one."""
    model_server_port: int = Field(default=0, ge=0, le=65535)
    """Port of the supervisor's model server; 0 takes a free one and stores its number."""
    model_server_token: str | None = None

    model_roots: str = ""
    """Further folders of base models, colon-separated; `var/models` is always one of them."""

    watched_folders: CommaList = ()
    """Folders that organizations may take documents from: `organization/name=path`, with the organization's short name."""
    bucket_hosts: CommaList = ()
    """Hosts of S3-compatible servers that may be read; none: every host that is not this machine."""

    job_cores: int | None = Field(default=None, ge=1)
    """Cores of this machine that jobs may use, read at each start; unset: all of them."""

    ocr: Literal["auto", "rapidocr", "tesseract", "none"] = "auto"
    """What recognizes the text of scans and images; `auto`: the first that the machine has."""
    read_together: int = Field(default=64, ge=1, le=500)
    """How many small files one process reads at most."""
    max_upload_bytes: int = Field(default=512 * 1024**2, gt=0)
    disk_floor_bytes: int | None = Field(default=None, ge=0)
    """With less free space nothing is stored; unset: 1 GiB, or a twentieth of a small disk."""
    disk_reserve_bytes: int | None = Field(default=None, ge=0)
    """Jobs start only with more free space; unset: 2 GiB, or a tenth of a small disk."""
    run_folder_days: int = Field(default=30, ge=1)
    """How long the run folder of an ended job is kept: its log, and the checkpoints of a failed one."""
    metrics_days: int = Field(default=90, ge=1)
    """How long every point of an ended training's curve is kept; after that a few hundred remain."""
    page_picture_days: int = Field(default=30, ge=1)
    """How long pictures of pages are kept after somebody has looked at them; then they are drawn again when they are wanted."""
    page_picture_bytes: int = Field(default=2 * 1024**3, ge=0)
    """Of all pictures of pages; beyond, those that were looked at longest ago are removed."""
    database_pool_size: int = Field(default=10, ge=2)
    """Connections of one web process."""
    serve_context_limit: int = Field(default=CONTEXT_LIMIT, ge=1)
    """As the model server reads it: what a base model's `context_length` says where the model could take more."""
    process: str = ""
    """`web` in the web process, the only one with a connection pool."""
    debug: bool = False
    log_level: str = "INFO"

    @field_validator("allowed_hosts", "trusted_origins", "watched_folders", "bucket_hosts", mode="before")
    @classmethod
    def split_at_commas(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("watched_folders")
    @classmethod
    def watched_folders_are_named(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            place, _, path = entry.partition("=")
            if place.count("/") != 1 or not all(place.split("/")) or not Path(path).is_absolute():
                raise ValueError(f"{entry}: write organization/name=/absolute/path")
        return value

    @field_validator("var")
    @classmethod
    def absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()


@cache
def environment() -> Environment:
    return Environment()


def secret(path: Path) -> str:
    """The secret in the file `path` (mode 600), generated on first use. Safe when two processes start at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        partial = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())  # after a power failure the secret must not be empty
        try:
            os.link(partial, path)  # fails if another process was first; its secret is used
        except FileExistsError:
            pass
        finally:
            partial.unlink()
    return path.read_text().strip()


def secret_key(env: Environment) -> str:
    return env.secret_key or secret(env.var / "secret_key")


def model_server_token(env: Environment) -> str:
    return env.model_server_token or secret(env.var / "model_server_token")


def model_roots(env: Environment) -> list[Path]:
    """The folders that may contain base models."""
    return [env.var / "models", *(Path(part) for part in env.model_roots.split(os.pathsep) if part)]


def watched_folders(env: Environment) -> dict[str, dict[str, Path]]:
    """By the organization's short name: each folder by its name."""
    found: dict[str, dict[str, Path]] = {}
    for entry in env.watched_folders:
        place, _, path = entry.partition("=")
        organization, _, name = place.partition("/")
        found.setdefault(organization, {})[name] = Path(path)
    return found


def running_stack(var: Path) -> dict[str, Any]:
    """The addresses of the embedded servers, as the supervisor wrote them (`var/stack.json`); empty if it never ran.

    `manage.py shell` finds the servers of a running `manage.py up` in this way.
    """
    try:
        return dict(json.loads((var / "stack.json").read_text()))
    except (FileNotFoundError, PermissionError, ValueError):
        return {}


def database_settings(url: str) -> dict[str, Any]:
    """Django's DATABASES entry for a `postgresql://` URL; query parameters become libpq options.

    Raises ValueError for any other scheme.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres"):
        raise ValueError("DATABASE_URL must start with postgresql://; Kosha runs on PostgreSQL only")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "kosha",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": dict(parse_qsl(parts.query)),
    }
