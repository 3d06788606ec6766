"""One form for all text: of documents, of the search index and of questions.

Pure functions of strings, without machine-learning libraries. Compare only texts that have both gone through
`normalize`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

# NFKC unifies the Kangxi radicals (U+2F00) but leaves the CJK Radicals Supplement (U+2E80) alone,
# although PDF writers emit both for ordinary ideographs. Each pair: the radical, its ideograph.
_RADICALS_SUPPLEMENT = (
    "⺀冫 ⺁厂 ⺂乛 ⺃乚 ⺄乙 ⺅亻 ⺆冂 ⺇几 ⺈刀 ⺉刂 ⺊卜 ⺋㔾 ⺌小 ⺍小 ⺎兀 ⺏尣 ⺐尢 ⺑尢 ⺒巳 ⺓幺 ⺔彑 ⺕彐 ⺖忄 "
    "⺗㣺 ⺘扌 ⺙攵 ⺛旡 ⺜日 ⺝月 ⺞歺 ⺠民 ⺡氵 ⺢氺 ⺣灬 ⺤爫 ⺥爫 ⺦丬 ⺧牛 ⺨犭 ⺩王 ⺪疋 ⺫目 ⺬示 ⺭礻 ⺮竹 ⺯糹 "
    "⺰纟 ⺱罓 ⺲罒 ⺳㓁 ⺴㓁 ⺵网 ⺶羊 ⺷羊 ⺸羊 ⺹耂 ⺺肀 ⺻聿 ⺼肉 ⺽臼 ⺾艹 ⺿艹 ⻀艹 ⻁虎 ⻂衤 ⻃覀 ⻄西 ⻅见 ⻆角 "
    "⻇角 ⻈讠 ⻉贝 ⻊足 ⻋车 ⻌辶 ⻍辶 ⻎辶 ⻏阝 ⻐钅 ⻑長 ⻒镸 ⻓长 ⻔门 ⻕阜 ⻖阝 ⻗雨 ⻘青 ⻙韦 ⻚页 ⻛风 ⻜飞 ⻝食 "
    "⻞食 ⻟飠 ⻠饣 ⻡首 ⻢马 ⻣骨 ⻤鬼 ⻥鱼 ⻦鸟 ⻧卤 ⻨麦 ⻩黄 ⻪黾 ⻫斉 ⻬齐 ⻭歯 ⻮齿 ⻯竜 ⻰龙 ⻱龜 ⻲亀"
)
# Kangxi radicals whose NFKC form is not the character Japanese writes (神⼾ is 神戸, not 神戶).
_JAPANESE_FORMS = "⼾戸 ⿈黄 ⿊黒"
_BEFORE_NFKC = {ord(pair[0]): pair[1] for pair in f"{_RADICALS_SUPPLEMENT} {_JAPANESE_FORMS}".split()}
# NFKC turns ②5日 into 25日; brackets keep the number apart from what follows.
_BEFORE_NFKC |= {0x2460 + index: f"({index + 1})" for index in range(20)}

# NFKC turns 10⁵ into 105, and 1½ into 1 1⁄2 without the blank. Units (m²) and marks of notes are left to it.
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻"
_SUPERSCRIPT = re.compile(f"[{_SUPERSCRIPTS}]")
_EXPONENT = re.compile(rf"(?:(?<=[0-9０-９)）])|(?=[⁺⁻]))(?<![{_SUPERSCRIPTS}])[{_SUPERSCRIPTS}]+")
_RAISABLE = re.compile(r"\s*[+\-−]?[0-9]+\s*")
_RAISED = str.maketrans("0123456789+-−", f"{_SUPERSCRIPTS}⁻")
_FRACTION = re.compile("[¼-¾⅐-⅞]")
_MIXED_NUMBER = re.compile("(?<=[0-9０-９])(?=[¼-¾⅐-⅞])")
_BEFORE_NFKC[ord("⁻")] = "-"
_FRACTION_SLASH = "\u2044"
_MAPPED = re.compile("[" + "".join(map(chr, _BEFORE_NFKC)) + "]")

_LINE_ENDS = re.compile(r"\r\n?|[\u2028\u2029\u0085\v\f]")
_INVISIBLE = re.compile(
    # C0 and C1 controls but tab and newline, soft hyphen, zero-width and direction marks,
    # interlinear annotations, the byte order mark, lone surrogates, private use, non-characters.
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffc"
    "\ud800-\udfff\ue000-\uf8ff\ufffe\uffff]"
)
_SPACES = re.compile(r"[^\S\n]+")
_TRAILING = re.compile(r" *\n *")
_BLANK_LINES = re.compile(r"\n{3,}")
_IDEOGRAPHIC_INDENT = re.compile(r"(?m)^[^\S\n]*\u3000[^\S\n]*")
_UNCHANGED = re.compile(r"[!-;=-Z\\^-~ぁ-ゖァ-ヺー、。「」・一-鿿]*")
"""Characters that no rule below changes, in whatever order: most cells of tables hold only these."""
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})")
_HAS_LAYOUT = re.compile(r"(?:^|[\n\r\v\f\x85\u2028\u2029])(?:[^\S\n\r]|`{3}|~{3})")

# Control tokens of the model families we train, written out in a text. A tokenizer would encode them as the tokens
# themselves, and a document could end its own turn or start another one.
_ANGLE_TOKEN = re.compile(
    r"<(\|[^<>|\n]{1,40}\||<?/?(?:SYS|sys)>?|/?(?:s|bos|eos|pad|unk|mask|sep|cls|filename|reponame|unused\d+"
    r"|[A-Za-z0-9]+(?:_[A-Za-z0-9]+)+))>"
)
_SQUARE_TOKEN = re.compile(
    r"\[(/?(?:INST|SYS|CLS|SEP|PAD|UNK|MASK|BOS|EOS|@BOS@|multimodal|[A-Z]+_[A-Z_]+))\]"
)


def normalize(text: str) -> str:
    """NFKC with unified ideographs, no invisible characters, at most one blank line in a row.

    Idempotent, also for neutralised tokens: 〈 and 〔 are untouched by NFKC, unlike ＜ and ［.
    """
    if _UNCHANGED.fullmatch(text):
        return text
    return without_tokens(_without_layout(_unified(text)))


def normalize_layout(text: str) -> str:
    """As `normalize`, but the blanks that begin a line stay, and in fenced code all of them: code and YAML need them.

    Ideographic spaces at the beginning of a paragraph mean nothing and go.
    """
    if not _HAS_LAYOUT.search(text):
        return normalize(text)
    text = _unified(_IDEOGRAPHIC_INDENT.sub("", _LINE_ENDS.sub("\n", text)))
    lines: list[str] = []
    for line, is_code in lines_with_code(text):
        blanks = line[: len(line) - len(line.lstrip(" \t"))]
        line = line.rstrip() if is_code else (blanks + _SPACES.sub(" ", line[len(blanks) :])).rstrip()
        if line or is_code or (lines and lines[-1]):
            lines.append(line)
    return without_tokens("\n".join(lines).rstrip())


def lines_with_code(text: str) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it belongs to fenced code: its first and last line do."""
    fence = ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        yield line, bool(fence or mark)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence) and not line[mark.end() :].strip():
            fence = ""


