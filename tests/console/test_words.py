"""The console's sentences about settings are those of the specs, and one thing has one word on all pages."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import polib
import pytest
from django.utils import translation
from django.utils.translation import gettext

from console.templatetags.words import event_text, warning_text
from evaluations.words import REASONS, REQUIREMENTS
from jobs.models import JobEvent
from jobs.types import job_types
from releases.labels import GENERATION, alias_label
from releases.models import MadeBy, Release
from releases.services import GenerationSettings
from workers.contract.specs.gate import Reason, Requirement
from workers.contract.specs.tasks.declaration import declared_metrics


def flat(text: object) -> str:
    return " ".join(str(text).split())


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


def test_every_generation_setting_is_explained_by_its_docstring():
    assert GENERATION.keys() == GenerationSettings.model_fields.keys()
    for name, (_label, sentence) in GENERATION.items():
        assert flat(sentence) == flat(GenerationSettings.model_fields[name].description), name


def test_every_metric_has_words_in_japanese():
    metrics = [metric for _task, metric in declared_metrics()]
    assert metrics
    with translation.override("ja"):
        for metric in metrics:
            assert gettext(metric.label) != metric.label and gettext(metric.help) != metric.help


def test_every_rule_and_reason_has_words():
    assert set(REQUIREMENTS) == set(Requirement.__args__)
    assert set(REASONS) == set(Reason.__args__)


ROOT = Path(__file__).parents[2]
JAPANESE = ROOT / "platform" / "locale" / "ja" / "LC_MESSAGES" / "django.po"
OTHER_WORDS = {
    "やめておく": "キャンセル, 続ける, 戻る",
    "やめる": "中止",
    "差し戻": "ロールバック",
    "エポック(?!数|で、)": "エポック数",
    "シーケンス長|系列長": "最大トークン長",
    "学習率スケジュール": "学習率の減衰",
    "勾配ノルム": "勾配クリッピング",
    "(?<!乱数)シード(?!・データ)": "乱数シード",
    "断片|かたまり|パッセージ": "チャンク",
    "取り置|取りおき|ホールドアウト": "評価用に分離",
    "評価用の割合": "評価用に分離する割合",
    "読了|読込済|読み込み済": "読み取り済み",
    "指紋|ダイジェスト|フィンガープリント": "ハッシュ値（SHA-256）",
    "差なし|有意差": "差は不確か",
    "索引": "インデックス",
    "監査証跡": "監査ログ",
    "(データセット|モデル)バージョン": "…のバージョン",
    "既定のレシピ": "標準レシピ",
}
"""Words that do not occur, with those that are used instead."""

CHOSEN = {
    (None, "Cancel"): "キャンセル",
    (None, "Keep running"): "続ける",
    (None, "Back"): "戻る",
    ("job", "Stop"): "中止",
    (None, "Roll back"): "ロールバック",
    (None, "Epochs"): "エポック数",
    (None, "Sequence length"): "最大トークン長",
    (None, "Learning rate decay"): "学習率の減衰",
    (None, "Cosine"): "コサイン",
    (None, "Linear"): "線形",
    (None, "Constant"): "一定",
    (None, "Gradient clipping"): "勾配クリッピング",
    (None, "Random seed"): "乱数シード",
    (None, "chunks"): "チャンク",
    (None, "held out"): "評価用に分離",
    (None, "Hold out for evaluation"): "評価用に分離",
    ("state", "Read"): "読み取り済み",
    (None, "Hash (SHA-256)"): "ハッシュ値（SHA-256）",
    ("alias", "production"): "本番（production）",
    (None, "difference uncertain"): "差は不確か",
}


def test_other_words_for_the_same_thing_do_not_occur():
    entries = polib.pofile(str(JAPANESE))
    texts = [text for entry in entries for text in (entry.msgstr, *entry.msgstr_plural.values())]
    for folder, kind in (("templates", "*.html"), ("static/js", "*.js"), ("platform", "*.py")):
        texts += [path.read_text(encoding="utf-8") for path in sorted((ROOT / folder).rglob(kind))]
    found = {(word, hit[0]) for word in OTHER_WORDS for text in texts if (hit := re.search(word, text))}
    assert found == set()


def test_the_chosen_words_are_used():
    words = {(entry.msgctxt, entry.msgid): entry.msgstr for entry in polib.pofile(str(JAPANESE))}
    assert {key: words.get(key) for key in CHOSEN} == CHOSEN


def test_production_is_named_in_the_language_of_the_reader():
    assert (alias_label("production"), alias_label("staging")) == ("production", "staging")
    with translation.override("ja"):
        assert (alias_label("production"), alias_label("staging")) == ("本番（production）", "staging")


@pytest.mark.parametrize(
    ("language", "warning", "expected"),
    [
        ("en", "hidden_sheets_skipped:2", "Hidden sheets, which were not read: 2"),
        ("en", "hidden_rows_skipped:1:価格!5", "Hidden rows, which were not read: 1 (価格!5)"),
        ("ja", "hidden_rows_skipped:1:価格!5", "非表示のため読み取らなかった行の数： 1（価格!5）"),
        ("en", "unknown_warning", "unknown warning"),
        (
            "en",
            "files_not_taken:1:規程/a.txt (name_taken), …",
            "Files that did not become documents, and why: 1 (規程/a.txt (Another document has this name), …)",
        ),
        (
            "ja",
            "attachments_not_read:2:控え (写).zip (encrypted), 図.psd (wrong_type)",
            "読めなかった添付ファイルとその理由です。その内容はテキストに含まれていません。読める形式のファイルとして"
            "アップロードしてください： 2（控え (写).zip (ファイルがパスワードで保護されています), "
            "図.psd (ファイル名にかかわらず、内容が読み取れる形式ではありません)）",
        ),
    ],
)
def test_a_warning_says_how_many_and_where(language, warning, expected):
    with translation.override(language):
        assert warning_text(warning) == expected


# -- sentences of engines ---------------------------------------------------------------------------------
def log_calls() -> list[tuple[str, ast.Call]]:
    found = []
    for path in sorted((ROOT / "workers" / "engines").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_log = isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "log"
            if is_log and "run" in ast.unparse(node.func).lower().split("."):
                found.append((f"{path.name}:{node.lineno}", node))
    return found


def test_every_line_of_an_engines_log_is_worded_in_the_readers_language():
    """By its code and values; the code of a failure has its sentence among the errors of its type of job."""
    declared = {code: sentence for each in job_types() for code, sentence in each.messages.items()}
    seen = set()
    for place, call in log_calls():
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        assert "code" in given, place
        if isinstance(given["code"], ast.Constant):
            code = str(given["code"].value)
            seen.add(code)
            assert code in declared, place
            assert set(re.findall(r"%\((\w+)\)s", str(declared[code]))) <= given.keys(), place
    assert seen == declared.keys()


def test_a_log_line_follows_the_reader_and_falls_back_to_what_was_stored():
    data = {"code": "chunked", "chunks": 214, "documents": 3}
    line = JobEvent(type="log", message="214 chunks from 3 documents.", data=data)
    unknown = JobEvent(type="log", message="Something else.", data={"code": "other"})
    incomplete = JobEvent(type="log", message="An old line.", data={"code": "chunked"})
    assert event_text(line) == "214 chunks from 3 documents."
    with translation.override("ja"):
        assert event_text(line) == "3件の文書から214個のチャンクを作成しました。"
        assert (event_text(unknown), event_text(incomplete)) == ("Something else.", "An old line.")
        again = JobEvent(type="state", message="queued", data={"reason": "disk_full"})
        assert event_text(again) == "待機中 (ディスクの空き不足)"


def test_how_a_release_came_about_follows_the_reader():
    made = Release(number=1, made_by=MadeBy.SCHEDULE, created_by_label="毎週")
    assert made.remark == "Made by the schedule “毎週”."
    with translation.override("ja"):
        assert made.remark == "スケジュール「毎週」が作成しました。"
        assert Release(number=1, note="改定を反映", created_by_label="x").remark == "改定を反映"
        assert Release(number=1, created_by_label="x").remark == ""
