"""Every component of a page with sample data, drawn on one page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django import forms
from django.http import HttpRequest
from django.template import RequestContext, Template
from django.utils import timezone

from common.pagination import KeysetPage
from console.states import STATES


class SampleForm(forms.Form):
    name = forms.CharField(
        label="名前", help_text="一覧とAPIに表示されます。", initial="就業規則アシスタント"
    )
    rate = forms.FloatField(
        label="学習率", help_text="大きいほど早く学び、崩れやすくなります。", min_value=0.0, max_value=0.01
    )
    method = forms.ChoiceField(
        label="方法", choices=[("lora", "LoRA"), ("full", "全パラメータ")], required=False
    )
    prompt = forms.CharField(label="システムプロンプト", widget=forms.Textarea, required=False)
    publish = forms.BooleanField(
        label="承認後に公開する", required=False, help_text="本番の利用者が使い始めます。"
    )


@dataclass(frozen=True)
class Row:
    pk: str
    name: str
    state: str
    size: int
    pages: int
    age: timedelta

    @property
    def created_at(self) -> Any:
        return timezone.now() - self.age


ROWS = [
    Row("4", "就業規則_2026年度改訂版.pdf", "processed", 1_832_144, 48, timedelta(minutes=4)),
    Row("3", "旅費規程.docx", "running", 84_211, 12, timedelta(hours=2)),
    Row(
        "2",
        "製品マニュアル KX-200 Series – Installation and Maintenance Guide.html",
        "uploaded",
        912,
        1,
        timedelta(days=3),
    ),
    Row("1", "社内FAQ.xlsx", "error", 45_120, 3, timedelta(days=80)),
]

CURVE_SERIES = [
    {"key": "loss", "label": "学習", "tone": "busy", "digits": 3},
    {"key": "heldout", "label": "検証", "tone": "warn", "digits": 3},
]

ANSWER = """有給休暇は、入社から**6か月**継続して勤務し、全労働日の8割以上出勤した社員に**10日**与えられます[1]。

- 申請は取得日の3営業日前までに `勤怠システム` で行います[2]
- 半日単位の取得は年5日までです

退職時の買い上げは行っていません[1]。"""

CITATIONS = [
    {"number": 1, "title": "就業規則_2026年度改訂版.pdf", "place": "12ページ", "url": "#",
     "quote": "会社は、雇入れの日から6か月間継続勤務し、全労働日の8割以上出勤した社員に対して10日の年次有給休暇を与える。"},
    {"number": 2, "title": "社内FAQ.xlsx", "place": "「人事」 B14:C14", "url": "#",
     "quote": "有給休暇はいつまでに申請すればよいですか。取得日の3営業日前までに勤怠システムで申請してください。"},
]  # fmt: skip


def styleguide(request: HttpRequest) -> str:
    form = SampleForm({"rate": "5", "name": "就業規則アシスタント"})
    form.is_valid()
    template = Template(Path(__file__).with_suffix(".html").read_text(encoding="utf-8"))
    context = RequestContext(
        request,
        {
            "states": list(STATES),
            "form": form,
            "page": KeysetPage(ROWS, True),  # type: ignore[type-var]
            "parts": [
                ("採用", 1284, "good"),
                ("重複", 96, "warn"),
                ("短すぎる", 41, "still"),
                ("定型文", 18, "bad"),
            ],
            "now": timezone.now(),
            "soon": timezone.now() + timedelta(minutes=12),
            "curve_series": json.dumps(CURVE_SERIES),
            "chat_messages": [
                {"role": "user", "text": "有給休暇は何日もらえますか？"},
                {"role": "assistant", "text": ANSWER, "citations": CITATIONS},
            ],
        },
    )
    return template.render(context)
