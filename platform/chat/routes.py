"""Who may use which address of this app; collected by `middleware/route_rules.py`."""

from __future__ import annotations

from common.permissions import Permission as P
from common.permissions import Rule

RULES: dict[str, Rule] = {
    "GET chat": P.CHAT_USE,
    "POST chat/ask": P.CHAT_USE,
    "GET chat/<conversation_id>": P.CHAT_USE,
    "POST chat/<conversation_id>/ask": P.CHAT_USE,
    "POST chat/<conversation_id>/delete": P.CHAT_USE,
    "POST chat/<conversation_id>/messages/<message_id>/feedback": P.CHAT_USE,
    "POST v1/chat/completions": P.CHAT_USE,
    "POST v1/embeddings": P.CHAT_USE,
}
