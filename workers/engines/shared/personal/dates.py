"""Dates of birth: a date that is called so, that stands before 生, or that follows a person in a list."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workers.engines.shared.personal.numbers import Place

_ERA = r"(?:昭和?|平成?|令和?|大正?|明治?|[MTSHR])\.?"
_YEAR = rf"(?:{_ERA} ?(?:[0-9]{{1,2}}|[元一二三四五六七八九十]{{1,3}})|(?:19|20)[0-9]{{2}})"
_NUMBER = "(?:[0-9]{1,2}|[一二三四五六七八九十]{1,3})"
_DATE = rf"{_YEAR} ?(?:年 ?{_NUMBER} ?月 ?(?:{_NUMBER} ?日)?|[-/.] ?[0-9]{{1,2}} ?[-/.] ?[0-9]{{1,2}}日?)"
# On a form the eras stand to be chosen from: 明・大・昭・平・令.
_CHOICE = r"(?:[(\[]?(?:(?:西暦|明治?|大正?|昭和?|平成?|令和?|日|[MTSHR])[・,/ .]{1,3}){1,6}(?:西暦|令和?|平成?|日|R|H)?[)\]]?)?"
_DATE_AFTER = re.compile(
    rf"(?:\([^()\n]{{1,12}}\))?[^0-9\n。A-Z昭平令大明]{{0,8}}{_CHOICE}[^0-9\n。A-Z昭平令大明]{{0,8}}"
    rf"(?P<date>{_DATE}|(?:19|20)[0-9]{{6}}|[1-5]-[0-9]{{6}}|{_YEAR}年|[0-9]{{1,2}}月[0-9]{{1,2}}日)(?![0-9])"
)
_DATE_BEFORE = re.compile(
    rf"(?<![0-9A-Za-z])(?P<date>{_DATE}|{_YEAR}年)(?:\([^()\n]{{1,12}}\))?(?P<link>に| )?$"
)
_BIRTH = re.compile(
    r"(?P<label>生年月日|誕生日|誕生年|出生年?月?日|birth_?-?(?:date|day)|date[ _]of[ _]birth|(?<![A-Za-z])(?:dob|born|birth)(?![A-Za-z])"
    r"|(?<![一-龥])生(?= (?:昭|平|大正|令|明治|[12][0-9]{3})))"
    r"|(?:生まれ(?!変)|生(?=$|[\s、。,)|」』/]))",
    re.M | re.I,
)
_AFTER_NAME = re.compile(
    rf"〔氏名〕(?:様|さん|氏)?(?:\((?:[^()\n〔〕]{{1,8}}|〔氏名〕)\))?(?:[ ,|、(]{{1,3}}〔(?:電話番号|メールアドレス|カード番号|マイナンバー|口座番号|住所|氏名)〕){{0,4}}[ ,|、(]{{0,3}}(?P<date>{_DATE})(?<=[0-9日])"
    r"(?![0-9]|[ )]{0,2}(?:入社|着任|退職|採用|付|就任|まで|から|より|以降|退院|入院|入居|契約|発行|登録|提出|承認|作成|確認|更新|[~〜-]|[0-9]{1,2}:))"
)
_CHANGED = re.compile(rf" ?(?:→|⇒|->) ?({_DATE})")
_DATE_LENGTH = 30
_YOUNGEST = re.compile(r"(?:令和?|R)|202")


def births(text: str) -> Iterator[Place]:
    for match in _BIRTH.finditer(text):
        if match["label"]:
            # The length of a match with the blanks before it is bounded by the pattern.
            if date := _DATE_AFTER.match(text, match.end()):
                yield date.span("date")
        else:
            begin = max(0, match.start() - _DATE_LENGTH)
            date = _DATE_BEFORE.search(text[begin : match.start()])
            if date and (date["link"] != "に" or (match[0] == "生まれ" and date["date"].endswith("日"))):
                yield begin + date.start("date"), begin + date.end("date")


def births_after_names(text: str) -> Iterator[Place]:
    """In lists of people. A date of these years is rather a term than a birth."""
    if "〔氏名〕" not in text:
        return
    for match in _AFTER_NAME.finditer(text):
        if not _YOUNGEST.match(match["date"]):
            yield match.span("date")
            if changed := _CHANGED.match(text, match.end()):
                yield changed.span(1)
