"""A job as server-sent events: its status when it changes, its events as they come.

    head    the rendered heading with state and buttons, when the state has changed
    status  the rendered progress, when it has changed
    event   one rendered line of the log; its id resumes the stream (`Last-Event-ID`)
    end     the job has ended and its result is complete; the browser closes the stream

The generator is asynchronous and holds no database connection while it waits. It enters the organization scope
for each look, because the request's own scope is closed by then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils import translation

from accounts.access import AccessEnded, require_access
from accounts.principal import Principal, principal_of
from common.streaming import event_stream
from common.tenancy import organization_scope
from jobs.selectors import job_events, job_get, public_state
from jobs.transitions import TERMINAL
from jobs.views import status_facts

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
EVENTS_PER_LOOK = 100
PING_LOOKS = 15
"""After this many looks without news a comment is sent, so that no proxy closes the connection."""


def job_stream(request: HttpRequest, job_id: str) -> StreamingHttpResponse:
    job_get(job_id)
    last = request.headers.get("Last-Event-ID") or request.GET.get("after", "")
    follower = Follower(
        job_id=job_id,
        principal=principal_of(request),
        after=int(last) if last.isascii() and last.isdigit() and len(last) < 19 else 0,
        language=translation.get_language() or settings.LANGUAGE_CODE,
        csrf_token=get_token(request),
    )
    return event_stream(follower.lines())


class Follower:
    """One browser's view of a job; `look` runs in a thread, `lines` waits between looks."""

    def __init__(
        self, *, job_id: str, principal: Principal, after: int, language: str, csrf_token: str
    ) -> None:
        self.job_id = job_id
        self.principal = principal
        self.after = after
        self.language = language
        self.csrf_token = csrf_token
        self.shown: dict[str, str] = {}
        self.ended = False

    async def lines(self) -> AsyncIterator[str]:
        quiet = 0
        while not self.ended:
            news = await sync_to_async(self._look_if_possible)()
            quiet = 0 if news else quiet + 1
            if news:
                yield "".join(news)
            elif quiet % PING_LOOKS == 0:
                yield ": still here\n\n"
            if not self.ended:
                await asyncio.sleep(LOOK_SECONDS)

    def _look_if_possible(self) -> list[str]:
        """While the database is unreachable there is no news; the stream stays open."""
        try:
            return self.look()
        except (OperationalError, InterfaceError) as error:
            logger.warning("a look at %s failed: %s", self.job_id, type(error).__name__)
            return []

    def look(self) -> list[str]:
        """What is new since the last look."""
        assert self.principal.organization_id is not None
        try:
            with organization_scope(self.principal.organization_id), translation.override(self.language):
                require_access(self.principal)
                return self._news()
        except AccessEnded as error:
            with translation.override(self.language):
                return self._access_ended(str(error.message))
        finally:
            connection.close()

    def _news(self) -> list[str]:
        job = job_get(self.job_id)
        events = job_events(job, after=self.after, limit=EVENTS_PER_LOOK)
        # The job was read before its events: what is written in between is found by the next look.
        self.ended = public_state(job) in TERMINAL and len(events) < EVENTS_PER_LOOK
        news = []
        for event in events:
            self.after = event.id
            if event.type != "metrics":
                html = render_to_string("jobs/_event.html", {"event": event})
                news.append(_message("event", html, id=event.id))
        facts = {**status_facts(job), "principal": self.principal, "csrf_token": self.csrf_token}
        for name, version in (("head", facts["state"]), ("status", None)):
            html = render_to_string(f"jobs/_{name}.html", facts)
            # The heading is compared by state: it contains a dialog, which is not replaced while it is open.
            if self.shown.get(name) != (version or html):
                self.shown[name] = version or html
                news.append(_message(name, html))
        if self.ended:
            news.append(_message("end", ""))
        return news

    def _access_ended(self, sentence: str) -> list[str]:
        self.ended = True
        html = render_to_string("jobs/_access_ended.html", {"sentence": sentence})
        return [_message("status", html), _message("error", sentence), _message("end", "")]


def _message(event: str, data: str, *, id: int | None = None) -> str:
    """One event; every line of `data` is a line of its own, as the standard requires."""
    lines = [f"event: {event}", *(f"data: {line}" for line in data.splitlines() or [""])]
    if id is not None:
        lines.append(f"id: {id}")
    return "\n".join(lines) + "\n\n"
