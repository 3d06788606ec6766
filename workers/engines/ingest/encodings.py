"""Decodes text files strictly, so that a wrong guess never puts garbled characters into training."""

from __future__ import annotations

import codecs
import re

from workers.engines.ingest.japanese_codecs import decode_as
from workers.engines.shared.runtime import UserError

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_JAPANESE = ("cp932", "euc_jp")
_JIS_ESCAPE = re.compile(rb"\x1b(?:\$|\(I)")
# What Python's cp932 makes of the bytes 80, A0, FD, FE and FF, which no Japanese text holds.
_NOT_JIS = re.compile("[\x80\xa0\uf8f0-\uf8f3]")
# Marks of voicing follow only the kana that have them; ﾟ or ﾞ elsewhere is another encoding.
_HALF_WIDTH_WORD = re.compile("(?:[ｳｶ-ﾄﾊ-ﾎ]ﾞ|[ﾊ-ﾎ]ﾟ|[ｦ-ﾝ]){2,}")
_HALF_WIDTH_MARK = re.compile("[｡-･]")
_LETTERS_TO_A_MARK = 4
_KANA_IN_ASCII = 4
"""Fewer kana in a text that is ASCII but for them may be Western letters."""
_SAMPLE = 20_000
_PLAUSIBLE_SHARE = 0.7
_ORDINARY = re.compile("[\t\r\n -~\u2010-\u2312\u2460-\u25ff\u3000-\u30ff\u4e00-\u9fff\uff01-\uffee]")
_ORDINARY_SHARE = 0.95
"""Of the characters of a Japanese text; bytes of something else make hardly as many."""
_UTF8_SEQUENCE = re.compile(rb"[\xe3-\xe9][\x80-\xbf]{2}")
_PRINTED = re.compile(rb"[\x00\t\n\r -~]*")
_DECLARED = re.compile(
    rb"""<(?:meta|\?xml)[^>]*?(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_\-]+)""", re.I
)


def decode(content: bytes, *, declared_inside: bool = False, charset: str | None = None) -> str:
    """The text of `content`; raises UserError `undecodable_text` unless its encoding is certain.

    Tried in order: byte order mark, ISO-2022-JP escapes, the declared charset (in HTML, or `charset`), UTF-16 by its
    zero bytes, UTF-8, then Shift_JIS (cp932) or EUC-JP, whichever reads more like Japanese.
    """
    for bom, encoding in _BOMS:
        if content.startswith(bom):
            return _strict(content, encoding)
    if _JIS_ESCAPE.search(content) and content.isascii():
        return _strict(content, "iso2022_jp")
    if declared_inside and (match := _DECLARED.search(content[:4096])):
        charset = match[1].decode("ascii")
    if charset is not None and (text := _attempt(content, charset)) is not None:
        return text
    if (wide := wide_encoding(content)) is not None:
        return _strict(content, wide)
    text = _attempt(content, "utf-8")
    return text if text is not None else _decode_japanese(content)


def wide_encoding(content: bytes) -> str | None:
    """The kind of UTF-16 that a text without byte order mark is in; None for anything else."""
    sample = content[:_SAMPLE]
    # The upper bytes of Latin characters are zeros, and the lower ones of few others: 一 is 4E00.
    first, second = (sample[start::2].count(0) for start in (0, 1))
    if len(content) % 2 or first == second or _is_ascii_with_zeros(sample, max(first, second)):
        return None
    encoding = "utf-16-be" if first > second else "utf-16-le"
    text = sample.decode(encoding, errors="replace")
    return encoding if len(_ORDINARY.findall(text)) >= _ORDINARY_SHARE * len(text) else None


def _is_ascii_with_zeros(sample: bytes, zeros: int) -> bool:
    """In UTF-16, all upper bytes of Latin characters are zeros. Where only some are, the file is ASCII with zeros in it."""
    return sample.isascii() and zeros < 0.9 * (len(sample) // 2) and _PRINTED.fullmatch(sample) is not None


def _decode_japanese(content: bytes) -> str:
    # Mostly valid UTF-8 Japanese with a few bad bytes: cp932 might still accept it as garbage.
    errors = content.decode("utf-8", errors="replace").count("\ufffd")
    if len(_UTF8_SEQUENCE.findall(content)) > 4 * errors:
        return _strict(content, "utf-8")
    decoded = [text for encoding in _JAPANESE if (text := _attempt(content, encoding)) is not None]
    candidates = [text for text in decoded if not _NOT_JIS.search(text)]
    best = max(candidates, key=_plausibility, default="")
    if _plausibility(best)[0] < _PLAUSIBLE_SHARE:
        raise undecodable(None)
    return best


def _attempt(content: bytes, encoding: str) -> str | None:
    try:
        return decode_as(content, encoding)
    except (UnicodeDecodeError, LookupError):
        return None


def _strict(content: bytes, encoding: str) -> str:
    try:
        return decode_as(content, encoding)
    except UnicodeDecodeError as error:
        raise undecodable(error.start) from error


def _plausibility(text: str) -> tuple[float, int]:
    """Share of kana, everyday kanji and Japanese punctuation among what is not ASCII, and how many kana there are.

    0 if there is nothing but ASCII, or hardly anything else and no kana.
    """
    sample = text[:_SAMPLE]
    foreign = [character for character in sample if not character.isascii()]
    kana, half_width = sum("ぁ" <= character <= "ヿ" for character in foreign), _half_width_kana(sample)
    mostly_ascii = len(foreign) < 0.1 * len(sample)
    # Western text with typographic quotes also decodes as cp932, into scattered kanji.
    if not foreign or (mostly_ascii and not kana and half_width < _KANA_IN_ASCII):
        return 0.0, 0
    plausible = kana + half_width + sum(_is_everyday(character) for character in foreign)
    return plausible / len(foreign), kana + half_width


def _half_width_kana(text: str) -> int:
    """Half-width kana in words, and their punctuation; none where they look like another encoding.

    EUC-JP read as cp932 is full of ､ and ･, the first bytes of its kana; a Western accent becomes a single kana.
    """
    letters = sum(map(len, _HALF_WIDTH_WORD.findall(text)))
    marks = len(_HALF_WIDTH_MARK.findall(text))
    return letters + marks if _LETTERS_TO_A_MARK * marks <= letters else 0


def _is_everyday(character: str) -> bool:
    if (
        character in "、。・「」『』【】()（）〜～ー々〇　！？：；％＋－＝／①②③④⑤⑥⑦⑧⑨⑩ⅠⅡⅢⅣⅤ㈱㎡№℡髙﨑●○■□◆◇※→"
        or "０" <= character <= "ｚ"
    ):
        return True
    try:
        lead = character.encode("euc_jp")[0]
    except UnicodeEncodeError:
        return False
    return 0xB0 <= lead <= 0xCF  # JIS level 1: the 2,965 kanji of ordinary writing


def undecodable(position: int | None) -> UserError:
    where = "" if position is None else f" (first at byte {position + 1})"
    return UserError(
        "undecodable_text",
        f"The characters of the file cannot be read{where}. Save it as UTF-8 and upload it again.",
        param=None if position is None else f"byte {position + 1}",
        byte=None if position is None else position + 1,
    )
