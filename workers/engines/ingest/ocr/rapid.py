"""PP-OCR through RapidOCR: models in its package, read before the sandbox closes; nothing is downloaded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from workers.engines.ingest.ocr.lines import Area, Line
from workers.engines.ingest.ocr.vertical import horizontal

_MODELS = {"Det": "PP-OCRv6_det_small.onnx", "Rec": "PP-OCRv6_rec_small.onnx"}
_LONG_SIDE = 1600
"""Pixels of the picture in which lines are looked for; they are cut out of the whole one."""
_TALL = 2.0
"""A place so many times as high as wide is a vertical line."""
_LONG = 5.0
"""A line so many times as long as high tells how askew the picture is."""
_SAMPLES, _SAMPLE_LENGTH = 4, 14
"""Lines that are read turned, and how many of their characters."""
_LEAST_CONFIDENCE = 0.3
"""Below it a line is a stain or a drawing."""
_SURE = 0.85
"""Below it a vertical line is also read on its side."""
_KANA = re.compile("[ぁ-ゖァ-ヺ]")
_IDEOGRAPH = re.compile("[\u3400-\u9fff]")


class RapidEngine:
    def __init__(self) -> None:
        import rapidocr

        folder = Path(rapidocr.__file__).parent / "models"
        cv2.setNumThreads(1)
        self._tool = rapidocr.RapidOCR(
            params={
                # With a path, the library does not look for a model to download.
                **{f"{part}.model_path": str(folder / name) for part, name in _MODELS.items()},
                "Global.max_side_len": _LONG_SIDE,
                "Global.log_level": "critical",
                # Lines of one length each take less memory, and no time for the blanks behind the shorter ones.
                "Rec.rec_batch_num": 1,
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )
        # The models are loaded at the first use.
        self._places(np.full((64, 64), 255, np.uint8))
        self._read([np.full((48, 96), 255, np.uint8)])
        self._plain_session = self._tool.text_rec.session
        self._japanese_session = _Without(
            self._plain_session, self._tool.text_rec.postprocess_op.character, _is_foreign
        )

    def read(self, pixels: np.ndarray) -> tuple[int, list[Line]]:
        places = self._places(pixels)
        cut = [_cut_out(pixels, place) for place in places]
        turns = self._turns(cut)
        upright = [_packed(np.rot90(each, turns)) for each in cut]
        return turns, self._lines(upright, [_turned(place, turns, pixels.shape) for place in places])

    def _turns(self, cut: Sequence[np.ndarray]) -> int:
        """The turn by which the longest lines are read best."""
        samples = sorted(cut, key=lambda each: -max(each.shape))[:_SAMPLES]
        sure = [self._sureness([np.rot90(sample, turns) for sample in samples]) for turns in range(4)]
        return sure.index(max(sure))

    def _sureness(self, samples: Sequence[np.ndarray]) -> float:
        """Confidence summed over characters: a model that reads a line on its side loses some of them."""
        length = [_SAMPLE_LENGTH * min(sample.shape) for sample in samples]
        begun = [sample[:most, :most] for sample, most in zip(samples, length, strict=True)]
        lines = [horizontal(_packed(each)) if _is_tall(each) else _packed(each) for each in begun]
        return sum(confidence * len(text) for text, confidence in self._read(lines))

    def _lines(self, cut: Sequence[np.ndarray], places: Sequence[np.ndarray]) -> list[Line]:
        vertical = _vertical_ones(cut)
        crops = [horizontal(each) if is_down else each for each, is_down in zip(cut, vertical, strict=True)]
        found = self._read(crops)
        for index, (_, confidence) in enumerate(found):
            if vertical[index] and confidence < _SURE:
                # Its characters may have been cut wrongly.
                sideways = _packed(np.rot90(cut[index]))
                again = self._read([sideways])[0]
                if again[1] > confidence:
                    crops[index], found[index] = sideways, again
        if any(_KANA.search(text) for text, _ in found):
            found = self._read_as_japanese(crops, found)
        straight = _straightened(places)
        return [
            Line(text, confidence, _area(place), _area(even), float(min(crop.shape)), is_vertical=is_down)
            for (text, confidence), place, even, crop, is_down in zip(
                found, places, straight, cut, vertical, strict=True
            )
            if text.strip() and confidence >= _LEAST_CONFIDENCE
        ]

    def _read_as_japanese(
        self, crops: Sequence[np.ndarray], found: Sequence[tuple[str, float]]
    ) -> list[tuple[str, float]]:
        """Lines with characters that Japanese does not write are read again without these."""
        again = [index for index, (text, _) in enumerate(found) if any(map(_is_foreign, text))]
        self._tool.text_rec.session = self._japanese_session
        try:
            read = dict(zip(again, self._read([crops[index] for index in again]), strict=True))
        finally:
            self._tool.text_rec.session = self._plain_session
        lines = (read.get(index, line) for index, line in enumerate(found))
        return [(text.replace("·", "・"), confidence) for text, confidence in lines]

    def _places(self, pixels: np.ndarray) -> list[np.ndarray]:
        """Of each line its four corners (4, 2), from the upper left one with the clock."""
        found = self._tool(_coloured(pixels), use_det=True, use_cls=False, use_rec=False)
        return [] if found.boxes is None else [np.asarray(box, np.float32) for box in found.boxes]

    def _read(self, lines: Sequence[np.ndarray]) -> list[tuple[str, float]]:
        if not lines:
            return []
        found = self._tool.recognize_txt([_coloured(line) for line in lines])
        return list(zip(found.txts, map(float, found.scores), strict=True))


class _Without:
    """A session whose answers leave some characters out."""

    def __init__(self, session: Any, characters: Sequence[str], is_left_out: Any) -> None:
        self._session = session
        self._left_out = np.array([len(each) == 1 and is_left_out(each) for each in characters])

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        answers = self._session(pixels)
        answers[..., self._left_out] = 0.0
        return answers


def _is_foreign(character: str) -> bool:
    """An ideograph that no Japanese character set has."""
    if not _IDEOGRAPH.match(character):
        return False
    try:
        character.encode("shift_jis_2004")
    except UnicodeEncodeError:
        return True
    return False


def _packed(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pixels)


def _coloured(pixels: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(_packed(pixels), cv2.COLOR_GRAY2BGR)


def _is_tall(pixels: np.ndarray) -> bool:
    return pixels.shape[0] >= _TALL * pixels.shape[1]


def _vertical_ones(cut: Sequence[np.ndarray]) -> list[bool]:
    """Which are vertical lines. A narrow digit in horizontal writing is as high as its neighbours, and none."""
    wide = [each.shape[0] for each in cut if not _is_tall(each)]
    usual = float(np.median(wide)) if wide else 0.0
    return [_is_tall(each) and each.shape[0] > 1.5 * usual for each in cut]


def _cut_out(pixels: np.ndarray, place: np.ndarray) -> np.ndarray:
    """The line between its corners, straightened."""
    width = max(2, round(float(max(_length(place[0], place[1]), _length(place[3], place[2])))))
    height = max(2, round(float(max(_length(place[0], place[3]), _length(place[1], place[2])))))
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    turn = cv2.getPerspectiveTransform(place, corners)
    return cv2.warpPerspective(
        pixels, turn, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )


def _turned(place: np.ndarray, turns: int, shape: tuple[int, ...]) -> np.ndarray:
    """The corners after quarters against the clock of a picture of this (height, width)."""
    height, width = shape
    for _ in range(turns):
        turned = np.stack([place[:, 1], width - place[:, 0]], axis=1)
        # What was the upper right corner is the upper left one.
        place = np.roll(turned, -1, axis=0)
        width, height = height, width
    return place


def _straightened(places: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The corners, turned by the usual slope of the long lines of a picture that is askew."""
    slopes = [slope for place in places if (slope := _slope(place)) is not None]
    angle = -float(np.median(slopes)) if slopes else 0.0
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return [place @ turn.T for place in places]


def _slope(place: np.ndarray) -> float | None:
    """In radians, of a line against the edge that it is nearly parallel to; None for a short one."""
    along, down = place[1] - place[0], place[3] - place[0]
    if np.linalg.norm(along) > _LONG * np.linalg.norm(down):
        return float(np.arctan2(along[1], along[0]))
    if np.linalg.norm(down) > _LONG * np.linalg.norm(along):
        return float(np.arctan2(-down[0], down[1]))
    return None


def _area(place: np.ndarray) -> Area:
    left, top, right, bottom = map(float, (*place.min(0), *place.max(0)))
    return left, top, right, bottom


def _length(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a - b))
