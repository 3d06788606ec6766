"""Which titles of files are none: what programs write where nobody has given one."""

from __future__ import annotations

import re

_NONE = re.compile(
    r"""
    (?: untitled | untitled\ document | no\ title | \(?anonymous\)?
      | 無題 | 無題の(?:文書|ドキュメント|プレゼンテーション|スプレッドシート) | 無題ドキュメント | 名称未設定
      | (?:microsoft\ )?powerpoint\ (?:presentation|プレゼンテーション)
    ) [\ _-]* \d*
    | (?: document | 文書 | book | presentation | プレゼンテーション ) \ ? \d+
    | microsoft\ (?:office\ )?(?:word|excel|powerpoint)\ *-\ .*  # printed: its name follows
    """,
    re.X | re.I,
)


def own_title(title: str | None) -> str | None:
    """The title that a person gave; None where a program filled it in."""
    stripped = (title or "").strip()
    return None if not stripped or _NONE.fullmatch(stripped) else stripped
