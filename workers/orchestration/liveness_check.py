"""Whether a pod's worker or beat still turns, for Kubernetes to ask: the standard library alone, some 40 ms.

    python -I workers/orchestration/liveness_check.py /var/lib/kosha/beacons/worker      exits with 0: it does

Its beacon has moved since the last look. "Moved", not "recent": clocks jump. While the broker says nothing
neither is to be blamed, and the trainings beside a worker must go on.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

BROKER_SECONDS = 3.0


def has_moved(beacon: Path) -> bool:
    """The mark of the last look lies beside the beacon."""
    try:
        mark = str(beacon.stat().st_mtime_ns)
    except OSError:
        return False
    last = beacon.with_name(f"{beacon.name}.seen")
    before = last.read_text() if last.exists() else ""
    last.write_text(mark)
    return mark != before


def broker_answers(url: str) -> bool:
    """Any answer counts, also one that asks for a password."""
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname, parts.port or 6379), BROKER_SECONDS) as connection:
            speaking = _encrypted(connection) if parts.scheme == "rediss" else connection
            speaking.sendall(b"PING\r\n")
            return bool(speaking.recv(1))
    except OSError:
        return False


def _encrypted(connection: socket.socket) -> socket.socket:
    """To whoever it is: nothing secret is said."""
    import ssl  # a third of the time that all of this takes

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(connection)


def main() -> None:
    beacon = Path(sys.argv[1])
    # In this order: a look that was not taken would let the next one count twice as long.
    if not has_moved(beacon) and broker_answers(os.environ["REDIS_URL"]):
        sys.exit(f"{beacon.name} has not moved since the last look")


if __name__ == "__main__":
    main()
