"""Looks into another installation's database and storage."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import psycopg

from demo.installation import Installation
from stack.servers import postgres_program

VERIFY_CHAINS = """
import json
from audit.models import AuditHead
from audit.chain import chain_verify
print(json.dumps({head.pk: chain_verify(head.pk).broken for head in AuditHead.objects.all()}))
"""


def chains_hold(installation: Installation) -> bool:
    """Whether every organization's audit trail is unbroken."""
    done = installation.manage("shell", "--no-imports", "-c", VERIFY_CHAINS)
    assert done.returncode == 0, done.stderr
    broken = json.loads(done.stdout.strip().splitlines()[-1])
    return bool(broken) and not any(broken.values())


def places_named(installation: Installation, place: Path) -> list[str]:
    """Where rows still name the place that the installation came from; the audit trail is history."""
    with psycopg.connect(installation.state["database_url"]) as connection:
        url = connection.info
        options = [
            f"--host={url.host}",
            f"--port={url.port}",
            f"--username={url.user}",
            f"--dbname={url.dbname}",
        ]
        dump = subprocess.run(
            [postgres_program("pg_dump"), "--data-only", "--inserts", "--exclude-table=audit_auditevent", *options],
            env={**os.environ, "PGPASSWORD": url.password}, capture_output=True, text=True, check=True,
        )  # fmt: skip
    return [line[:200] for line in dump.stdout.splitlines() if str(place) in line]
