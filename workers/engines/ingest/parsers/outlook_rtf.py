"""Unpacks the RTF that Outlook stores (MS-OXRTFCP)."""

from __future__ import annotations

import struct

_HEADER = struct.Struct("<III4x")
_PACKED, _PLAIN = 0x75465A4C, 0x414C454D
_BEGIN = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans SerifSymbolArialTimes "
    b"New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
"""What the window over the text holds before the first byte."""
_WINDOW = 4096
_MOST_BYTES = 64 * 1024 * 1024


def decompressed(content: bytes) -> bytes:
    """Raises ValueError."""
    _, size, kind = _HEADER.unpack_from(content)
    packed = content[_HEADER.size :]
    if kind == _PLAIN:
        return packed[:size]
    if kind != _PACKED or size > _MOST_BYTES:
        raise ValueError("not the RTF of Outlook")
    window = bytearray(_BEGIN.ljust(_WINDOW, b"\0"))
    write, text, position = len(_BEGIN), bytearray(), 0
    while position < len(packed):
        flags = packed[position]
        position += 1
        for bit in range(8):
            if flags >> bit & 1:
                reference = int.from_bytes(packed[position : position + 2], "big")
                position += 2
                start, length = reference >> 4, (reference & 15) + 2
                if start == write or len(text) >= size:
                    return bytes(text[:size])
                found = bytearray()
                for index in range(length):
                    found.append(window[(start + index) % _WINDOW])
                    window[(write + index) % _WINDOW] = found[-1]
            else:
                found = packed[position : position + 1]
                position += 1
                window[write : write + len(found)] = found
            text += found
            write = (write + len(found)) % _WINDOW
    return bytes(text[:size])
