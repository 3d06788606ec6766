"""Secrets: private keys, tokens of known services, and what stands after a word for a password or a key."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workers.engines.shared.personal.codes import codes
from workers.engines.shared.personal.lines import lines_with
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
_BEARER = re.compile(
    r"(?:Bearer|Basic|Authorization[\"']?: ?[\"']?(?:[Tt]oken|[Aa]pi-?[Kk]ey|[Kk]ey|Digest)) +([A-Za-z0-9._~+/=-]{16,})"
)
# A whole connection string: it is of no use without its password, and what stands around it leads to the system.
_IN_ADDRESS = re.compile(
    r"(?<![A-Za-z])[a-z][a-z0-9+.-]{1,20}://[^\s:/@\"'<>]{0,64}:(?P<password>[^\s@/\"'<>]{3,200})@[^\s\"'<>、。,;)」]{0,300}"
)
# The key of a service in place of a user: https://4f0c1e9d@sentry.example/12.
_KEY_IN_ADDRESS = re.compile(
    r"(?<![A-Za-z])https?://(?=[A-Za-z]{0,40}[0-9])[A-Za-z0-9]{16,64}@[A-Za-z0-9.-]{3,80}[^\s\"'<>、。,;)」]{0,300}"
)
# A link that opens what it leads to.
_LINK = re.compile(
    r"(?<![A-Za-z])(?:https?|otpauth)://[^\s\"'<>、。?]{3,200}\?(?:[^\s\"'<>、。&=]{1,40}=[^\s\"'<>、。&]{0,100}&){0,8}?"
    r"(?:key|token|sig|signature|pwd|pass(?:word|code)?|secret|access_?token|api_?key|auth|sas|s)=(?P<value>[A-Za-z0-9%._~+/=-]{8,400})[^\s\"'<>、。)」]{0,200}",
    re.I,
)
# Server=db;Uid=sa;Pwd=...; as a whole, as an address with a password.
_CONNECTION = re.compile(
    r"(?<![A-Za-z])(?:Server|Data Source|Host|Provider|Driver|DefaultEndpointsProtocol|Endpoint|AccountName|Uid|User ?Id|Dsn) ?="
    r"[^;\n\"'<>]{1,100};(?:[A-Za-z ]{2,30}=[^;\n\"'<>]{0,100};){0,10}? ?(?:Pwd|Password|AccountKey|SharedAccessKey)=(?P<value>[^;\n\"'<>、。\s]{3,200})"
    r"(?:;[A-Za-z ]{2,30}=[^;\n\"'<>、。]{0,100}){0,10};?",
    re.I,
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
_SHAPE = r"(?=[!-~]{0,60}[A-Za-z])(?=[!-~]{0,60}[0-9])"
# Letters and digits as no word has them, without a word for it: upper and lower case and digits in one run.
_RANDOM = re.compile(r"[A-Za-z0-9](?<![A-Za-z0-9+/=_.:@-].)[A-Za-z0-9]{23,63}(?![A-Za-z0-9+/=_.@-])")
_ID_BEFORE = re.compile("(?<![!-~])[A-Z0-9]{12,40} $")
"""The name of a key stands before it."""
_PREFIXED = re.compile("(?<=[a-z]{2})[_-][A-Za-z0-9]{16,64}(?![A-Za-z0-9_-])")
_PREFIX = re.compile("(?<![A-Za-z0-9_-])[a-z]{2,6}$")
_PUBLIC_BLOCK = re.compile(
    r"-----BEGIN (?:[A-Z ]{0,30}PUBLIC KEY|CERTIFICATE|[A-Z ]{0,20}REQUEST|PGP [A-Z ]{0,20})-----(?:(?!-----)[\s\S]){0,20000}"
)
_PUBLIC = re.compile(
    r"(?:指紋|公開鍵|ハッシュ|チェックサム|finger_?print|public|sha[0-9]*|md5|hash|digest|checksum|integrity|message-id|commit|etag|trace|uuid|ssh-[a-z0-9]+)[^\n]{0,24}$",
    re.I,
)
_LOGIN = re.compile(
    r"(?:ログイン|サインイン|管理者|管理画面|認証情報|アカウント|利用者|ユーザー?|ID ?/ ?(?:PW|パスワード|Pass)|login|sudo|admin|root|credentials?)"
    rf"[^\n。/A-Za-z0-9]{{0,10}}(?:[A-Za-z][\w.@-]{{1,40}} ?/ ?|[ :=は]{{1,3}})(?P<value>{_SHAPE}[A-Za-z0-9!@#$%^&*_+?-]{{6,64}})(?![!-~])",
    re.I,
)
# A mark in a word, as passwords are made: Karu-Mai#210.
_MARK = re.compile("(?<=[A-Za-z0-9_-]{2})[#!*$&@][A-Za-z0-9!#$*_+?-]{2,40}(?![!-~])")
_BEFORE_MARK = re.compile("(?<![!-~])[A-Za-z0-9_-]{2,40}$")
_COMMAND = re.compile(
    r"(?:/user:[^\s]{1,60} |(?<![\w-])(?:-u|--user) [\w.@-]{1,40}:|(?<![\w-])(?:-p|--password|--pass|-pw|-P|/p:|sshpass -p)[ =]?[\"']?|login [^\s]{1,40} password )(?P<value>[!-~]{4,80})"
)
_ASSIGNED = re.compile(
    r"(?P<word>pass(?:word|wd|phrase|code|_?key)?|pwd?|pin(?:_?code)?|psk|sas|secret(?:[_-]?(?:access)?[_-]?key)?|(?:api|access|private|auth|encryption)[ _-]?key"
    r"|(?:(?:access|auth|api|bot|refresh|bearer)[_-]?)?token|client[_-]secret|(?:otp|totp|mfa|hmac|jwt)[_-]?(?:seed|secret|key)?|seed|salt|csrf|xsrf|nonce"
    r"|(?:signing|sign|signature|validation|decryption|master|session|crypt(?:o)?|hmac|aes|des|deploy|license|licence|webhook|app|service|recovery|backup|shared)[_-]?(?:key|secret)|(?<![A-Za-z_-])key|account[_-]?key|shared[_-]?access[_-]?key|cred(?:ential)?s?|api[_-]?secret)(?![A-Za-z0-9])"
    r"[\"']?(?:\)|\])?(?P<mark> ?(?:=>|:=|[:=]) ?| (?=[\"']))(?P<quote>[\"'`]?)(?=(?P<value>[!-~]{4,200}))",
    re.I,
)
_CALLED = (
    r"(?:パスワード|(?<![ァ-ヶー])パス(?![ァ-ヶー])|(?:Wi-?Fi|無線|LAN|SSID|暗号|接続|認証|ライセンス|管理)[^\n。]{0,6}キー|暗証番号|暗証符号|暗証|api ?キー|アクセスキー|シークレットキー|シークレット|(?:秘密|暗号化?|復号|署名|共通|共有|認証|マスター|復旧|回復|ライセンス)鍵|マスターキー|認証キー|認証コード|確認コード"
    r"|トークン|パスフレーズ|パスコード|パスキー|(?<![A-Za-z])(?:PIN(?:コード|番号)?|PW)(?![A-Za-z])|暗号化?キー|回復キー|リカバリーキー|復旧コード|バックアップコード|予備コード|解除コード|解錠番号|ワンタイムコード|セッションID|クッキー|接続キー|共有キー|事前共有鍵)"
)
_JAPANESE = re.compile(
    rf"{_CALLED}(?:\([^()\n]{{0,12}}\))?(?P<mark> ?(?:[:=はが]|を「)[: ]?|[(「『]| )(?P<quote>[\"'`「『]?)(?P<value>[!-~]{{4,200}})",
    re.I,
)
# A word that is made like a password, in the line of the word for one or the next.
_NEAR_WORD = re.compile(
    rf"{_CALLED}(?P<between>[^。]{{0,60}}(?P<next>(?:。?\n[^。\n]{{0,60}}(?:。[^。\n]{{0,40}})?|。(?![^。\n]{{0,20}}(?:条件|文字))[^。\n]{{0,60}})?))",
    re.I,
)
_MIXED = re.compile(
    r"(?<![!-~])(?=[!-~]{0,40}[a-z])(?=[!-~]{0,40}[0-9!@#$*&?])[A-Za-z0-9!@#$%^&*_+?-]{6,64}(?![!-~])"
)
# In the sentence after the word for it.
_STRONG = re.compile(r"(?=.*[a-z])(?=.*[0-9])(?=.*[A-Z#!*$&@]).{6,64}")
_NO_SECRET = re.compile(
    r"(?:ID|ユーザー?名?|アカウント名?|ログイン名?|SSID|user(?:name)?|login|識別符号)[:は ]*$|https?://[^\s]*$",
    re.I,
)
_ANSWER = re.compile(
    r"(?:秘密の(?:質問の)?答え?|(?<=」)の?答え|秘密の質問の回答|合い?言葉)(?:[:は][ 「]?|「)(?P<value>[^\s「」、。/()]{2,30})(?=[」\s、。/]|$)",
    re.M,
)
_DIAL = re.compile(
    r"(?:金庫|ダイヤル|キーボックス|鍵箱|ロッカー|玄関|入口|通用口|電子錠|オートロック|ドア|扉|門扉|警備(?:装置|盤)?|機械警備|防犯|倉庫|施解錠|解錠|解除|鍵|シャッター|書庫|ゲート|門)[^\n。0-9]{0,4}(?:暗証番号|番号|ナンバー|コード)"
    r"[^0-9\n。、]{0,10}(?P<value>[0-9][0-9#*-]{2,15}|[0-9](?: ?[→、,] ?[0-9]{1,2}){2,6})(?![0-9]|[年月日号円台])"
    r"|(?:金庫|ダイヤル錠?|南京錠|キーボックス|鍵箱|鍵ボックス|キーバンカー|電子錠)(?:[はの:]| ){1,2}(?P<turned>(?:[右左]へ?)?[0-9]{1,2}(?: ?[-→、,] ?(?:[右左]へ?)?[0-9]{1,2}){2,6})(?![0-9-]|[年月日号円台])",
    re.M,
)
_PIN = re.compile(
    r"(?:暗証(?:番号)?|PIN(?:コード|番号)?|パスコード|ワンタイムコード|認証コード|確認コード|解除(?:番号|コード)|解錠(?:番号|コード))(?:\([^()\n]{0,12}\))?(?: ?[:はが] ?|[ (「]|(?<=[証号ドN]))(?P<value>[0-9]{4,8})(?![0-9A-Za-z桁文年.,-])",
)
_WORDS = (
    "pass",
    "pwd",
    "pw",
    "pin",
    "psk",
    "sas",
    "secret",
    "key",
    "token",
    "cred",
    "seed",
    "salt",
    "csrf",
    "xsrf",
    "nonce",
)
_CODE_WORDS = (
    "番号",
    "ナンバー",
    "コード",
    "pin",
    "暗証",
    "答",
    "言葉",
    "金庫",
    "ダイヤル",
    "錠",
    "ボックス",
    "鍵箱",
    "キーバンカー",
)
_LOGIN_WORDS = (
    "ログイン",
    "サインイン",
    "管理者",
    "管理画面",
    "認証情報",
    "アカウント",
    "利用者",
    "ユーザ",
    "id",
    "login",
    "sudo",
    "admin",
    "root",
    "credential",
)
_JAPANESE_WORDS = ("パス", "暗", "キー", "鍵", "トークン", "pin", "コード", "シークレット", "セッション")
_END = re.compile(r"[\"'`,;)\]}>]+$")
_PLACEHOLDER = re.compile(
    r"(?:vault|ssm|op|env|arn|secretsmanager|ref|keyvault|sops|file|aws-?sm):|enc[(\[]|redacted|masked|tbd|n/a|change_?me|replace|your[_-]|example|dummy|todo|placeholder|insert|<|[$<{%*(\[]|(?:x{4,}|\.{3,}|-{3,}|_{3,})|(?:os\.|process\.env|env\.|getenv|settings\.|config\.|self\.|None\b|null\b|true\b|false\b)",
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
    if "Bearer" in text or "Basic" in text or "uthorization" in text:
        yield from (match.span(1) for match in _BEARER.finditer(text) if re.search("[0-9]", match[1]))
    if "://" in text:
        yield from (
            match.span() for match in _IN_ADDRESS.finditer(text) if not _stands_for_value(match["password"])
        )
        yield from (match.span() for match in _HOOK.finditer(text))
        yield from (match.span() for match in _KEY_IN_ADDRESS.finditer(text))
        yield from (match.span() for match in _LINK.finditer(text) if re.search("[0-9]", match["value"]))
    if "=" in text and ";" in text:
        yield from (
            match.span() for match in _CONNECTION.finditer(text) if not _stands_for_value(match["value"])
        )
    yield from _random(text, lowered)
    yield from codes(text, lowered)
    for words, pattern in ((_WORDS, _ASSIGNED), (_JAPANESE_WORDS, _JAPANESE)):
        for start, end in lines_with(words, lowered, text):
            yield from filter(None, map(_assigned, pattern.finditer(text, start, end)))
    if any(word in lowered for word in ("cookie", "sess", "sid=", "csrf", "xsrf", "remember")):
        yield from _in_cookies(text)
    if any(word in lowered for word in (*_JAPANESE_WORDS, "pw")):
        yield from _near_words(text)
    for begin, end in lines_with(_CODE_WORDS, lowered, text):
        for pattern in (_DIAL, _PIN, _ANSWER):
            for match in pattern.finditer(text, begin, end):
                group = "value" if match["value"] else "turned"
                if not _is_told(match[group], match.end(group), text):
                    yield match.span(group)
    for match in _COMMAND.finditer(text):
        value = _END.sub("", match["value"])
        if re.search("[A-Za-z]", value) and re.search("[^A-Za-z]", value) and not _is_no_password(value):
            yield match.start("value"), match.start("value") + len(value)


def _is_told(value: str, end: int, text: str) -> bool:
    """合言葉は「もも」と決めていた: what a sentence tells of is none."""
    return value.startswith("金庫") or text.startswith("と決めて", end + 1)


def _random(text: str, lowered: str) -> Iterator[Place]:
    """What is made like a password or a key, and where a user stands before it."""
    public = [match.span() for match in _PUBLIC_BLOCK.finditer(text)] if "-----BEGIN" in text else []
    for match in _RANDOM.finditer(text):
        before = text[max(0, match.start() - 48) : match.start()]
        is_public = any(start < match.start() < end for start, end in public) or _PUBLIC.search(before)
        if _is_mixed(match[0]) and not is_public:
            yield match.span()
            if name := _ID_BEFORE.search(before):
                yield match.start() - len(name[0]), match.start() - 1
    for pattern, left, length in ((_PREFIXED, _PREFIX, 8), (_MARK, _BEFORE_MARK, 42)):
        for match in pattern.finditer(text):
            if before := left.search(text[max(0, match.start() - length) : match.start()]):
                start = match.start() - len(before[0])
                value = text[start : match.end()]
                if _is_mixed(value) and not re.search("@[0-9]+$", value) and not _is_no_password(value):
                    yield start, match.end()
    for begin, end in lines_with(_LOGIN_WORDS, lowered, text):
        for match in _LOGIN.finditer(text, begin, end):
            if not _is_no_password(match["value"]):
                yield match.span("value")


def _is_mixed(value: str) -> bool:
    """Upper case, lower case and digits."""
    return all(re.search(letters, value) for letters in ("[a-z]", "[A-Z]", "[0-9]"))


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
            is_next = match.start() >= word.start("next")
            if is_next and not _STRONG.fullmatch(match[0]):
                continue
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
    if named in ("key", "seed", "salt", "nonce", "app_key") and not (_STRONG.match(value) or len(value) > 19):
        return False
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
