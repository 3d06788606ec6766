"""Decodes Japanese charsets as those who write them mean them.

Python's `euc_jp` and `iso2022_jp` refuse row 13 of JIS (①, ㈱, ㎡) and the kanji that IBM and NEC added. Windows and
mail programs write them all the same; Python's cp932 knows them.
"""

from __future__ import annotations

import codecs
import re

_SHIFT_JIS = ("shift_jis", "sjis", "x_sjis", "windows_31j", "ms932", "cp932", "ms_kanji", "csshiftjis")
"""Browsers read all of these as cp932; Python's own shift_jis refuses ① and ㈱."""
_EUC_JP = ("euc_jp", "eucjp", "x_euc_jp", "euc_jp_ms", "eucjp_ms", "cp51932")
_ISO_2022_JP = re.compile(r"(?:cs)?iso_?2022_?jp(?:_ms|_[123])?|jis|x_jis|cp5022[012]|50220|50221|50222")
_ESCAPE = re.compile(rb"\x1b(?:&@|\$\(?[@BD]|\([BHIJ])|[\x0e\x0f]")
_KANJI = (b"\x1b$@", b"\x1b$B", b"\x1b$(@", b"\x1b$(B")
_SUPPLEMENT, _KANA, _SHIFT_OUT, _SHIFT_IN, _ANNOUNCED = b"\x1b$(D", b"\x1b(I", b"\x0e", b"\x0f", b"\x1b&@"
_BEYOND_JIS = "beyond_jis"


def decode_as(content: bytes, charset: str) -> str:
    """Raises UnicodeDecodeError, and LookupError for an unknown charset."""
    name = charset.strip().lower().replace("-", "_")
    if name in _SHIFT_JIS:
        return content.decode("cp932")
    if name in _EUC_JP:
        return content.decode("euc_jp", _BEYOND_JIS)
    return _iso_2022_jp(content) if _ISO_2022_JP.fullmatch(name) else content.decode(name)


def _iso_2022_jp(content: bytes) -> str:
    texts, state, kanji, start = [], b"", b"", 0
    for escape in [*_ESCAPE.finditer(content), None]:
        end = len(content) if escape is None else escape.start()
        try:
            texts.append(_segment(content[start:end], state))
        except UnicodeDecodeError as error:
            at = start + error.start
            raise UnicodeDecodeError("iso2022_jp", content, at, at + 1, error.reason) from error
        if escape is not None:
            start = escape.end()
            state, kanji = _shifted(escape[0], state, kanji)
    return "".join(texts)


def _shifted(escape: bytes, state: bytes, before: bytes) -> tuple[bytes, bytes]:
    """The charset after an escape, and the one to which a shift in returns."""
    if escape == _SHIFT_OUT:
        return _KANA, state
    if escape == _SHIFT_IN:
        return before, before
    return (state, before) if escape == _ANNOUNCED else (escape, escape)


def _segment(segment: bytes, state: bytes) -> str:
    """A line may end within a segment of any charset."""
    if state in _KANJI:
        return bytes(each | 0x80 if each > 0x20 else each for each in segment).decode("euc_jp", _BEYOND_JIS)
    if state == _SUPPLEMENT:
        return re.sub(rb"[\x21-\x7e]{2}", _in_third_set, segment).decode("euc_jp")
    if state == _KANA:
        return bytes(each | 0x80 if each > 0x20 else each for each in segment).decode("cp932")
    return segment.decode("ascii")


def _in_third_set(match: re.Match[bytes]) -> bytes:
    return b"\x8f" + bytes(each | 0x80 for each in match[0])


def _beyond_jis(error: UnicodeError) -> tuple[str, int]:
    """What cp932 has in the place of two bytes of EUC-JP that JIS leaves free."""
    assert isinstance(error, UnicodeDecodeError)
    pair = error.object[error.start : error.start + 2]
    if len(pair) == 2 and all(0xA1 <= each <= 0xFE for each in pair):
        row, cell = pair[0] - 0xA1, pair[1] - 0xA1
        lead = row // 2 + (0x81 if row < 62 else 0xC1)
        trail = cell + 0x9F if row % 2 else cell + 0x40 + (cell >= 63)
        try:
            return bytes((lead, trail)).decode("cp932"), error.start + 2
        except UnicodeDecodeError:
            pass
    raise error


codecs.register_error(_BEYOND_JIS, _beyond_jis)
