"""A map from digests to numbers that stays small: what an earlier text was, for millions of texts."""

from __future__ import annotations

from array import array

_FREE = 0
_FULLEST = 0.6


class DigestMap:
    """From the first 16 bytes of a digest to a number of 0 or more, in 24 bytes for each place of an open-addressing table.

    A dictionary needs about 190 bytes for an entry. Two texts whose 16 bytes agree by chance do not occur.
    """

    def __init__(self) -> None:
        self._size = 0
        self._make(1 << 10)

    def __len__(self) -> int:
        return self._size

    def setdefault(self, digest: bytes, number: int) -> int | None:
        """The number that the digest has. Without one it gets `number`, and None is returned."""
        high = int.from_bytes(digest[:8], "little")
        low = int.from_bytes(digest[8:16], "little") or 1
        place = self._place(high, low)
        if self._lows[place] != _FREE:
            return self._numbers[place]
        self._put(place, high, low, number)
        self._size += 1
        if self._size > _FULLEST * len(self._lows):
            self._grow()
        return None

    def _make(self, places: int) -> None:
        self._mask = places - 1
        self._highs, self._lows, self._numbers = (array("Q", bytes(8 * places)) for _ in range(3))

    def _place(self, high: int, low: int) -> int:
        """Of this digest, or the free one that it belongs to."""
        highs, lows, mask = self._highs, self._lows, self._mask
        place = high & mask
        while lows[place] != _FREE and (lows[place] != low or highs[place] != high):
            place = (place + 1) & mask
        return place

    def _put(self, place: int, high: int, low: int, number: int) -> None:
        self._highs[place], self._lows[place], self._numbers[place] = high, low, number

    def _grow(self) -> None:
        old = zip(self._highs, self._lows, self._numbers, strict=True)
        self._make(2 * len(self._lows))
        for high, low, number in old:
            if low != _FREE:
                self._put(self._place(high, low), high, low, number)
