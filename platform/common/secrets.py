"""Secrets of other systems, encrypted with a key that is derived from the installation's secret key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from Crypto.Cipher import AES
from django.conf import settings

NONCE_BYTES, TAG_BYTES = 12, 16


class SecretUnreadable(Exception):
    """It was encrypted with another secret key of the installation, for another row, or is damaged."""


def encrypt(secret: str, *, owner: str) -> str:
    """AES-256-GCM, in base64. Only for the same `owner`, the id of a row, can it be decrypted."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    cipher = AES.new(_key(), AES.MODE_GCM, nonce=nonce)
    cipher.update(owner.encode())
    encrypted, tag = cipher.encrypt_and_digest(secret.encode())
    return base64.b64encode(nonce + tag + encrypted).decode()


def decrypt(encrypted: str, *, owner: str) -> str:
    """Raises SecretUnreadable."""
    try:
        raw = base64.b64decode(encrypted, validate=True)
        nonce, tag, content = raw[:NONCE_BYTES], raw[NONCE_BYTES:][:TAG_BYTES], raw[NONCE_BYTES + TAG_BYTES :]
        cipher = AES.new(_key(), AES.MODE_GCM, nonce=nonce)
        cipher.update(owner.encode())
        return cipher.decrypt_and_verify(content, tag).decode()
    except ValueError as error:
        raise SecretUnreadable from error


def _key() -> bytes:
    return hmac.digest(settings.SECRET_KEY.encode(), b"kosha.secrets", hashlib.sha256)