def _unified(text: str) -> str:
    """NFKC with unified ideographs, `\\n` at the ends of lines, no invisible characters."""
    if _SUPERSCRIPT.search(text):
        text = _EXPONENT.sub(lambda match: f"^{match[0]}", text)
    if _FRACTION.search(text):
        text = _MIXED_NUMBER.sub(" ", text)
    # Most texts hold none of these, and looking is faster than translating.
    mapped = text.translate(_BEFORE_NFKC) if _MAPPED.search(text) else text
    text = unicodedata.normalize("NFKC", mapped)
    return _INVISIBLE.sub("", _LINE_ENDS.sub("\n", text)).replace(_FRACTION_SLASH, "/")


def raised(text: str) -> str:
    """Digits and signs that a document shows raised, as superscript characters; other text as it is."""
    return text.translate(_RAISED) if _RAISABLE.fullmatch(text) else text


def _without_layout(text: str) -> str:
    text = _TRAILING.sub("\n", _SPACES.sub(" ", text))
    return _BLANK_LINES.sub("\n\n", text).strip()


def without_tokens(text: str) -> str:
    """Special tokens of tokenizers made harmless: `<|im_start|>` becomes `〈|im_start|〉` and `[INST]` becomes `〔INST〕`."""
    if "<" not in text and "[" not in text:
        return text
    return _SQUARE_TOKEN.sub(r"〔\1〕", _ANGLE_TOKEN.sub(r"〈\1〉", text))


