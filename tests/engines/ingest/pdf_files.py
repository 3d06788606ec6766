"""Writes PDF files object by object: form fields, notes, and fonts that say nothing about their characters."""

from __future__ import annotations

from collections.abc import Sequence

_ENCODINGS = {
    "F1": "/UniJIS-UCS2-H /DescendantFonts [<< /Type /Font /Subtype /CIDFontType0 /BaseFont /HeiseiKakuGo-W5 "
    "/CIDSystemInfo << /Registry (Adobe) /Ordering (Japan1) /Supplement 2 >> /DW 1000 >>]",
    "F2": "/Identity-H /DescendantFonts [<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Unknown "
    "/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /DW 1000 >>]",
}
"""A font whose encoding is known, and one of which only the numbers of the glyphs are."""


def hexadecimal(text: str) -> str:
    return f"<feff{text.encode('utf-16-be').hex()}>"


def shown(text: str, x: float, y: float, font: str = "F1", size: float = 10) -> str:
    return f"BT /{font} {size} Tf {x} {y} Td <{text.encode('utf-16-be').hex()}> Tj ET\n"


PICTURE = "q 500 0 0 700 40 70 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \xff EI Q\n"


def annotation(subtype: str, rect: Sequence[float], more: str, flags: int = 4) -> str:
    place = " ".join(map(str, rect))
    return f"<< /Type /Annot /Subtype /{subtype} /Rect [{place}] /F {flags} {more} >>"


def field(kind: str, rect: Sequence[float], more: str, flags: int = 4, name: str = "f") -> str:
    return annotation("Widget", rect, f"/FT /{kind} /T ({name}) {more}", flags)


def pdf_of(*pages: tuple[str, Sequence[str]]) -> bytes:
    """Each page: what is drawn, and the annotations on it (form fields are in the form as well)."""
    objects = ["", ""]
    fonts = []
    for name, encoding in _ENCODINGS.items():
        objects.append(f"<< /Type /Font /Subtype /Type0 /BaseFont /{name} /Encoding {encoding} >>")
        fonts.append(f"/{name} {len(objects)} 0 R")
    kids, fields = [], []
    for content, added in pages:
        references = []
        for each in added:
            objects.append(each)
            references.append(f"{len(objects)} 0 R")
            if "/Widget" in each:
                fields.append(references[-1])
        objects.append(f"<< /Length {len(content.encode('latin-1'))} >>\nstream\n{content}\nendstream")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {len(objects)} 0 R "
            f"/Resources << /Font << {' '.join(fonts)} >> >> /Annots [{' '.join(references)}] >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[0] = f"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [{' '.join(fields)}] >> >>"
    objects[1] = f"<< /Type /Pages /Count {len(kids)} /Kids [{' '.join(kids)}] >>"
    return _file(objects)


def _file(objects: Sequence[str]) -> bytes:
    content, places = b"%PDF-1.7\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(content))
        content += f"{number} 0 obj\n{each}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n"
    end += f"<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(content)}\n%%EOF\n"
    return content + end.encode()
