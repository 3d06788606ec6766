"""Secrets in sentences, statements and lists: codes of doors and safes, commands of network devices, recovery codes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workers.engines.shared.personal.lines import lines_with
from workers.engines.shared.personal.numbers import Place

_VALUE = r"(?=[!-~]{0,60}[A-Za-z])(?=[!-~]{0,60}[0-9#!$*&@_-])[!-~]{6,100}?(?=[\s\"'`<>、。」)]|$)"
_STATEMENTS = re.compile(
    rf"(?:(?<![A-Za-z])(?:password|secret|community|key-string|passphrase|wpa-psk|pre-shared-key|psk|identified by|password is|passcode is|pass is|pw is)(?: (?:ascii|hex|[057]))* [\"'`]?"
    rf"|--(?:token|api-?key|secret|auth|access-?key|secret-?key|auth-token)[ =][\"']?|;P:)(?P<value>{_VALUE})",
    re.I | re.M,
)
_ELEMENT = re.compile(
    r"<\w{0,30}(?:password|passwd|secret|token|api_?key|pwd)>(?P<value>[^<\s]{4,200})</"
    r"|(?:key|name)=[\"'](?!public)[^\"'\n]{0,40}(?:password|passwd|secret|token|api_?key|pwd)[\"'] value=[\"'](?P<set>[^\"'\s<>]{6,200})[\"']",
    re.I,
)
_PASS_FILE = re.compile(
    r"^[\w.*-]{2,80}:(?:[0-9]{2,5}|\*):[\w*-]{1,40}:[\w-]{1,40}:(?P<value>[!-~]{4,100})$", re.M
)
_BOT = re.compile(r"(?<![0-9A-Za-z])[0-9]{8,10}:[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])")
_PHRASE = re.compile(
    r"(?:パスフレーズ|passphrase|(?:リカバリー|シード|復元)(?:の)?フレーズ|seed phrase)[は:= 「『\"']{1,4}(?P<value>[A-Za-z0-9]{2,15}(?:[ -][A-Za-z0-9]{2,15}){2,23})",
    re.I,
)
_GROUPS = re.compile(
    r"(?<![0-9A-Za-z-])(?:[0-9]{6}(?:-[0-9]{6}){7}|[A-Z0-9]{5}(?:-[A-Z0-9]{5}){4})(?![0-9A-Za-z-])"
)
_RECOVERY = re.compile(
    r"(?:復旧|バックアップ|リカバリー|予備|回復|recovery|backup)(?:用)?(?:コード|キー|鍵| ?codes?)[^A-Za-z0-9。]{0,12}",
    re.I,
)
_CODE = re.compile(
    r"(?P<value>[A-Za-z0-9]{4,8}(?:-[A-Za-z0-9]{4,8}){1,7})(?:[ 、,/\n・]{1,3}(?:\([0-9]\) ?|[0-9]\. ?)?|$)"
)
_DOORS = (
    r"(?:金庫|ダイヤル|キーボックス|鍵箱|ロッカー|玄関|入口|裏口|通用[口門]|勝手口|電子錠|ナンバー錠|南京錠|オートロック|エントランス|ドア|扉|門扉|シャッター|ゲート|倉庫|書庫|金券庫|薬品庫"
    r"|サーバー室|電算室|機械室|宅配ボックス|郵便受け|ポスト|テンキー|キーパッド|警備|警戒|警報|アラーム|防犯|監視カメラ|セコム|アルソック|SECOM|ALSOK)"
)
_DOOR_CODE = re.compile(
    rf"{_DOORS}[^\n。0-9]{{0,8}}(?:番号|ナンバー|コード|暗証|キー|解除|開錠|解錠|セット)[^0-9A-Za-z\n。、]{{0,8}}(?P<value>[#*]?[A-Z]?-?[0-9]{{3,8}}[#*E]?)(?![0-9-]|[年月日号円台時分名件番])"
    rf"|{_DOORS}[^\n。0-9]{{0,12}}(?P<marked>[#*][0-9]{{3,8}}[#*]?|[0-9]{{3,8}}[#*])(?![0-9])"
    rf"|{_DOORS}[^\n。0-9]{{0,8}}[「『](?P<quoted>[#*]?[0-9]{{3,8}}[#*]?)[」』]"
)
_TURNS = re.compile(
    r"(?:[右左RL](?:回し)?[にへで ]{0,2}(?:[0-9]回)?[転しで :、]{0,3}[0-9]{1,2}[ 、,→-]{0,2}){2,6}(?<=[0-9])"
)
_SAFE = re.compile("金庫|ダイヤル|番号")
_TOLD = re.compile(
    r"(?<![0-9-])(?P<value>[0-9]{4,8})(?=(?:は|が)[^。\n]{0,16}(?:認証コード|確認コード|ワンタイム|認証番号|暗証番号|パスコード))"
    r"|(?:認証番号|ワンタイムパスワード|確認番号|OTP)[^0-9\n。]{0,6}(?P<code>[0-9]{4,8})(?![0-9桁文年月-])"
)
_WORDS = re.compile(
    r"[a-z]+(?:[-_.][a-z]+)*|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|\$[\w{(].*|[<{%(\[].*|https?:.*|/.*", re.S
)


_STATED = (
    "password",
    "secret",
    "community",
    "psk",
    "pass",
    "--",
    "identified",
    ";p:",
    "token",
    "api_key",
    "pw ",
)
_DOOR_WORDS = [
    "金庫",
    "ダイヤル",
    "ボックス",
    "鍵箱",
    "ロッカー",
    "玄関",
    "入口",
    "裏口",
    "通用",
    "勝手口",
    "電子錠",
    "錠",
    "オートロック",
    "エントランス",
    "ドア",
    "扉",
    "シャッター",
    "ゲート",
    "倉庫",
    "書庫",
    "金券庫",
    "薬品庫",
    "サーバー室",
    "電算室",
    "機械室",
    "郵便受け",
    "ポスト",
    "テンキー",
    "キーパッド",
    "警備",
    "警戒",
    "警報",
    "アラーム",
    "防犯",
    "監視カメラ",
    "セコム",
    "アルソック",
    "secom",
    "alsok",
]


def codes(text: str, lowered: str) -> Iterator[Place]:
    """`lowered`: the text in lower case."""
    for start, end in lines_with(_STATED, lowered, text):
        for pattern in (_STATEMENTS, _ELEMENT):
            for match in pattern.finditer(text, start, end):
                group = match.lastgroup or "value"
                if not _WORDS.fullmatch(match[group]):
                    yield match.span(group)
    yield from (match.span("value") for match in _PASS_FILE.finditer(text))
    for pattern in (_BOT, _GROUPS):
        yield from (match.span() for match in pattern.finditer(text))
    if "フレーズ" in text or "phrase" in lowered:
        yield from (match.span("value") for match in _PHRASE.finditer(text))
    yield from _recovery_codes(text)
    for start, end in lines_with(_DOOR_WORDS, lowered, text):
        for match in _DOOR_CODE.finditer(text, start, end):
            yield match.span(match.lastgroup or "value")
    for match in _TURNS.finditer(text):
        if _SAFE.search(text[max(0, match.start() - 30) : match.start()]):
            yield match.span()
    if "認証" in text or "コード" in text or "ワンタイム" in text or "OTP" in text:
        yield from (match.span(match.lastgroup or "value") for match in _TOLD.finditer(text))


def _recovery_codes(text: str) -> Iterator[Place]:
    """All of the list that follows its title."""
    for word in _RECOVERY.finditer(text):
        end = word.end()
        while code := _CODE.match(text, end):
            if re.search("[0-9]", code["value"]):
                yield code.span("value")
            end = code.end()
