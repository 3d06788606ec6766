"""Mail addresses of people. Mailboxes of a function are nobody's: info@, soumu-bu@, support2@."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workers.engines.shared.personal.numbers import Place
from workers.engines.shared.personal.romaji import hiragana
from workers.engines.shared.personal.words import is_kana_surname, kinds

# A local part has at most 64 characters (RFC 5321); without the limit a long word is read once for each of its letters.
_EMAIL = re.compile(r"([A-Za-z0-9._%+\-]{1,64})@((?:[A-Za-z0-9\-]+\.)+[A-Za-z]{2,})")
_FUNCTIONS = frozenset(
    re.findall(
        "[a-z]+",
        """
    info information contact contacts support help helpdesk desk sales office admin administrator webmaster postmaster
    hostmaster root abuse noreply no reply donotreply do not mail mailer daemon press pr ir hr recruit recruiting career
    careers jobs job service services order orders shop store billing bill invoice invoices account accounting accounts
    finance payroll payment payments security privacy legal compliance system systems sys it dev development ops sre infra
    network server oncall alert alerts alarm monitor monitoring notify notification notifications notice news newsletter
    magazine team staff all everyone members member customer customers cs inquiry enquiry inquiries reservation reservations
    reserve booking bookings front reception concierge event events seminar training benefits leave leaves attendance
    expense expenses travel marketing media editor editors design quality qa qc purchase purchasing procurement export import
    trade global overseas fax scan scanner printer copy backup deploy ci bot git svc service test user users guest example
    sample demo hello feedback survey claim claims hotline whistle board council committee donation donate api app web site
    log logs report reports batch job jobs cron build release platform data database db domain dns ssl cert
    bu ka shitsu kakari bumon dept department team group grp center centre jp tokyo osaka nagoya kyoto fukuoka sapporo sendai
    toiawase otoiawase soumu somu shomu jinji roumu romu keiri kaikei zaimu eigyo eigyou koho kouhou kanri kikaku koubai kobai
    kobuy shizai hinshitsu hinsho hinkan seizo seizou seisan gijutsu gijyutsu saiyo saiyou houmu homu hoken anzen hozen
    setsubi joho johosys jouhou kaihatsu kenkyu madoguchi uketsuke uke honsha honten shiten kojo koujou shisha shucchoujo
    soudan sodan chokubai hanbai einou eino butsuryu buturyu haisou haisha souko soko juchu juchuu hacchu hattyu mitsumori
    seikyu seikyuu kaiin kouza koza yoyaku shien shiensitsu kango iryou iryo renkei chiiki jimu jimukyoku kyoumu kyomu
    gakusei nyushi nyuushi toshokan hoikuen hoiku koureisha kaigo fukushi shisetsu kensetsu kenchiku koji kouji sekkei
    sekou genba shataku kintai kyuuyo kyuyo nenkin zeimu shiminka kumin shimin juumin jumin kokuho toroku touroku boshu
    oubo kifu iinkai kumiai rijikai kaigi kaigai henshu henshuu tsuho tsuuhou kujo kujou koe okyakusama okyakusan gakkou
    gakko gakuen shomuka hokenshitsu kyushoku eiyou yakuzai byoin byouin shinryo shinryou kenshin rihabiri kenko kenkou
    ryokan hotel shukuhaku enkai bansen chintai chukai keibi seisou eisei bousai bosai kyoiku kyouiku kenshu kenshuu
    shachou shacho hisho kansa naibu
    dmarc spf bounce bounces primary secondary oncall gr grp genkou genko gyomu gyoumu nouhin nohin shiharai shukka nyuuka nyuka
    hassou hasso denpyo keiyaku keiyakusho kiyaku kokyaku shiryo shiryou touban toban shukan shuukan renraku renrakusaki
    hokoku houkoku teian anken kanji kankyou kankyo genka yosan kessan kabu kabunushi shimon jizen gakkai kenkyo
    shuppan insatsu seihin shohin shouhin tenpo eizen hozon kenki sharyo untei unten shinsei shinsa nintei gyosei gyousei
    kyukyu kyuukyuu shobo shoubou suido suidou gesui denki gasu gomi shinbun kyoku bucho kaichou kaicho daihyo daihyou
    hyoka hyouka kensa kentei hinshitu chosa chousa tokei toukei kikaku senden saiken shomei shien sougo sogo
        """,
    )
)


_ID = re.compile(
    r"[0-9]{12,}|(?=[^@]*[._+])[0-9._+-]+|(?=[^@]*[0-9]{6})[0-9A-Fa-f._+-]{12,}|[A-Za-z0-9._+-]*[0-9]{8,}\.[A-Za-z0-9._+-]*"
)
"""Of a message or a machine: 20250611104233.8A1. A short number alone is that of an employee or a telephone."""


def emails(text: str, kept: set[str]) -> Iterator[Place]:
    """Addresses of people in none of the `kept` domains."""
    for match in _EMAIL.finditer(text):
        if (
            match[2].lower() not in kept
            and not _is_of_machine(text, match)
            and not _has_function(text, match)
        ):
            yield match.span()


def function_mailboxes(text: str, kept: set[str]) -> Iterator[Place]:
    """Addresses of functions in none of the `kept` domains."""
    for match in _EMAIL.finditer(text):
        if match[2].lower() not in kept and not _is_of_machine(text, match) and _has_function(text, match):
            yield match.span()


def _is_of_machine(text: str, match: re.Match[str]) -> bool:
    """The id of a message, or a machine that a command names."""
    before = text[max(0, match.start() - 240) : match.start()]
    return bool(_OF_MACHINE.search(before) or _REMOTE.match(text, match.end()) or _ID.fullmatch(match[1]))


def _has_function(text: str, match: re.Match[str]) -> bool:
    label = _LABEL.search(text[max(0, match.start() - 24) : match.start()])
    return is_function(match[1]) or (label is not None and not _is_sure(match[1]))


def _is_sure(local: str) -> bool:
    """An initial with a word, or a family name: k.sato, sato."""
    words = re.findall("[a-z]+", local.lower())
    return (len(words) > 1 and min(map(len, words)) == 1) or any(map(_is_of_person, words))


def is_function(local: str) -> bool:
    """Its words name a function or are numbers. Beside a function may stand a word that is no Japanese one: lease-info."""
    words = re.findall("[a-z]+", local.lower())
    functions = [word in _FUNCTIONS for word in words]
    others = [word for word, is_one in zip(words, functions, strict=True) if not is_one]
    return any(functions) and not any(map(_is_of_person, others))


def _is_of_person(word: str) -> bool:
    """An initial, or Latin letters that read as a name."""
    if len(word) < 3:
        return len(word) == 1
    kana = hiragana(word)
    return bool(kana) and (
        kinds(kana).surname
        or kinds(kana).given
        or is_kana_surname(kana)
        or _NAME_END.search(word) is not None
    )


_NAME_END = re.compile(
    r"(?:yama|kawa|gawa|moto|mura|guchi|kuchi|shima|jima|hara|wara|zaki|saki|bayashi|hashi|bashi|tani|zawa|sawa|mori|shita|naka|numa|suke|taro|shiki|beppu|michi)$"
)
_LABEL = re.compile(
    r"(?:共用|共有|代表|窓口|受付|問い?合わ?せ先?|通知|送信専用|一斉|グループ|メーリングリスト|ML|部署|事務局|[一-龥][部課係室])(?:メール|アドレス|宛先?|の?メールアドレス)?[はへ:( ]{1,3}[<(]?$"
)
_OF_MACHINE = re.compile(
    r"(?:message-id|in-reply-to|references|content-id|return-path|envelope-from)[^\n]{0,200}$|(?:ssh|scp|sftp|rsync)[^\n]{0,40} $|dsn[^\n]{0,20}$",
    re.I,
)
_REMOTE = re.compile(r":(?:[/~]|[0-9]{2,5}(?![0-9])|[a-z][\w-]*/)")
