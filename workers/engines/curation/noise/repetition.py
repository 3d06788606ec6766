"""Text that says one thing again and again: a line, a clause, a word, or a piece of characters."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

LONGEST_PIECE = 20
REPEATS = 5
_PARTS = (
    (re.compile(r"\n"), 3, 1),
    (re.compile(r"[\n。、!?,]"), 3, 6),
    (re.compile(r"[\s|、。,・]+"), 8, 1),
)
"""Where a text is cut, the fewest equal parts that are repetition, and the characters that a part has at least."""
_SENTENCE_MARK = re.compile(r"[。.:;=]|、[^、]{12}")
_WORD_BORDER = re.compile(r"[\s、,・/]+")
_CODE = re.compile(r'["{}<>=;]')
"""Lines of code and of data formats are alike by their form."""
_NUMBER = re.compile("[0-9]{1,9}")
_COUNTED_LINES = 4
_STUFFED_SHARE = 0.8
_KEYWORDS, _KEYWORD_TIMES, _STEM_TIMES, _KEYWORD_SHARE = 8, 3, 5, 0.4
_QUICK_SHARE = 0.3


def repetition_share(text: str) -> float:
    """Share of the text that repeats what it has said: the largest by lines, clauses, words or runs of characters."""
    if not may_repeat(text):
        return 0.0
    return max(_run_share(text), *(_parts_share(text, *how) for how in _PARTS))


def repeats_keywords(text: str) -> bool:
    """Words side by side without a sentence, and one of them again and again: written for search engines."""
    stuffed = sum(len(line) for line in text.split("\n") if _is_stuffed_line(line))
    return stuffed >= _STUFFED_SHARE * len(text)


_SEARCHED = re.compile(
    "格安|激安|最安|安い|口コミ|評判|おすすめ|オススメ|人気|比較|ランキング|相場|見積|駅前|近く|求人|転職|派遣|未経験|高収入|日払|週払|買取|通販|専門店|即日|短納期|低価格|高品質|名医|ホワイトニング|"
    "予約|旅行|一覧$|業者$|費用$|料金$"
)
"""What people type into a search box beside the thing they want."""


def _is_stuffed_line(line: str) -> bool:
    if "|" in line or _SENTENCE_MARK.search(line):
        return False
    words = [word for word in _WORD_BORDER.split(line) if len(word) > 1 and word.isalpha()]
    return len(words) >= _KEYWORDS and _is_stuffed(words, 1.0 if "、" in line else _KEYWORD_SHARE)


def _is_stuffed(words: list[str], share: float) -> bool:
    """Whether a stem stands in so many of the words, or so many of them stand again."""
    searched = sum(bool(_SEARCHED.search(word)) for word in words)
    stems = Counter(stem for word in words for stem in {word[at : at + 2] for at in range(len(word) - 1)})
    if max(stems.values()) >= max(_STEM_TIMES, _KEYWORD_SHARE * len(words)):
        return True
    common = {stem for stem, count in stems.items() if count >= _KEYWORD_TIMES}
    covered = sum(any(word[at : at + 2] in common for at in range(len(word) - 1)) for word in words)
    if searched >= 2 or (searched and covered >= 0.5 * len(words)):
        return True
    times = [count for count in Counter(words).values() if count > 1]
    return bool(times) and max(times) >= _KEYWORD_TIMES and sum(times) >= share * len(words)


def numbers_lines(text: str) -> bool:
    """Lines that differ in a number alone, which only counts them."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if len(lines) < _COUNTED_LINES or len({_NUMBER.sub("#", line) for line in lines}) > 1:
        return False
    numbers = [_NUMBER.findall(line) for line in lines]
    return bool(numbers[0]) and all(
        int(after[0]) - int(before[0]) == 1 and before[1:] == after[1:] for before, after in pairwise(numbers)
    )


def may_repeat(text: str) -> bool:
    """Quick: False where most triples of characters stand once."""
    triples = len(text) - 2
    return triples < 1 or len(set(zip(text, text[1:], text[2:], strict=False))) < (1 - _QUICK_SHARE) * triples


def _parts_share(text: str, cut: re.Pattern[str], least: int, shortest: int) -> float:
    """Characters of parts that stood before, of all characters. Parts that stand fewer than `least` times do not count."""
    counts = Counter(part for each in cut.split(text) if len(part := each.strip()) >= shortest)
    total = sum(len(part) * count for part, count in counts.items())
    again = sum(
        len(part) * (count - 1) for part, count in counts.items() if count >= least and not _CODE.search(part)
    )
    return again / total if total else 0.0


def _run_share(text: str) -> float:
    """Share of the text in runs of one piece (1 to 20 characters), five times or more one after the other."""
    codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    longest = 0
    for period in range(1, min(LONGEST_PIECE, len(codes) - 1) + 1):
        breaks = np.flatnonzero(codes[period:] != codes[:-period])
        equal = _longest_gap(breaks, len(codes) - period)
        # n equal neighbours at this distance are a piece that is repeated over n + period characters.
        if equal + period >= REPEATS * period:
            longest = max(longest, equal + period)
    return longest / len(codes) if len(codes) else 0.0


def _longest_gap(breaks: NDArray[np.intp], length: int) -> int:
    """The longest run of positions below `length` without a break. (`np.diff` with edges takes ten times as long.)"""
    if not len(breaks):
        return length
    inner = int((breaks[1:] - breaks[:-1]).max()) - 1 if len(breaks) > 1 else 0
    return max(int(breaks[0]), length - 1 - int(breaks[-1]), inner)
