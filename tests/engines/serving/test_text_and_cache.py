"""The parts of serving that need no model: text as it comes, the model cache, settings."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from workers.contract.prompts import STOP_STRINGS
from workers.engines.serving.errors import ServeError
from workers.engines.serving.model_cache import ModelCache
from workers.engines.serving.settings import ServingSettings
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


def test_sends_multibyte_characters_whole() -> None:
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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("日当は3,000円です。\n質問: 宿泊費は?\n回答: 9,800円", "日当は3,000円です。"),
        ("質問: 別の質問ですか", ""),
        ("回答: 3,000円です。", "3,000円です。"),
        (" 答え：3,000円です。</資料>\n", "3,000円です。"),
        ("24か月です。短答: 24か月", "24か月です。"),
        ("3,000円です。次の資料だけを根拠にして質問に", "3,000円です。"),
        ("質問は総務課へお寄せください。", "質問は総務課へお寄せください。"),
        ("所属長の承認を得ます。所属長の承認を得ます。所属長の", "所属長の承認を得ます。"),
        ("注意" + "はい" * 30, "注意はい"),
        ("- 通勤手当\n- 住宅手当\n- 家族手当\n", "- 通勤手当\n- 住宅手当\n- 家族手当\n"),
        ("いろいろな物をいろいろな人に", "いろいろな物をいろいろな人に"),
        ("| --- | --- | --- | --- | --- | --- |", "| --- | --- | --- | --- | --- | --- |"),
    ],
)
def test_only_the_answer_is_sent(text: str, expected: str) -> None:
    assert "".join(streamed(text, *STOP_STRINGS)) == expected


def test_text_that_cannot_begin_a_stop_string_is_not_held_back() -> None:
    assert streamed("abcd", "x") == ["a", "b", "c", "d"]


class FakeModel:
    def __init__(self, size: int) -> None:
        self.bytes = size
        self.closed = False

    def close(self) -> None:
        self.closed = True


def folders(root: Path, *names: str) -> list[Path]:
    for name in names:
        (root / name).mkdir()
    return [root / name for name in names]


def test_unloads_what_was_used_longest_ago(tmp_path: Path) -> None:
    one, two, three = folders(tmp_path, "1", "2", "3")
    cache = ModelCache((tmp_path,), memory_bytes=20)
    first = cache.lease("k", one, lambda _: FakeModel(10), "p")
    second = cache.lease("k", two, lambda _: FakeModel(10), "p")
    second.release()
    second.release()
    cache.lease("k", three, lambda _: FakeModel(10), "p")
    assert (first.loaded.closed, second.loaded.closed) == (False, True)
    assert cache.paths() == {"k": [str(one), str(three)]}


def test_loads_folder_once_for_concurrent_requests(tmp_path: Path) -> None:
    (folder,) = folders(tmp_path, "1")
    cache, loads, everyone = ModelCache((tmp_path,), 100), [], threading.Barrier(4)

    def load(path: Path) -> FakeModel:
        loads.append(path)
        return FakeModel(1)

    def ask(_: int) -> FakeModel:
        everyone.wait()
        return cache.lease("k", folder, load, "p").loaded

    with ThreadPoolExecutor(4) as pool:
        models = set(pool.map(ask, range(4)))
    assert (len(models), len(loads)) == (1, 1)


def test_opens_only_folders_under_the_roots(tmp_path: Path) -> None:
    inside, outside = folders(tmp_path, "inside", "outside")
    (inside / "link").symlink_to(outside)
    cache = ModelCache((inside,), 100)
    for path in (outside, inside / ".." / "outside", inside / "link", Path("/etc")):
        with pytest.raises(ServeError) as error:
            cache.lease("k", path, lambda _: FakeModel(1), "index")
        assert (error.value.status, error.value.code) == (403, "path_not_allowed")
    with pytest.raises(ServeError) as error:
        cache.allowed(inside / "absent", "index")
    assert error.value.code == "serve.system.artifact_missing"


def test_tries_a_failed_load_again(tmp_path: Path) -> None:
    (folder,) = folders(tmp_path, "1")
    cache = ModelCache((tmp_path,), 100)

    def fail(_: Path) -> FakeModel:
        raise RuntimeError("no memory")

    with pytest.raises(RuntimeError):
        cache.lease("k", folder, fail, "p")
    assert cache.lease("k", folder, lambda _: FakeModel(1), "p").loaded.bytes == 1


def test_settings_report_missing_variables() -> None:
    with pytest.raises(ValueError, match="KOSHA_MODEL_SERVER_TOKEN"):
        ServingSettings.from_environment({})
    with pytest.raises(ValueError, match="KOSHA_MODEL_ROOTS"):
        ServingSettings.from_environment({"KOSHA_MODEL_SERVER_TOKEN": "t"})
    whole = {"KOSHA_MODEL_SERVER_TOKEN": "t", "KOSHA_MODEL_ROOTS": "/a:/b", "KOSHA_THREADS": "3"}
    assert ServingSettings.from_environment(whole).threads == 3
    with pytest.raises(ValueError, match="KOSHA_THREADS"):
        ServingSettings.from_environment({**whole, "KOSHA_THREADS": "many"})
