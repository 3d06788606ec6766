"""Tesseract through its C library, as Debian installs it: no program is started and no file written."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workers.engines.ingest.ocr.lines import Area, Line

if TYPE_CHECKING:
    import numpy as np

_LIBRARIES = ("libtesseract.so.5", "libtesseract.so.4")
_LIBRARY_FOLDERS = ("/usr/lib/*", "/usr/lib", "/usr/lib64", "/usr/local/lib")
_DATA_FOLDERS = (
    "/usr/share/tesseract-ocr/5/tessdata",
    "/usr/share/tesseract-ocr/4.00/tessdata",
    "/usr/share/tessdata",
)
_HORIZONTAL, _VERTICAL, _ORIENTATION = "jpn", "jpn_vert", "osd"
_MODES = {_HORIZONTAL: 3, _VERTICAL: 5}
"""Find the blocks of a page; take it for one block of vertical lines."""
_TEXT_LINE = 2
_SURE, _COVERED = 0.8, 0.7
"""Mean confidence and share of the ink in lines from which on no vertical lines are looked for."""
_LONG = 3.0
"""A line so many times as long as high tells how askew it is."""
_DARK = 128
_BLANK = re.compile(r"(?<=[^\x00-\x7f]) +| +(?=[^\x00-\x7f])")
"""Tesseract writes blanks between Japanese characters."""


def find_library() -> str | None:
    """The library's name, if it and Japanese are installed. Nothing is loaded."""
    found = (
        name
        for name in _LIBRARIES
        for folder in _LIBRARY_FOLDERS
        if any(Path("/").glob(f"{folder[1:]}/{name}"))
    )
    return next(found, None) if data_folder() else None


def data_folder() -> Path | None:
    """Where the languages lie that are needed."""
    folders = map(Path, _DATA_FOLDERS)
    needed = [f"{name}.traineddata" for name in (*_MODES, _ORIENTATION)]
    return next((folder for folder in folders if all((folder / name).exists() for name in needed)), None)


class TesseractEngine:
    def __init__(self) -> None:
        name, folder = find_library(), data_folder()
        assert name and folder, "only an engine that is installed is loaded"
        # Read by OpenMP when it is loaded: Tesseract asks for four threads, whatever else is set.
        os.environ["OMP_THREAD_LIMIT"] = "1"
        self._library = _declared(ctypes.CDLL(name))
        # It may have been loaded before this process was forked, and then waits for threads that are not in it.
        self._library.omp_set_max_active_levels(0)
        self._handles = {language: self._handle(language, mode, folder) for language, mode in _MODES.items()}
        self._orientation = self._handle(_ORIENTATION, 0, folder)

    def _handle(self, language: str, mode: int, folder: Path) -> int:
        handle: int = self._library.TessBaseAPICreate()
        if self._library.TessBaseAPIInit3(handle, bytes(folder), language.encode()):
            raise OSError(f"Tesseract cannot load {language}")
        self._library.TessBaseAPISetPageSegMode(handle, mode)
        return handle

    def read(self, pixels: np.ndarray) -> tuple[int, list[Line]]:
        import numpy as np

        turns = self._turns(pixels)
        turned = np.ascontiguousarray(np.rot90(pixels, turns))
        best: tuple[float, list[Line]] = (-1.0, [])
        for language in _MODES:
            lines = list(self._lines(turned, language))
            count = sum(len(line.text) for line in lines)
            sure = sum(line.confidence * len(line.text) for line in lines)
            best = max(best, (sure, lines), key=lambda each: each[0])
            if count and sure / count >= _SURE and _covered(turned, lines) >= _COVERED:
                break
        return turns, best[1]

    def _turns(self, pixels: np.ndarray) -> int:
        """By the shapes of the characters; 0 where there are too few to tell."""
        height, width = pixels.shape
        degrees, sure, script, script_sure = _INT(), _FLOAT(), _POINTER(), _FLOAT()
        self._library.TessBaseAPISetImage(self._orientation, pixels.ctypes.data, width, height, 1, width)
        found = self._library.TessBaseAPIDetectOrientationScript(
            self._orientation, *map(ctypes.byref, (degrees, sure, script, script_sure))
        )
        self._library.TessBaseAPIClear(self._orientation)
        return degrees.value // 90 % 4 if found else 0

    def _lines(self, pixels: np.ndarray, language: str) -> Iterator[Line]:
        height, width = pixels.shape
        library, handle = self._library, self._handles[language]
        library.TessBaseAPISetImage(handle, pixels.ctypes.data, width, height, 1, width)
        try:
            if library.TessBaseAPIRecognize(handle, None):
                return
            results = library.TessBaseAPIGetIterator(handle)
            if not results:
                return
            try:
                more = True
                while more:
                    if line := self._line(results, language == _VERTICAL):
                        yield line
                    more = library.TessResultIteratorNext(results, _TEXT_LINE)
            finally:
                library.TessResultIteratorDelete(results)
        finally:
            library.TessBaseAPIClear(handle)

    def _line(self, results: int, is_vertical: bool) -> Line | None:
        library = self._library
        kept = library.TessResultIteratorGetUTF8Text(results, _TEXT_LINE)
        if not kept:
            return None
        text = ctypes.string_at(kept).decode("utf-8", "replace")
        library.TessDeleteText(kept)
        text = _BLANK.sub("", text.strip())
        sides = [ctypes.c_int() for _ in range(4)]
        place = library.TessResultIteratorGetPageIterator(results)
        known = library.TessPageIteratorBoundingBox(place, _TEXT_LINE, *map(ctypes.byref, sides))
        if not text or not known:
            return None
        left, top, right, bottom = (float(side.value) for side in sides)
        confidence = min(1.0, max(0.0, library.TessResultIteratorConfidence(results, _TEXT_LINE) / 100))
        area = (left, top, right, bottom)
        if is_vertical:
            return Line(text, confidence, area, area, right - left, is_vertical)
        straight, height = self._straightened(place, area)
        return Line(text, confidence, area, straight, height)

    def _straightened(self, place: int, area: Area) -> tuple[Area, float]:
        """Where the line would be without the slope of its baseline, and the height of its characters."""
        ends = [ctypes.c_int() for _ in range(4)]
        known = self._library.TessPageIteratorBaseline(place, _TEXT_LINE, *map(ctypes.byref, ends))
        x1, y1, x2, y2 = (float(end.value) for end in ends)
        left, top, right, bottom = area
        if not known or x2 - x1 < _LONG * (bottom - top):
            return area, bottom - top
        slope = (y2 - y1) / (x2 - x1)
        height = max(bottom - top - abs(slope) * (right - left), 1.0)
        # Turned about the picture's corner, as all lines are.
        across = (top + bottom) / 2 - slope * (left + right) / 2
        along = slope * (top + bottom) / 2
        return (left + along, across - height / 2, right + along, across + height / 2), height


