"""Pages drawn as pictures, as a scanner would deliver them, and how well they were read."""

from __future__ import annotations

import io
import os
import re
import subprocess
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache

import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from tests.engines.ingest.documents import FONT

TEXT = (
    "第3条(適用範囲)この規則は、すべての従業員に適用する。ただし、嘱託社員については別に定める。",
    "第4条(採用手続)会社は、選考試験に合格した者を採用する。希望者は「履歴書」を総務部へ提出すること。",
    "第5条(出張旅費)日当は2,500円、宿泊費は12,000円とし、領収書は5営業日以内に経理課へ提出する。",
    "第6条(安全衛生)フィルターは6か月ごとに点検し、汚れがひどいときはメーカーの手順で交換する。",
)
_TURNED = "（）「」ー〜…"
"""Written with the wide forms of brackets."""
_A4 = (8.27, 11.69)
"""Inches."""


@cache
def _font_file() -> str:
    found = subprocess.run(
        ["fc-list", ":lang=ja", "file"], capture_output=True, text=True, check=False
    ).stdout
    files = sorted(line.rstrip(": ") for line in found.splitlines() if re.search(r"\.(ttf|otf|ttc)", line))
    if not files:
        told = pytest.fail if os.environ.get("CI") else pytest.skip
        told("no Japanese font: run .ci/browser.sh")
    return next((file for file in files if "ipag" in file), files[0])


def _font(dpi: int, points: float) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(_font_file(), round(points * dpi / 72))


def _page(dpi: int) -> Image.Image:
    return Image.new("L", (round(_A4[0] * dpi), round(_A4[1] * dpi)), 255)


def _wrapped(text: Sequence[str], width: float) -> Iterator[str]:
    """Lines of at most this many full characters; letters and digits take half of one."""
    for part in text:
        line, used = "", 0.0
        for character in part:
            needed = 0.5 if character.isascii() else 1.0
            if used + needed > width:
                yield line
                line, used = "", 0.0
            line, used = line + character, used + needed
        yield line


def horizontal(
    text: Sequence[str] = TEXT, dpi: int = 150, points: float = 10.5, count: int = 40, left: float = 0.8
) -> Image.Image:
    """Lines of `count` characters, `left` inches from the left edge."""
    page, font = _page(dpi), _font(dpi, points)
    write = ImageDraw.Draw(page)
    for number, line in enumerate(_wrapped(text, count)):
        write.text((left * dpi, dpi + number * 1.7 * font.size), line, font=font, fill=0)
    return page


def columns(left: Sequence[str], right: Sequence[str], dpi: int = 150) -> Image.Image:
    """Two columns of 20 characters."""
    page = horizontal(left, dpi, count=20)
    other = horizontal(right, dpi, count=20, left=0)
    page.paste(other.crop((0, 0, page.width // 2, page.height)), (round(4.4 * dpi), 0))
    return page


def vertical(
    text: Sequence[str] = TEXT, dpi: int = 150, points: float = 10.5, count: int = 40
) -> Image.Image:
    """Columns from right to left: brackets and ー turned, commas and full stops at the upper right."""
    page, font = _page(dpi), _font(dpi, points)
    size = int(font.size)
    for number, line in enumerate(_wrapped([_wide(part) for part in text], count)):
        left = page.width - dpi - round(number * 1.8 * size)
        for place, character in enumerate(line):
            cell = _cell(character, font, size)
            page.paste(cell, (left, dpi + place * size))
    return page


def _wide(text: str) -> str:
    return "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in text)


def _cell(character: str, font: ImageFont.FreeTypeFont, size: int) -> Image.Image:
    cell = Image.new("L", (size, size), 255)
    move = 0.6 * size if character in "、。" else 0.0
    ImageDraw.Draw(cell).text((move, -move), character, font=font, fill=0)
    return cell.rotate(-90) if character in _TURNED else cell


def written(page: Image.Image, margin: int = 150) -> Image.Image:
    """The part of a white page that is written on: most of the time to find lines goes by the size of the picture."""
    left, top, right, bottom = page.point(lambda value: 255 - value).getbbox()
    return page.crop(
        (
            max(0, left - margin),
            max(0, top - margin),
            min(page.width, right + margin),
            min(page.height, bottom + margin),
        )
    )


def worn(page: Image.Image, blur: float) -> Image.Image:
    return page.filter(ImageFilter.GaussianBlur(blur)).point(lambda value: 90 + value * 0.6)


def file_of(*pages: Image.Image, kind: str = "PDF", dpi: int = 150, **more: object) -> bytes:
    """A file of pictures only. The pages are copied: Pillow leaves marks in what it has saved."""
    first, *rest = (page.copy() for page in pages)
    kept = io.BytesIO()
    several = {"save_all": True, "append_images": rest} if rest else {}
    resolution = {"resolution": dpi} if kind == "PDF" else {"dpi": (dpi, dpi)}
    first.save(kept, kind, **several, **resolution, **more)
    return kept.getvalue()


def pdf_with_scan(text: str, scan: Image.Image) -> bytes:
    """A PDF whose first page has text, and whose second one is a picture."""
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    kept = io.BytesIO()
    canvas = Canvas(kept, pagesize=A4)
    canvas.setFont(FONT, 10)
    canvas.drawString(40, 800, text)
    canvas.showPage()
    canvas.drawImage(ImageReader(scan), 0, 0, *A4)
    canvas.save()
    return kept.getvalue()


def error_rate(read: str, text: Sequence[str] = TEXT) -> float:
    """Characters to change, add or remove, by those that are there; blanks do not count."""
    a, b = (re.sub(r"\s", "", unicodedata.normalize("NFKC", each)) for each in (read, "".join(text)))
    row = list(range(len(b) + 1))
    for index, mine in enumerate(a, start=1):
        last, row[0] = row[0], index
        for place, theirs in enumerate(b, start=1):
            last, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, last + (mine != theirs))
    return row[-1] / len(b)