def compare_key(text: str) -> str:
    """Equal for two texts that differ only in spaces and case."""
    return re.sub(r"\s+", "", text).casefold()


# -- Japanese lines and sentences -----------------------------------------------------------
_NUMERAL = "[0-9０-９〇一二三四五六七八九十百千]+"
_HEADING_MARK = r"[ \t　]*(?:#{1,6} +)?\*{0,2} *"
"""Blanks, and what Markdown puts before a heading."""
_CONTINUES_REFERENCE = (
    r"[のにをはがとかへでやも及又並若乃第、。，,．・〜~\-]|関係|該当|違反|各|中|前段|後段|本文|ただし"
)
"""After 第3条 in a sentence that begins with it: such a line is no article."""
_ARTICLE_HEAD = (
    rf"{_HEADING_MARK}(?:第 *{_NUMERAL} *条(?:の *{_NUMERAL})*(?!{_CONTINUES_REFERENCE})|Article +[0-9]+\b)"
)
_CAPTION = rf"{_HEADING_MARK}[(（][^()（）\n]{{1,40}}[)）]\*{{0,2}} *\n+"
ARTICLE = re.compile(
    rf"(?m)^(?:{_HEADING_MARK}第 *{_NUMERAL} *[編章節款][^\n。]*\n+)*(?:{_CAPTION})?{_ARTICLE_HEAD}"
)
"""Where an article of a regulation begins, with the chapter headings and the caption above it: 第12条, 第十二条の2."""
CAPTIONED_ARTICLE = re.compile(rf"(?m)^(?:{_CAPTION})?{_ARTICLE_HEAD}")
"""The same without the chapter headings."""
_STARTS_ALONE = re.compile(
    r"第 *[0-9〇一二三四五六七八九十百千]+ *[条章節編款項]|[・●○■□◆◇▶※►•\-*#【<〈|]|\(?[0-9一二三四五六七八九十]{1,3}[.)、]"
    r"|[0-9]{1,2}(?:\.[0-9]{1,2})+ |[0-9]{1,2} [^0-9]|[ア-ン][.、)]|\(?[a-z][.)] |附則|付則|以上$"
)
_ENDS_SENTENCE = re.compile(r"[。.!?!?:：;」』)】》〉]$")
# In `a != b` no sentence ends.
_SENTENCE = re.compile(r"(?:[^。!?！？\n]|[!?](?==))*(?:[。!?！？]+[」』)）】]*|\n+|$)")
WRAPPED_SHARE = 0.75
"""Of the widest line: a line that is nearly as wide may go on in the next one."""
_LONGEST_CELL = 15
"""Characters: what is longer and has a comma in it is prose, also with numbers between blanks (40 cm)."""
_COLUMN_GAP = re.compile(r"(?<=[^\x00-\x7f]) (?=\S)|(?<=\S) (?=[^\x00-\x7f])")


def sentences(text: str) -> list[str]:
    """Cut after 。！？ (with closing brackets) and at line ends; joined again they are `text`."""
    return [part for part in _SENTENCE.findall(text) if part]


