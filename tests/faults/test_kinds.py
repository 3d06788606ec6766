"""The plan follows from the seed, and each fault has its effect."""

from __future__ import annotations

import os
import random
import subprocess

import pytest
import redis
from django.conf import settings

from tests.faults.installation import FaultyInstallation
from tests.faults.kinds import KINDS
from tests.faults.kinds.damage import damage
from tests.faults.kinds.messages import Duplicator, pushed
from tests.faults.plan import make_plan


def test_plan_follows_from_the_seed():
    assert make_plan(7, 900, list(KINDS)) == make_plan(7, 900, list(reversed(list(KINDS))))
    assert make_plan(7, 900, list(KINDS)) != make_plan(8, 900, list(KINDS))


def test_fifteen_minutes_contain_every_kind():
    assert {planned.kind for planned in make_plan(1, 900, list(KINDS))} == set(KINDS)


@pytest.mark.parametrize("how", ["truncate", "flip", "delete"])
def test_damage_changes_one_file(tmp_path, how):
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"content of some length")
    damage(tmp_path, how, random.Random(3))
    whole = [path for path in tmp_path.iterdir() if path.read_bytes() == b"content of some length"]
    assert len(whole) == 1


def test_reads_pushed_messages_of_other_clients_from_the_monitor():
    line = '1700000000.1 [0 127.0.0.1:5] "LPUSH" "celery" "{\\"a\\": \\"\\\\\\"q\\x00\\"}"'
    assert pushed(line, "127.0.0.1:6") == b'{"a": "\\"q\x00"}'
    assert pushed(line, "127.0.0.1:5") is None
    assert pushed(line.replace('"celery"', '"unacked"'), "127.0.0.1:6") is None


@pytest.mark.slow
def test_duplicates_every_message():
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.delete("celery")
        duplicator = Duplicator(settings.REDIS_URL)
        duplicator.start()
        assert duplicator.listening.wait(10)
        client.lpush("celery", '{"a": "b"}')
        while client.llen("celery") < 2:
            assert duplicator.is_alive()
        duplicator.end()
        assert client.lrange("celery", 0, -1) == [b'{"a": "b"}'] * 2
        client.delete("celery")


@pytest.mark.skipif(os.geteuid() != 0, reason="a disk that can be filled needs root")
def test_fills_and_empties_the_disk(tmp_path):
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "kosha-faults", str(tmp_path)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        installation = FaultyInstallation(tmp_path)
        assert installation.has_own_disk
        installation.fill_disk()
        with pytest.raises(OSError, match="No space"):
            (tmp_path / "more").write_bytes(b"1")
        installation.empty_disk()
        (tmp_path / "more").write_bytes(b"1")
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
