"""A storage that cannot be used is reported as such, and uploads into it are refused."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest
from django.apps import apps

from common.error_answers import known_error
from config.env import Environment
from health.parts import Name
from health.probes import BrokerFacts, Probe, Unreachable, ask_all, ask_storage
from health.report import judge
from workers.contract.specs.serving import Health


def reported() -> tuple[str, str]:
    """Status and code in the report."""
    answers = {
        **ask_all({Name.STORAGE: Probe(ask_storage)}, 10),
        Name.DATABASE: Unreachable(),
        Name.BROKER: BrokerFacts(0, False),
        Name.MODEL_SERVER: Health(status="ok"),
    }
    (storage,) = (one for one in judge(answers) if one.name is Name.STORAGE)
    return storage.status.value, storage.code


def forbid(right: int) -> Callable[[Path, pytest.MonkeyPatch], object]:
    """The system says so also to root where the mount is read-only."""
    return lambda root, patch: patch.setattr(
        os, "access", lambda path, mode: path != root or not mode & right
    )


UNUSABLE: dict[str, Callable[[Path, pytest.MonkeyPatch], object]] = {
    "missing": lambda root, patch: root.rmdir(),
    "file in its place": lambda root, patch: (root.rmdir(), root.touch()),
    "not readable": forbid(os.R_OK),
    "not writable": forbid(os.W_OK),
    "closed": forbid(os.X_OK),
    "failing": lambda root, patch: patch.setattr(Path, "is_dir", Mock(side_effect=error(errno.EIO))),
}


@pytest.mark.parametrize("why", UNUSABLE)
def test_unusable_storage_is_down(settings, monkeypatch, why):
    # Whatever disk the tests run on, it shall not be called full.
    settings.KOSHA_DISK_FLOOR_BYTES = settings.KOSHA_DISK_RESERVE_BYTES = 0
    assert reported() == ("ok", "")
    with monkeypatch.context() as patch:
        UNUSABLE[why](Path(settings.KOSHA_STORAGE_ROOT), patch)
        assert reported() == ("down", "unreachable")


READ_ONLY = """
mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$2" -c "
import os, sys
print(os.access(sys.argv[1], os.R_OK | os.W_OK | os.X_OK))" "$1"
"""


def test_system_reports_a_read_only_mount(tmp_path):
    """What the question relies on."""
    command = ["unshare", "--mount", "sh", "-c", READ_ONLY, "sh", str(tmp_path), sys.executable]
    answer = subprocess.run(command, capture_output=True, text=True)
    if answer.returncode:
        pytest.skip("nothing may be mounted here")
    assert answer.stdout == "False\n"


@pytest.mark.slow
def test_web_makes_the_storage_of_a_new_installation(tmp_path, repository):
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "KOSHA_VAR": str(tmp_path / "var"),
        "PYTHONPATH": os.pathsep.join([str(repository / "platform"), str(repository)]),
    }
    for process, is_made in (("", False), ("web", True)):
        command = [sys.executable, "-c", "import django; django.setup()"]
        subprocess.run(command, env={**environment, "KOSHA_PROCESS": process}, check=True, timeout=60)
        assert (tmp_path / "var" / "storage").is_dir() is is_made


def test_web_starts_where_the_storage_cannot_be_made(tmp_path, settings, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr("config.env.environment", lambda: Environment(process="web"))
    for settings.KOSHA_STORAGE_ROOT in (tmp_path / "file" / "storage", tmp_path / "file"):
        apps.get_app_config("stack").ready()
    assert (tmp_path / "file").is_file()


AWAY = [errno.EROFS, errno.EIO, errno.ESTALE]


def error(number: int, *named: str) -> OSError:
    return OSError(number, os.strerror(number), *named)


@pytest.mark.parametrize("number", AWAY, ids=errno.errorcode.get)
def test_disk_errors_in_the_storage_are_refusals(settings, number):
    inside = [
        (),
        (str(settings.KOSHA_STORAGE_ROOT / "organizations"),),
        (os.fsencode(settings.KOSHA_STORAGE_ROOT),),
        (str(Path(settings.FILE_UPLOAD_TEMP_DIR, "body")),),
    ]
    for named in inside:
        known = known_error(error(number, *named))
        assert known is not None and (known.status, known.code) == (503, "storage_unavailable")
    for other in ("/etc/hosts", f"{settings.KOSHA_STORAGE_ROOT}-else/file"):
        assert known_error(error(number, other)) is None
    assert known_error(error(errno.ENOENT, str(settings.KOSHA_STORAGE_ROOT))) is None


@pytest.mark.parametrize("number", AWAY, ids=errno.errorcode.get)
def test_upload_without_storage_is_refused_with_advice(api, monkeypatch, storage, number):
    def refuse(*_: object, dir: Path, **__: object) -> None:
        raise error(number, str(dir))

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", refuse)
    answer = api.upload("規則.txt", b"abc")
    assert answer.error == (503, "storage_unavailable", None)
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize(("language", "words"), [("en", "Ask your operator"), ("ja", "運用担当者")])
def test_page_without_storage_is_refused_in_the_readers_language(world, client, monkeypatch, language, words):
    def refuse(*_: object, **__: object) -> None:
        raise error(errno.EIO)

    client.force_login(world.person("owner"))
    client.cookies["django_language"] = language
    monkeypatch.setattr("documents.views.render", refuse)
    page = client.get("/documents")
    assert page.status_code == 503 and int(page["Retry-After"]) > 0
    assert words in page.content.decode()
