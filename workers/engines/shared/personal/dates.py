"""Dates of birth: a date that is called so, that stands before 生, or that follows a person in a list."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workers.engines.shared.personal.numbers import Place

_ERA = r"(?:昭和?|平成?|令和?|大正?|明治?|[MTSHR])\.?"
_YEAR = rf"(?:{_ERA} ?(?:[0-9]{{1,2}}|[元一二三四五六七八九十]{{1,3}})|(?:19|20)[0-9]{{2}})"
_IDEOGRAPHS = "一-龥々ァ-ヶーぁ-ん"
_NUMBER = "(?:[0-9]{1,2}|[一二三四五六七八九十]{1,3})"
_MONTH = r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sep(?:t(?:ember)?)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\.?"
_ENGLISH_DATE = rf"(?i:[0-3]?[0-9](?:st|nd|rd|th)?[ /-]{_MONTH},?[ /-](?:19|20)[0-9]{{2}}|{_MONTH} [0-3]?[0-9](?:st|nd|rd|th)?,? (?:19|20)[0-9]{{2}})"
_DATE = rf"{_YEAR} ?(?:\([^()\n]{{2,8}}\))?(?:年(?:\([^()\n]{{2,10}}\))? ?{_NUMBER} ?月 ?(?:{_NUMBER} ?日)?|[-/.・] ?[0-9]{{1,2}} ?[-/.・] ?[0-9]{{1,2}}日?)"
# On a form the eras stand to be chosen from: 明・大・昭・平・令.
_CHOICE = r"(?:[(\[]?(?:(?:西暦|明治?|大正?|昭和?|平成?|令和?|日|[MTSHR])[・,/ .]{1,3}){1,6}(?:西暦|令和?|平成?|日|R|H)?[)\]]?)?"
_DATE_AFTER = re.compile(
    rf" ?(?:\([^()\n]{{1,12}}\))?[^0-9\n。A-Z昭平令大明]{{0,14}}{_CHOICE}[^0-9\n。A-Z昭平令大明]{{0,8}}"
    rf"(?P<date>{_DATE}|(?:19|20)[0-9]{{6}}|[1-5]-?[0-9]{{6}}|[MTSHR][0-9]{{6}}|[0-9]{{6}}(?![0-9年/.-])|{_YEAR}年|[0-9]{{1,2}}月[0-9]{{1,2}}日)(?![0-9])"
    rf"|(?:\([^()\n]{{1,12}}\))?[^0-9\n。A-Z]{{0,8}}(?P<english>{_ENGLISH_DATE})(?![0-9])"
)
_DATE_BEFORE = re.compile(
    rf"(?<![0-9A-Za-z])(?P<date>{_DATE}|{_YEAR}年)(?:\([^()\n]{{1,12}}\))?(?P<link>に| |[、に][^0-9\n。、]{{1,14}}[にで]|、?[一-龥]{{2,12}}(?=$))?$"
)
_DATE_WITH_AGE = re.compile(
    rf"(?<![0-9A-Za-z])(?P<date>{_DATE})(?<=[0-9日]) ?[,|]? ?\(?(?:満|当時)? ?[0-9]{{1,3}} ?(?:歳|才|\)(?=[ 、。\n]|$))"
)
"""1985年4月1日(40歳). In brackets a number alone is an age, too."""
_BIRTH = re.compile(
    r"(?P<label>生年月日|誕生日|誕生年|出生年?月?日|出生(?![率届証数地体])|誕生(?=[ :は])|生年(?!月日)|birth_?-?(?:date|day)|date[ _-]?of[ _-]?birth|(?<![A-Za-z])(?:dob|d\.o\.b\.?|born(?: on)?|birth)(?![A-Za-z])"
    r"|(?<![一-龥])生(?= (?:昭|平|大正|令|明治|[12][0-9]{3})))"
    r"|(?:(?:生ま|うま|産ま|生)れ(?!変)|生(?=$|[\s、。,()|」『/\[])|出生(?=$|[\s、。,)]))",
    re.M | re.I,
)
_AFTER_NAME = re.compile(
    rf"〔氏名〕(?:様|さん|氏)?(?:\((?:[^()\n〔〕]{{1,8}}|〔氏名〕)\))?(?:[ ,|、(]{{1,3}}〔(?:電話番号|メールアドレス|カード番号|マイナンバー|口座番号|住所|氏名)〕){{0,4}}[ ,|、(]{{0,3}}(?P<date>{_DATE})(?<=[0-9日])"
    r"(?![0-9]|[ )]{0,2}(?:入社|着任|退職|採用|付|就任|まで|から|より|以降|退院|入院|入居|契約|発行|登録|提出|承認|作成|確認|更新|[~〜-]|[0-9]{1,2}:))"
)
_CHANGED = re.compile(rf" ?(?:→|⇒|->|(?:new|after|to)=) ?({_DATE})")
_BEFORE_BIRTHDAY = re.compile(
    rf"(?<![0-9A-Za-z])(?P<date>{_DATE}|[0-9]{{1,2}}月[0-9]{{1,2}}日)(?:が|は|、)?(?:お誕生日|誕生日(?!会|休暇|を祝)|に出生|に誕生し?た)"
)
_LISTED = re.compile(
    rf"[ 、,・とや/]{{0,3}}(?:\([0-9]{{1,2}}\)|[①-⑳]|[(]?[{_IDEOGRAPHS}]{{1,4}}[): ]{{1,2}})? ?(?P<date>{_DATE})(?<=[0-9日])(?![0-9])"
)
"""What follows a date of birth in its line: (1)1988年1月15日 (2)1990年9月3日."""
_OF_COMPANY = re.compile(
    r"(?:会社|創立|創業|設立|当社|弊社|店|サイト|サービス|ブランド|キャラクター|製品|商品)の?$"
)
_FOUNDED = re.compile(r"[ (:]{0,2}(?:創立|創業|設立|開業|開設|開店)")
_DATE_LENGTH = 30
_YOUNGEST = re.compile(r"(?:令和?|R)|202")
_OWN_NUMBER = re.compile(
    r"[ ,|、(:]{1,3}(?:個人|被保険者)?(?:番号)?[: ]?(?:〔マイナンバー〕|[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}(?![0-9]))"
)
"""What no term has: the number of a person."""


def births(text: str) -> Iterator[Place]:
    for match in _BIRTH.finditer(text):
        if match["label"]:
            # The length of a match with the blanks before it is bounded by the pattern.
            if not _OF_COMPANY.search(text[max(0, match.start() - 8) : match.start()]):
                yield from _labelled(text, match.end())
        else:
            begin = max(0, match.start() - _DATE_LENGTH)
            date = _DATE_BEFORE.search(text[begin : match.start()])
            is_told = (date and len(date["link"] or " ") > 1) or (date and date["link"] == "に")
            if date and (not is_told or (match[0].endswith("れ") and date["date"].endswith("日"))):
                yield begin + date.start("date"), begin + date.end("date")
    if "歳" in text or "才" in text:
        yield from (m.span("date") for m in _DATE_WITH_AGE.finditer(text) if not _YOUNGEST.match(m["date"]))
    yield from (match.span("date") for match in _BEFORE_BIRTHDAY.finditer(text))


def _labelled(text: str, end: int) -> Iterator[Place]:
    """The date after a word for it, and what follows it in a list or as its correction."""
    date = None if _FOUNDED.match(text, end) else _DATE_AFTER.match(text, end)
    if date is None:
        return
    group = "date" if date["date"] else "english"
    yield date.span(group)
    end = date.end(group)
    while following := _CHANGED.match(text, end) or _LISTED.match(text, end):
        yield following.span(1)
        end = following.end()


def births_after_names(text: str) -> Iterator[Place]:
    """In lists of people. A date of these years is rather a term than a birth."""
    if "〔氏名〕" not in text:
        return
    for match in _AFTER_NAME.finditer(text):
        if not _YOUNGEST.match(match["date"]) or _OWN_NUMBER.match(text, match.end()):
            yield match.span("date")
            if changed := _CHANGED.match(text, match.end()):
                yield changed.span(1)
