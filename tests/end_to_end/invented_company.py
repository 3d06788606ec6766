"""An invented company: its words, numbers and documents are drawn at random from a seed."""

from __future__ import annotations

import html
import json
import random
from dataclasses import dataclass
from pathlib import Path

SYLLABLES = [*"アイカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロ"]
UNITS = ("台", "回", "本", "時間", "か所", "日", "枚", "箱")
ATTRIBUTES = ("保管数", "点検回数", "予備部品", "稼働時間", "設置場所", "保証日数", "図面枚数", "出荷箱数")
SENTENCES = (
    "{a}の{b}は、{c}係が{n}日以内に{d}へ届け出る。",
    "{a}を使う者は、あらかじめ{b}の許しを{c}で得て、{d}に{n}年間残すものとする。",
    "もし{a}が{n}度を超えたときは、直ちに{b}を止め、{c}と{d}に知らせること。",
    "{a}に要する費用のうち{n}千円までは{b}が負い、残りは{c}または{d}の予算による。",
    "毎月{n}日には{a}の棚卸しを行い、{b}と照らし合わせた結果を{c}から{d}に送る。",
    "{a}と{b}とを同じ部屋に置いてはならない。ただし{c}が{n}名以上で見守る{d}を除く。",
    "この{a}は{b}を基に作られ、重さは{n}グラムで、{c}にも{d}にも取り付けられる。",
    "新しく入った者は{a}の講習を{n}時間受け、{b}、{c}、{d}の順に現場を回る。",
)


@dataclass(frozen=True)
class Fact:
    """A sentence that stands in one document only, and a question about it."""

    question: str
    sentence: str
    answer: str


class Company:
    """The same seed makes the same company, so that a failure can be repeated."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._taken: set[str] = set()
        self.email = f"{self._random.randrange(10**8):08d}@example.co.jp"
        # Long enough to become a record of its own wherever it stands.
        self.copied = self.paragraph(len(SENTENCES))

    def word(self) -> str:
        """A word that no other call returns."""
        while (word := "".join(self._random.choices(SYLLABLES, k=5))) in self._taken:
            pass
        self._taken.add(word)
        return word

    def name(self, suffix: str) -> str:
        return f"{self.word()}_{self._random.randrange(1000)}{suffix}"

    def paragraph(self, sentences: int = 3) -> str:
        patterns = self._random.sample(SENTENCES, sentences)
        return "".join(
            pattern.format(
                a=self.word(), b=self.word(), c=self.word(), d=self.word(), n=self._random.randrange(2, 90)
            )
            for pattern in patterns
        )

    def fact(self) -> Fact:
        number = self._random.randrange(len(UNITS))
        thing, attribute = self.word(), ATTRIBUTES[number]
        answer = f"{self._random.randrange(100, 1000)}{UNITS[number]}"
        return Fact(
            f"{thing}の{attribute}はいくつですか。", f"{thing}の{attribute}は{answer}である。", answer
        )

    # -- files --------------------------------------------------------------------------------------
    def regulation(self, folder: Path, facts: list[Fact]) -> Path:
        """A TXT in Shift_JIS with numbered articles; one of them repeats `copied`."""
        texts = [*(self.paragraph() + fact.sentence for fact in facts), self.copied]
        articles = [f"第{number}条({self.word()})\n{text}\n" for number, text in enumerate(texts, start=1)]
        path = folder / self.name(".txt")
        path.write_bytes(f"{self.word()}規程\n\n{''.join(articles)}".encode("cp932"))
        return path

    def notice(self, folder: Path) -> Path:
        """A TXT in UTF-8 that repeats `copied` and names a person's address."""
        path = folder / self.name(".txt")
        path.write_text(f"{self.copied}\n\n{self.paragraph()}\n連絡先: {self.email}\n", encoding="utf-8")
        return path

    def circular(self, folder: Path) -> Path:
        """A TXT that says `copied` and nothing else."""
        path = folder / self.name(".txt")
        path.write_text(f"{self.copied}\n", encoding="utf-8")
        return path

    def guide(self, folder: Path, facts: list[Fact]) -> Path:
        path = folder / self.name(".html")
        sections = "".join(
            f"<h2>{self.word()}</h2><p>{html.escape(self.paragraph() + fact.sentence)}</p>" for fact in facts
        )
        title = self.word()
        path.write_text(
            f"<!doctype html><meta charset=utf-8><title>{title}</title><h1>{title}</h1>{sections}",
            encoding="utf-8",
        )
        return path

    def manual(self, folder: Path, facts: list[Fact]) -> Path:
        import docx

        document = docx.Document()
        document.add_heading(self.word(), 1)
        for fact in facts:
            document.add_heading(self.word(), 2)
            document.add_paragraph(self.paragraph() + fact.sentence)
        path = folder / self.name(".docx")
        document.save(str(path))
        return path

    def faq(self, folder: Path, facts: list[Fact]) -> Path:
        """An XLSX that asks for every fact."""
        import openpyxl

        book = openpyxl.Workbook()
        sheet = book.active
        assert sheet is not None
        sheet.title = self.word()
        sheet.append(["質問", "回答", "短答"])
        for fact in facts:
            sheet.append([fact.question, fact.sentence, fact.answer])
        path = folder / self.name(".xlsx")
        book.save(path)
        return path


def conversations(facts: list[Fact]) -> bytes:
    """The facts as OpenAI's fine-tuning JSONL."""
    lines = [
        json.dumps(
            {
                "messages": [
                    {"role": "user", "content": fact.question},
                    {"role": "assistant", "content": fact.sentence},
                ]
            }
        )
        for fact in facts
    ]
    return "\n".join(lines).encode()
