"""Reads an e-mail as it is sent (RFC 5322 and MIME), with the charsets that Japanese programs write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from workers.engines.ingest.encodings import decode
from workers.engines.ingest.file_types import damaged_by, encrypted, wrong_type
from workers.engines.ingest.parsers.mail_parts import Attachment, Mail
from workers.engines.shared.runtime import UserError

SHOWN_HEADERS = ("Subject", "From", "To", "Cc", "Date")
_FOLD = re.compile(r"\r?\n(?=[ \t])")
_BARE_NAME = re.compile(r'\b(?:file)?name="?([^";]+)')
_SIGNATURES = ("application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature")
_ENCRYPTED = ("application/pkcs7-mime", "application/x-pkcs7-mime")


def read_eml(content: bytes) -> Mail:
    """Raises UserError `wrong_type`, `encrypted`, `undecodable_text`, `damaged_file`."""
    import email

    # Parts in parts without end; no program writes them.
    with damaged_by("The parts of the e-mail are nested too deeply.", RecursionError, reason="too_deep"):
        message = email.message_from_bytes(content)
        if not any(message.get(name) for name in ("From", "Date", "Subject", "Received", "Message-ID")):
            raise wrong_type("The file is named .eml but holds no e-mail.", reason="misnamed", ending=".eml")
        return _mail(message)


def _mail(message: Any) -> Mail:
    headers = {name: _header(message, name) for name in SHOWN_HEADERS}
    body = _Body()
    _collect(message, body)
    return Mail(
        subject=headers["Subject"],
        headers=[
            f"{name}: {_date(text) if name == 'Date' else text}" for name, text in headers.items() if text
        ],
        plain="\n\n".join(body.plain),
        html="\n".join(body.html),
        attachments=body.attachments,
    )


# -- headers --------------------------------------------------------------------------------
def _header(message: Any, name: str) -> str:
    return decoded_words(_raw(message, name).strip())


def _raw(message: Any, name: str) -> str:
    """Of several headers of one name the first, as one line."""
    return next(
        (_FOLD.sub("", str(value)) for key, value in message.raw_items() if key.lower() == name.lower()), ""
    )


def decoded_words(text: str) -> str:
    """Of encoded words (`=?iso-2022-jp?B?…?=`) and bytes without any declaration. Empty where they are uncertain."""
    from email.errors import HeaderParseError
    from email.header import decode_header

    try:
        if not text.isascii():
            return decode(text.encode("utf-8", "surrogateescape"))
        pieces = decode_header(text)
        return "".join(
            piece if isinstance(piece, str) else decode(piece, charset=charset) if piece else ""
            for piece, charset in pieces
        )
    except (UserError, HeaderParseError, ValueError):
        return ""


def _date(text: str) -> str:
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(text).isoformat(" ", "minutes")
    except (ValueError, TypeError, IndexError):
        return text


# -- parts ----------------------------------------------------------------------------------
@dataclass
class _Body:
    plain: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)


def _collect(part: Any, body: _Body) -> None:
    kind, name = part.get_content_type(), _file_name(part)
    if (
        kind in _ENCRYPTED and part.get_param("smime-type") != "signed-data"
    ) or kind == "multipart/encrypted":
        raise encrypted("The e-mail is encrypted.", reason="mail")
    if kind in _SIGNATURES or kind == "text/calendar":
        return
    if kind == "message/rfc822":
        for inner in _inner(part):
            mail = _mail(inner)
            body.attachments.append(Attachment(name or mail.subject or "message.eml", mail))
    elif kind == "multipart/alternative":
        _choose(part, body)
    elif part.is_multipart():
        for inner in _inner(part):
            _collect(inner, body)
    elif kind in ("text/plain", "text/html") and not name and part.get_content_disposition() != "attachment":
        (body.plain if kind == "text/plain" else body.html).append(_text(part))
    elif not _is_decoration(part):
        body.attachments.append(Attachment(name or "?", part.get_payload(decode=True) or b""))


def _inner(part: Any) -> Iterator[Any]:
    payload = part.get_payload()
    yield from payload if isinstance(payload, list) else ()


def _choose(part: Any, body: _Body) -> None:
    """The plain form if it has text, else the richest one, which is the last. What is attached to any form stays."""
    forms = []
    for inner in _inner(part):
        form = _Body()
        _collect(inner, form)
        body.attachments += form.attachments
        forms.append(form)
    has_text = (form for form in forms if any(map(str.strip, form.plain)))
    chosen = next(has_text, None) or next((form for form in reversed(forms) if form.html), _Body())
    body.plain += chosen.plain
    body.html += chosen.html


def _text(part: Any) -> str:
    content = part.get_payload(decode=True) or b""
    charset = part.get_content_charset()
    text = decode(content, charset=charset, declared_inside=charset is None)
    if part.get_param("format") == "flowed":
        # A space at the end of a line says that the paragraph goes on.
        text = re.sub(r"(?m)(?<!^--) \r?\n", " ", text)
    return text


def _is_decoration(part: Any) -> bool:
    """A picture that the text itself shows, such as a logo."""
    is_shown = part.get("Content-ID") is not None and part.get_content_disposition() != "attachment"
    return is_shown and part.get_content_maintype() == "image"


def _file_name(part: Any) -> str:
    bare = _BARE_NAME.search(_raw(part, "Content-Disposition") + "; " + _raw(part, "Content-Type"))
    if bare and not bare[1].isascii():
        return decoded_words(bare[1])
    stated = part.get_param("filename", None, "content-disposition") or part.get_param("name") or ""
    if isinstance(stated, tuple):
        charset, _, text = stated
        content = text.encode("latin-1", "surrogateescape") if text.isascii() or charset else text.encode()
        try:
            return decode(content, charset=charset or None)
        except UserError:
            return ""
    return decoded_words(stated)
