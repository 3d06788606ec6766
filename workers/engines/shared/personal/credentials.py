"""Secrets: private keys, tokens of known services, and what stands after a word for a password or a key."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workers.engines.shared.personal.numbers import Place

_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:(?!-----)[\s\S]){0,20000}"
    r"(?:-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----)?"
)
_KNOWN = re.compile(
    r"(?<![A-Za-z0-9_-])(?:sk-[A-Za-z0-9_-]{20,}|sk_(?:live|test)_[A-Za-z0-9]{16,}|gh[pousr]_[A-Za-z0-9]{30,}"
    r"|github_pat_[A-Za-z0-9_]{30,}|glpat-[A-Za-z0-9_-]{12,}|(?:AKIA|ASIA)[A-Z0-9]{16}|xox[abeprs]-[A-Za-z0-9-]{20,}"
    r"|AIza[A-Za-z0-9_-]{35}|hf_[A-Za-z0-9]{30,}|npm_[A-Za-z0-9]{24,}|GOCSPX-[A-Za-z0-9_-]{16,}|ya29\.[A-Za-z0-9_-]{20,}|SG\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}|pypi-[A-Za-z0-9_-]{30,}|dop_v1_[a-f0-9]{30,}|shp(?:at|ss)_[a-f0-9]{20,}|pat\.[a-z0-9]{2,8}\.[A-Za-z0-9]{16,}"
    r"|[a-z]{2,8}_(?:live|test|prod)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9]{16,}|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*)"
)
_BEARER = re.compile(r"(?:Bearer|Basic) +([A-Za-z0-9._~+/=-]{16,})")
# A whole connection string: it is of no use without its password, and what stands around it leads to the system.
_IN_ADDRESS = re.compile(
    r"(?<![A-Za-z])[a-z][a-z0-9+.-]{1,20}://[^\s:/@\"'<>]{0,64}:(?P<password>[^\s@/\"'<>]{3,200})@[^\s\"'<>、。,;)」]{0,300}"
)
# The path of a web hook is its password.
_HOOK = re.compile(
    r"https://(?:hooks?\.[^\s/]{1,60}/[^\s\"'<>]{0,60}|discord(?:app)?\.com/api/webhooks/[0-9]+|[^\s/]{1,80}/webhooks?(?:b2)?(?:/[^\s/]{1,40})?)/[A-Za-z0-9_-]{12,}(?:/[^\s\"'<>、。)]{0,200})?"
)
_COOKIE = re.compile(r"(?:set-)?cookie[\"']?:[ \"']{0,3}(?P<pairs>[!-~ ]{4,500})", re.I)
_PAIR = re.compile(
    r"(?:^|; ?)(?!(?:path|domain|expires|max-age|samesite)=)[\w.-]{1,40}=(?P<value>[^\s;\"',]{6,300})", re.I
)
_SESSION = re.compile(
    r"(?<![A-Za-z0-9])(?:JSESSIONID|PHPSESSID|ASP\.NET_SessionId|connect\.sid|session_?id|sessid|sid|csrf_?token|xsrf_?token|remember_?(?:me|token))=(?P<value>[A-Za-z0-9%._~+/-]{8,300})",
    re.I,
)
_COMMAND = re.compile(
    r"(?:/user:[^\s]{1,60} |(?<![\w-])(?:-u|--user) [\w.@-]{1,40}:|(?<![\w-])(?:-p|--password|--pass|-pw|-P|/p:|sshpass -p)[ =]?[\"']?|login [^\s]{1,40} password )(?P<value>[!-~]{4,80})"
)
_ASSIGNED = re.compile(
    r"(?P<word>pass(?:word|wd|phrase|code|_?key)?|pwd?|pin(?:_?code)?|psk|sas|secret(?:[_-]?(?:access)?[_-]?key)?|(?:api|access|private|auth|encryption)[ _-]?key"
    r"|(?:(?:access|auth|api|bot|refresh|bearer)[_-]?)?token|client[_-]secret|account[_-]?key|shared[_-]?access[_-]?key|cred(?:ential)?s?|api[_-]?secret)(?![A-Za-z0-9])"
    r"[\"']?(?:\)|\])?(?P<mark> ?(?:=>|:=|[:=]) ?| (?=[\"']))(?P<quote>[\"'`]?)(?P<value>[!-~]{4,200})",
    re.I,
)
_CALLED = (
    r"(?:パスワード|(?<![ァ-ヶー])パス(?![ァ-ヶー])|(?:Wi-?Fi|無線|LAN|SSID|暗号|接続|認証|ライセンス|管理)[^\n。]{0,6}キー|暗証番号|暗証符号|暗証|api ?キー|アクセスキー|シークレットキー|シークレット|秘密鍵|認証キー|認証コード|確認コード"
    r"|トークン|パスフレーズ|パスコード|パスキー|(?<![A-Za-z])(?:PIN(?:コード|番号)?|PW)(?![A-Za-z])|暗号化?キー|回復キー|リカバリーキー|復旧コード|バックアップコード|予備コード|解除コード|解錠番号|ワンタイムコード|セッションID|クッキー|接続キー|共有キー|事前共有鍵)"
)
_JAPANESE = re.compile(
    rf"{_CALLED}(?:\([^()\n]{{0,12}}\))?(?P<mark> ?(?:[:=はが]|を「)[: ]?|[(「『]| )(?P<quote>[\"'`「『]?)(?P<value>[!-~]{{4,200}})",
    re.I,
)
# A word that is made like a password, in the line of the word for one or the next.
_NEAR_WORD = re.compile(rf"{_CALLED}(?P<between>[^。]{{0,60}})", re.I)
_MIXED = re.compile(
    r"(?<![!-~])(?=[!-~]{0,40}[a-z])(?=[!-~]{0,40}[0-9!@#$*&?])[A-Za-z0-9!@#$%^&*_+?-]{6,64}(?![!-~])"
)
_NO_SECRET = re.compile(
    r"(?:ID|ユーザー?名?|アカウント名?|ログイン名?|SSID|user(?:name)?|login|識別符号)[:は ]*$|https?://[^\s]*$",
    re.I,
)
_ANSWER = re.compile(
    r"(?:秘密の(?:質問の)?答え?|(?<=」)の?答え|秘密の質問の回答|合い?言葉)(?:[:は][ 「]?|「)(?P<value>[^\s「」、。/()]{2,30})(?=[」\s、。/]|$)",
    re.M,
)
_DIAL = re.compile(
    r"(?:金庫|ダイヤル|キーボックス|鍵箱|ロッカー|玄関|入口|通用口|電子錠|オートロック|ドア|扉|門扉|警備(?:装置|盤)?|施解錠|解錠)[^\n。0-9]{0,4}(?:暗証番号|番号|ナンバー|コード)"
    r"[^0-9\n。]{0,10}(?P<value>[0-9][0-9#*-]{2,15}|[0-9](?: ?[→、,] ?[0-9]{1,2}){2,6})(?![0-9]|[年月日号円台])"
)
_PIN = re.compile(
    r"(?:暗証番号?|PIN(?:コード|番号)?|パスコード|ワンタイムコード|認証コード|確認コード)(?:\([^()\n]{0,12}\))?(?: ?[:はが] ?|[ (「])(?P<value>[0-9]{4,8})(?![0-9A-Za-z桁文年.,-])",
)
_WORDS = ("pass", "pwd", "pw", "pin", "psk", "sas", "secret", "key", "token", "cred")
_JAPANESE_WORDS = ("パス", "暗", "キー", "鍵", "トークン", "pin", "コード", "シークレット", "セッション")
_END = re.compile(r"[\"'`,;)\]}>]+$")
_PLACEHOLDER = re.compile(
    r"[$<{%*(\[]|(?:x{4,}|\.{3,}|-{3,}|_{3,})|(?:os\.|process\.env|env\.|getenv|settings\.|config\.|self\.|None\b|null\b|true\b|false\b)",
    re.I,
)
_PLAIN_WORD = re.compile(
    r"(?:string|str|text|bytes|required|optional|bool|int|password|passwd|secret|token|input|field|hidden|varchar)",
    re.I,
)


def secrets(text: str) -> Iterator[Place]:
    lowered = text.lower()
    if "-----BEGIN" in text:
        yield from (match.span() for match in _PRIVATE_KEY.finditer(text))
    yield from (match.span() for match in _KNOWN.finditer(text))
    if "Bearer" in text or "Basic" in text:
        yield from (match.span(1) for match in _BEARER.finditer(text) if re.search("[0-9]", match[1]))
    if "://" in text:
        yield from (
            match.span() for match in _IN_ADDRESS.finditer(text) if not _stands_for_value(match["password"])
        )
        yield from (match.span() for match in _HOOK.finditer(text))
    for words, pattern in ((_WORDS, _ASSIGNED), (_JAPANESE_WORDS, _JAPANESE)):
        if any(word in lowered for word in words):
            yield from filter(None, map(_assigned, pattern.finditer(text)))
    if any(word in lowered for word in ("cookie", "sess", "sid=", "csrf", "xsrf", "remember")):
        yield from _in_cookies(text)
    if any(word in lowered for word in (*_JAPANESE_WORDS, "pw")):
        yield from _near_words(text)
    if any(word in lowered for word in ("番号", "ナンバー", "コード", "pin", "暗証", "答", "言葉")):
        for pattern in (_DIAL, _PIN, _ANSWER):
            yield from (match.span("value") for match in pattern.finditer(text) if not _is_told(match))
    for match in _COMMAND.finditer(text):
        value = _END.sub("", match["value"])
        if re.search("[A-Za-z]", value) and re.search("[^A-Za-z]", value) and not _is_no_password(value):
            yield match.start("value"), match.start("value") + len(value)


def _is_told(match: re.Match[str]) -> bool:
    """合言葉は「もも」と決めていた: what a sentence tells of is none."""
    return match["value"].startswith("金庫") or match.string.startswith("と決めて", match.end() + 1)


def _in_cookies(text: str) -> Iterator[Place]:
    for match in _COOKIE.finditer(text):
        for pair in _PAIR.finditer(match["pairs"]):
            if len(pair["value"]) >= 12 or re.search("[0-9]", pair["value"]):
                yield match.start("pairs") + pair.start("value"), match.start("pairs") + pair.end("value")
    yield from (match.span("value") for match in _SESSION.finditer(text))


def _near_words(text: str) -> Iterator[Place]:
    end = 0
    for word in _NEAR_WORD.finditer(text):
        for match in _MIXED.finditer(text, max(end, word.start("between")), word.end("between")):
            before = text[max(0, match.start() - 20) : match.start()]
            if not (_NO_SECRET.search(before) or _is_no_password(match[0])) and before.count("\n") < 2:
                end = match.end()
                yield match.span()


def _is_no_password(value: str) -> bool:
    """A path, an option, a name with hyphens or a word in capitals with a number."""
    return (
        _stands_for_value(value)
        or re.match(
            r"-|[A-Z]{1,6}-?[0-9]+$|/|[a-z]+(?:[-_][a-z]+)*[-_]?[0-9]{0,2}$|[a-z]+[0-9][a-z]?$", value
        )
        is not None
        or re.search(r"\.[a-z]{2,4}$|://", value) is not None
    )


def _stands_for_value(value: str) -> bool:
    return (_PLACEHOLDER.match(value) or _PLAIN_WORD.fullmatch(value)) is not None


def _assigned(match: re.Match[str]) -> Place | None:
    value, quote = match["value"], match["quote"]
    if quote and (cut := re.search("[\"'`」』]", value)):
        value = value[: cut.start()]
    else:
        value = _END.sub("", re.split(r"&(?=[\w.]{1,30}=)|[\s\"',;]", value, maxsplit=1)[0])
    start = match.start("value")
    return (start, start + len(value)) if _is_secret(match, value, bool(quote)) else None


def _is_secret(match: re.Match[str], value: str, is_quoted: bool) -> bool:
    """Not the name of a variable, a type, or a place for a value."""
    if len(value) < 4 or _PLACEHOLDER.match(value) or _PLAIN_WORD.fullmatch(value):
        return False
    has_digit, has_letter = re.search("[0-9]", value), re.search("[A-Za-z]", value)
    named = match.groupdict().get("word", "").lower()
    if named and not named.startswith(("pass", "pwd")):
        # token=1024 counts tokens, and key: value is not always a secret.
        return (
            (is_quoted or "(" not in value)
            and len(value) >= 8
            and bool(has_letter)
            and (bool(has_digit) or len(value) >= 20)
        )
    if not is_quoted and ("(" in value or re.fullmatch(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+", value)):
        return False
    if named and not is_quoted and value.isalpha() and "=" not in match[0]:
        # A sentence: "to pass: another rule".
        end = match.start("value") + len(value)
        ends = match.string[end : end + 1] in ("", "\n")
        return ends and named.startswith("password")
    if match.groupdict().get("mark", "") == " ":
        return len(value) >= 6 and bool(has_letter and has_digit)
    return True
