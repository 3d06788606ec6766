"""Mail addresses of people. Mailboxes of a function are nobody's: info@, soumu-bu@, support2@."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workers.engines.shared.personal.numbers import Place

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
    """,
    )
)


def emails(text: str, kept: set[str]) -> Iterator[Place]:
    """Addresses in none of the `kept` domains."""
    for match in _EMAIL.finditer(text):
        if match[2].lower() not in kept and not is_function(match[1]):
            yield match.span()


def function_mailboxes(text: str, kept: set[str]) -> Iterator[Place]:
    """Addresses of functions in none of the `kept` domains."""
    for match in _EMAIL.finditer(text):
        if match[2].lower() not in kept and is_function(match[1]):
            yield match.span()


def is_function(local: str) -> bool:
    """Each of its words names a function or is a number."""
    words = re.findall("[a-z]+", local.lower())
    return bool(words) and all(map(_FUNCTIONS.__contains__, words))
