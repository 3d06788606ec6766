"""A real S3-compatible server (SeaweedFS), with one bucket that one key may write and another may read."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import urllib3
from minio import Minio

from stack.processes import free_port, kill_groups, spawn

BUCKET = "documents"
WRITER, READER = ("writer", "writer-secret"), ("reader", "reader-secret")
IDENTITIES = {
    "identities": [
        {
            "name": name,
            "credentials": [{"accessKey": name, "secretKey": secret}],
            "actions": actions,
        }
        for (name, secret), actions in (
            (WRITER, ["Admin", "Read", "Write", "List"]),
            (READER, [f"Read:{BUCKET}", f"List:{BUCKET}"]),
        )
    ]
}


@dataclass(frozen=True)
class S3Server:
    endpoint: str
    client: Minio
    """Of the key that may write."""


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    port = free_port()
    config = folder / "s3.json"
    config.write_text(json.dumps(IDENTITIES))
    data = folder / "data"
    data.mkdir()
    ports = [f"-{name}.port={free_port()}" for name in ("master", "volume", "filer")]
    ports += [f"-{name}.port.grpc={free_port()}" for name in ("master", "volume", "filer", "s3")]
    command = [
        "weed",
        f"-logdir={folder}",
        "server",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-dir={data}",
        "-master.telemetry=false",
        "-master.volumeSizeLimitMB=64",
        "-volume.max=8",
        "-filer",
        "-s3",
        f"-s3.port={port}",
        f"-s3.config={config}",
        *ports,
    ]
    log = folder / "weed.log"
    process = spawn(command, log=log, directory=folder)
    try:
        client = Minio(
            f"127.0.0.1:{port}",
            *WRITER,
            secure=False,
            region="us-east-1",
            http_client=urllib3.PoolManager(retries=False, timeout=5),
        )
        _wait(client, process, log)
        yield S3Server(f"http://127.0.0.1:{port}", client)
    finally:
        # It ignores SIGTERM for ten seconds.
        kill_groups([process])


def _wait(client: Minio, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until it stores an object: it answers before that."""
    deadline = time.monotonic() + 60
    while True:
        try:
            if not client.bucket_exists(BUCKET):
                client.make_bucket(BUCKET)
            client.fput_object(BUCKET, "ready", __file__)
            client.remove_object(BUCKET, "ready")
            return
        except Exception:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the S3 server did not start:\n{log.read_text()[-3000:]}") from None
            time.sleep(0.1)