def join_wrapped_lines(text: str, apart: frozenset[str] = frozenset()) -> str:
    """Undo the line breaks that a page's width put inside sentences (for PDF text).

    A break is undone where the line is nearly as wide as the widest one, does not end a sentence,
    and the next does not begin like a heading or a list item. Japanese joins without a space.
    Lines whose `line_shape` is in `apart` (headers and footers), rows of numbers and code are not joined.
    """
    lines, code = zip(*lines_with_code(text), strict=True)
    widest = max((display_width(line) for line in lines), default=0)
    joined: list[str] = []
    for index, line in enumerate(lines):
        before = lines[index - 1] if index else ""
        framed = apart and (line_shape(before) in apart or line_shape(line) in apart)
        is_full = display_width(before) >= WRAPPED_SHARE * widest
        if is_full and goes_on(before, line) and not framed and not code[index]:
            joined[-1] = glue(joined[-1], line.lstrip())
        else:
            joined.append(line)
    return "\n".join(joined)


def goes_on(before: str, line: str) -> bool:
    """Whether a sentence goes on from line to line of prose."""
    # Japanese prose has no spaces: two or more in both lines are the gaps between columns.
    return continues(before, line) and not all(
        part.count(" ") > 1 and len(_COLUMN_GAP.findall(part)) > 1 for part in (before, line)
    )


EDGE_LINES = 2


def line_shape(line: str) -> str:
    """A line with `#` in place of each number, so that a footer with page numbers has one shape on every page."""
    return re.sub(r"[0-9]+", "#", line.strip())


def repeated_edges(pages: Sequence[str], share: float) -> frozenset[str]:
    """Shapes of the lines found among the first or last two on at least this share of the pages."""
    counts: Counter[str] = Counter()
    for page in pages:
        lines = [line for line in page.split("\n") if line.strip()]
        counts.update({line_shape(line) for line in (*lines[:EDGE_LINES], *lines[-EDGE_LINES:])})
    return frozenset(shape for shape, count in counts.items() if count >= share * len(pages))


def continues(before: str, after: str) -> bool:
    """Whether `after` continues the sentence that `before` ends in. Rows of numbers are no sentences."""
    text, blanks = after.lstrip(" \t"), len(before) - len(before.lstrip(" \t"))
    if not before or not text or len(after) - len(text) not in (0, blanks):
        return False
    is_cut = not _ENDS_SENTENCE.search(before) and not _STARTS_ALONE.match(text)
    return is_cut and not (is_row(before) and is_row(text))


def is_row(line: str) -> bool:
    """Looks like a row of a table: two fields or more, and a number in at least half of them."""
    fields = line.split()
    if len(fields) < 2 or any(
        len(field) > _LONGEST_CELL and ("、" in field or "。" in field) for field in fields
    ):
        return False
    return 2 * sum(any(map(str.isdigit, field)) for field in fields) >= len(fields)


def glue(before: str, after: str) -> str:
    """`before` and `after` as one line; only Latin text needs a space between them."""
    if not before or not after:
        return before + after
    return before + (" " if before[-1].isascii() and after[0].isascii() else "") + after


class _Widths(dict[str, int]):
    """Of characters, kept: asking anew for each character of a document takes longer than reading it."""

    def __missing__(self, character: str) -> int:
        self[character] = 2 if unicodedata.east_asian_width(character) in "FWA" else 1
        return self[character]


_width_of = _Widths().__getitem__


def display_width(text: str) -> int:
    """Columns of a fixed-width font: ideographs and kana take two."""
    return sum(map(_width_of, text))


# -- tables ---------------------------------------------------------------------------------
CELL_SEPARATOR = " | "


def row_text(row: tuple[str, ...]) -> str:
    """A table row as one line of the page's text, in the form that `normalize` does not change."""
    return " ".join(CELL_SEPARATOR.join(row).split()).strip(" |")
