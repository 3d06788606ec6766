"""Cut a text into pieces of a bounded length at the best ends that they offer: of paragraphs, lines, sentences, clauses.

The pieces are those of langchain's RecursiveCharacterTextSplitter with these separators, which a test compares. It does
not say where they stand in the text, which decides what of them is personal data, and searching for them is ambiguous
where a text repeats itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

SEPARATORS = ("\n\n", "\n", "。", "！", "？", ". ", "、", " ", "")
"""The best first; the last one cuts anywhere."""

Range = tuple[int, int]
"""The first character, and the one after the last."""


def ranges(text: str, *, longest: int, overlap: int) -> Iterator[Range]:
    """Without blanks around the pieces. A piece repeats at most `overlap` characters of the one before."""
    for start, end in _cut(text, (0, len(text)), SEPARATORS, longest, overlap):
        piece = text[start:end]
        begin = start + len(piece) - len(piece.lstrip())
        if stripped := piece.strip():
            yield begin, begin + len(stripped)


def _cut(text: str, whole: Range, separators: Sequence[str], longest: int, overlap: int) -> Iterator[Range]:
    segment = text[slice(*whole)]
    number = next(number for number, separator in enumerate(separators) if separator in segment)
    finer = separators[number + 1 :]
    run: list[Range] = []
    for start, end in _parts(segment, separators[number], whole[0]):
        if end - start < longest:
            run.append((start, end))
            continue
        yield from _merged(run, longest, overlap)
        run = []
        if finer:
            yield from _cut(text, (start, end), finer, longest, overlap)
        else:
            yield start, end
    yield from _merged(run, longest, overlap)


def _parts(segment: str, separator: str, start: int) -> Iterator[Range]:
    """The parts that end with the separator, and the rest; every character where there is none. `start`: of the segment."""
    position = 0
    while position < len(segment):
        found = segment.find(separator, position) if separator else position
        end = len(segment) if found < 0 else found + max(1, len(separator))
        yield start + position, start + end
        position = end


def _merged(run: Sequence[Range], longest: int, overlap: int) -> Iterator[Range]:
    """Neighbouring parts, together as long as they may be."""
    first = total = 0
    for start, end in run:
        length = end - start
        if total and total + length > longest:
            yield run[first][0], start
            while total > overlap or (total and total + length > longest):
                total -= run[first][1] - run[first][0]
                first += 1
        total += length
    if run:
        yield run[first][0], run[-1][1]