def _covered(pixels: np.ndarray, lines: Sequence[Line]) -> float:
    """The share of the ink that stands in lines."""
    ink = pixels < _DARK
    inside = ink.copy()
    for line in lines:
        left, top, right, bottom = map(int, line.shown)
        inside[top:bottom, left:right] = False
    return 1 - float(inside.sum() / max(1, ink.sum()))


_POINTER, _INT, _FLOAT = ctypes.c_void_p, ctypes.c_int, ctypes.c_float
_FUNCTIONS: dict[str, tuple[object, ...]] = {
    "TessBaseAPICreate": (_POINTER,),
    "TessBaseAPIInit3": (_INT, _POINTER, ctypes.c_char_p, ctypes.c_char_p),
    "TessBaseAPISetPageSegMode": (None, _POINTER, _INT),
    "TessBaseAPISetImage": (None, _POINTER, _POINTER, _INT, _INT, _INT, _INT),
    "TessBaseAPIRecognize": (_INT, _POINTER, _POINTER),
    "TessBaseAPIGetIterator": (_POINTER, _POINTER),
    "TessBaseAPIClear": (None, _POINTER),
    "TessResultIteratorNext": (_INT, _POINTER, _INT),
    "TessResultIteratorDelete": (None, _POINTER),
    "TessResultIteratorGetUTF8Text": (_POINTER, _POINTER, _INT),
    "TessResultIteratorConfidence": (_FLOAT, _POINTER, _INT),
    "TessResultIteratorGetPageIterator": (_POINTER, _POINTER),
    "TessPageIteratorBoundingBox": (_INT, _POINTER, _INT, *[ctypes.POINTER(ctypes.c_int)] * 4),
    "TessBaseAPIDetectOrientationScript": (_INT, _POINTER, *[_POINTER] * 4),
    "TessPageIteratorBaseline": (_INT, _POINTER, _INT, *[ctypes.POINTER(ctypes.c_int)] * 4),
    "TessDeleteText": (None, _POINTER),
}
"""Of Tesseract's capi.h: the result, then the arguments."""


def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    for name, (result, *arguments) in _FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
