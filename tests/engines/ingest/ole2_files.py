"""Makes OLE2 files (compound files, version 3): the smallest that readers accept."""

from __future__ import annotations

import struct
from collections.abc import Mapping

Tree = Mapping[str, "bytes | Tree"]
_SECTOR, _MINI, _CUTOFF = 512, 64, 4096
_FREE, _END, _FAT, _NONE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF
_STORAGE, _STREAM, _ROOT = 1, 2, 5


def _padded(content: bytes, size: int) -> bytes:
    return content + bytes(-len(content) % size)


class _Writer:
    def __init__(self) -> None:
        self.sectors: list[bytes] = []
        self.chains: list[int] = []
        self.mini = b""
        self.mini_chains: list[int] = []
        self.entries: list[list] = []

    def store(self, content: bytes) -> int:
        first = len(self.sectors)
        padded = _padded(content, _SECTOR)
        for start in range(0, len(padded), _SECTOR):
            self.sectors.append(padded[start : start + _SECTOR])
            self.chains.append(len(self.sectors))
        if not padded:
            return _END
        self.chains[-1] = _END
        return first

    def stream(self, content: bytes) -> int:
        if len(content) >= _CUTOFF:
            return self.store(content)
        first = len(self.mini_chains)
        self.mini += _padded(content, _MINI)
        self.mini_chains += range(first + 1, len(self.mini) // _MINI + 1)
        if not content:
            return _END
        self.mini_chains[-1] = _END
        return first

    def add(self, name: str, kind: int, content: bytes | Tree) -> int:
        """The entry's number. Siblings are a chain to the right: a tree without balance."""
        number = len(self.entries)
        is_stream = isinstance(content, bytes)
        start, size = (self.stream(content), len(content)) if is_stream else (0, 0)
        self.entries.append([name, kind, _NONE, _NONE, start, size])
        before = _NONE
        for child, inside in (
            () if is_stream else sorted(content.items(), key=lambda each: (len(each[0]), each[0].upper()))
        ):
            index = self.add(child, _STREAM if isinstance(inside, bytes) else _STORAGE, inside)
            if before == _NONE:
                self.entries[number][3] = index
            else:
                self.entries[before][2] = index
            before = index
        return number


def ole2(tree: Tree) -> bytes:
    """Streams by their names, storages as trees of their own."""
    writer = _Writer()
    writer.add("Root Entry", _ROOT, tree)
    writer.entries[0][4:] = [writer.store(writer.mini), len(writer.mini)]
    mini_fat = writer.store(struct.pack(f"<{len(writer.mini_chains)}I", *writer.mini_chains))
    mini_sectors = -(-4 * len(writer.mini_chains) // _SECTOR)
    entries = b"".join(_entry(*each) for each in writer.entries)
    directory = writer.store(_padded(entries, _SECTOR))
    fat_sectors = 1
    while fat_sectors * 128 < len(writer.sectors) + fat_sectors:
        fat_sectors += 1
    first_fat = len(writer.sectors)
    fat = [*writer.chains, *[_FAT] * fat_sectors]
    fat += [_FREE] * (fat_sectors * 128 - len(fat))
    header = struct.pack(
        "<8s16sHHHHH6sIIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", bytes(16), 0x3E, 3, 0xFFFE, 9, 6, bytes(6), 0, fat_sectors, directory, 0, _CUTOFF,
        mini_fat if mini_sectors else _END, mini_sectors, _END, 0, first_fat,
    )  # fmt: skip
    others = [first_fat + index if index < fat_sectors else _FREE for index in range(1, 109)]
    header += struct.pack("<108I", *others)
    return header + b"".join(writer.sectors) + struct.pack(f"<{len(fat)}I", *fat)


def _entry(name: str, kind: int, right: int, child: int, start: int, size: int) -> bytes:
    wide = name.encode("utf-16-le") + b"\0\0"
    return struct.pack(
        "<64sHBBIII16sIQQIQ", wide, len(wide), kind, 1, _NONE, right, child, bytes(16), 0, 0, 0, start, size
    )
