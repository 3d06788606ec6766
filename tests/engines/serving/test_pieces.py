"""The parts of serving that need no model: text as it comes, the shelf, settings."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from workers.engines.serving.errors import ServeError
from workers.engines.serving.settings import ServingSettings
from workers.engines.serving.shelf import Shelf
from workers.engines.serving.text_stream import TextStream


class ByteTokenizer:
    """Token = byte."""

    def decode(self, tokens: list[int], skip_special_tokens: bool) -> str:
        return bytes(tokens).decode("utf-8", "replace")


def streamed(text: str, *stops: str) -> list[str]:
    stream = TextStream(ByteTokenizer(), stops)
    parts = []
    for byte in text.encode():
        parts.append(stream.push(byte))
        if stream.stopped:
            break
    return [part for part in [*parts, stream.finish()] if part]


def test_characters_of_several_bytes_come_whole() -> None:
    assert streamed("有a給🙂") == ["有", "a", "給", "🙂"]


def test_an_unfinished_character_comes_at_the_end() -> None:
    stream = TextStream(ByteTokenizer())
    assert [stream.push(byte) for byte in "有".encode()[:2]] == ["", ""]
    assert stream.finish() == "\ufffd"


@pytest.mark.parametrize(
    ("text", "stops", "expected"),
    [
        ("答えです。\n質問: 次", ["\n質問"], "答えです。"),
        ("ab\nab\ncd", ["\ncd"], "ab\nab"),
        ("aab", ["ab"], "a"),
        ("最後に\n質", ["\n質問"], "最後に\n質"),
        ("abc", ["c", "b"], "a"),
    ],
)
def test_nothing_beyond_a_stop_string_is_sent(text: str, stops: list[str], expected: str) -> None:
    assert "".join(streamed(text, *stops)) == expected


def test_text_that_cannot_begin_a_stop_string_is_not_held_back() -> None:
    assert streamed("abcd", "x") == ["a", "b", "c", "d"]


class Thing:
    def __init__(self, size: int) -> None:
        self.bytes = size
        self.closed = False

    def close(self) -> None:
        self.closed = True


def folders(root: Path, *names: str) -> list[Path]:
    for name in names:
        (root / name).mkdir()
    return [root / name for name in names]


def test_what_was_unused_for_longest_is_let_go(tmp_path: Path) -> None:
    one, two, three = folders(tmp_path, "1", "2", "3")
    shelf = Shelf((tmp_path,), memory_bytes=20)
    first = shelf.lease("k", one, lambda _: Thing(10), "p")
    second = shelf.lease("k", two, lambda _: Thing(10), "p")
    second.release()
    second.release()
    shelf.lease("k", three, lambda _: Thing(10), "p")
    assert (first.thing.closed, second.thing.closed) == (False, True)
    assert shelf.paths() == {"k": [str(one), str(three)]}


def test_a_folder_is_loaded_once_for_all_who_wait(tmp_path: Path) -> None:
    (folder,) = folders(tmp_path, "1")
    shelf, loads, everyone = Shelf((tmp_path,), 100), [], threading.Barrier(4)

    def load(path: Path) -> Thing:
        loads.append(path)
        return Thing(1)

    def ask(_: int) -> Thing:
        everyone.wait()
        return shelf.lease("k", folder, load, "p").thing

    with ThreadPoolExecutor(4) as pool:
        things = set(pool.map(ask, range(4)))
    assert (len(things), len(loads)) == (1, 1)


def test_only_folders_under_the_roots_are_opened(tmp_path: Path) -> None:
    inside, outside = folders(tmp_path, "inside", "outside")
    (inside / "link").symlink_to(outside)
    shelf = Shelf((inside,), 100)
    for path in (outside, inside / ".." / "outside", inside / "link", Path("/etc")):
        with pytest.raises(ServeError) as error:
            shelf.lease("k", path, lambda _: Thing(1), "index")
        assert (error.value.status, error.value.code) == (403, "path_not_allowed")
    with pytest.raises(ServeError) as error:
        shelf.allowed(inside / "absent", "index")
    assert error.value.code == "serve.system.artifact_missing"


def test_a_load_that_fails_is_tried_again(tmp_path: Path) -> None:
    (folder,) = folders(tmp_path, "1")
    shelf = Shelf((tmp_path,), 100)

    def fail(_: Path) -> Thing:
        raise RuntimeError("no memory")

    with pytest.raises(RuntimeError):
        shelf.lease("k", folder, fail, "p")
    assert shelf.lease("k", folder, lambda _: Thing(1), "p").thing.bytes == 1


def test_settings_say_what_is_missing() -> None:
    with pytest.raises(ValueError, match="KOSHA_MODEL_SERVER_TOKEN"):
        ServingSettings.from_environment({})
    with pytest.raises(ValueError, match="KOSHA_MODEL_ROOTS"):
        ServingSettings.from_environment({"KOSHA_MODEL_SERVER_TOKEN": "t"})
    whole = {"KOSHA_MODEL_SERVER_TOKEN": "t", "KOSHA_MODEL_ROOTS": "/a:/b", "KOSHA_THREADS": "3"}
    assert ServingSettings.from_environment(whole).threads == 3
    with pytest.raises(ValueError, match="KOSHA_THREADS"):
        ServingSettings.from_environment({**whole, "KOSHA_THREADS": "many"})
