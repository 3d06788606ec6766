"""What every client does with an answer: count it, and come back no sooner than a refusal says."""

from __future__ import annotations

import asyncio
import random
import re

import httpx

from tests.benchmarks.load.tally import FAILED, REFUSED, RULE, Tally

PAUSE_SECONDS = 1.0
"""Between two actions of a client, on average."""
LONGEST_RETRY_SECONDS = 10
TIMEOUT = httpx.Timeout(120.0, connect=10.0)
"""Whoever waits longer has failed; the stock `openai` client would wait ten minutes."""


class Refused(Exception):
    """The request has been noted as something else than answered; the client goes on."""


async def judge(
    tally: Tally, chance: random.Random, route: str, answer: httpx.Response, rule: tuple[int, ...] = ()
) -> None:
    """Return where it succeeded; else note why not, wait as long as it says, and raise Refused."""
    if answer.is_success:
        return
    code = code_of(answer)
    if answer.status_code in rule:
        tally.note(route, RULE)
    elif answer.status_code in (429, 503) and code and answer.headers.get("Retry-After", "").isdigit():
        tally.note(route, REFUSED, why=f"{answer.status_code} {code}")
        wait = min(int(answer.headers["Retry-After"]), LONGEST_RETRY_SECONDS)
        await asyncio.sleep(wait * (1 + chance.random()))
    else:
        tally.note(route, FAILED, why=f"{answer.status_code} {code or answer.text[:200]}")
    raise Refused


def code_of(answer: httpx.Response) -> str:
    """The stable code: a field of the API's errors, in the footer of the console's pages."""
    try:
        return str(answer.json()["error"]["code"])
    except (ValueError, KeyError, TypeError):
        found = re.search(r"<code>([a-z_]+)</code>", answer.text)
        return found[1] if found else ""
