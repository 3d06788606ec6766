"""Streams that end when their caller loses access: a removed or demoted member reads nothing more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import TypeVar

from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext_lazy as _

from accounts.principal import Principal
from accounts.selectors import principal_now
from common.connections import release_connection
from common.errors import DeclaredError

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0

PieceT = TypeVar("PieceT")


class AccessEnded(DeclaredError):
    status = 403
    type = "permission_error"
    code = "access_ended"
    message = _(
        "Your access was changed meanwhile, so this ends here. Ask an administrator of your organization."
    )


def require_access(principal: Principal) -> None:
    """Raises AccessEnded where the caller may do less now than when the stream began."""
    now = principal_now(principal)
    if now is None or not principal.permissions <= now.permissions:
        raise AccessEnded


async def while_allowed(
    principal: Principal, pieces: AsyncGenerator[PieceT, None], also: Callable[[], None] | None = None
) -> AsyncGenerator[PieceT, None]:
    """The pieces, until the caller loses access or `also` raises; also while nothing comes. Raises AccessEnded."""
    queue: asyncio.Queue[PieceT | None] = asyncio.Queue()
    # One task runs all of `pieces`: a connection must be closed by the task that opened it.
    reader = asyncio.ensure_future(_read(pieces, queue))
    clock = asyncio.get_running_loop().time
    next_look = clock() + LOOK_SECONDS
    try:
        while True:
            arrived, piece = await _next(queue, next_look)
            if clock() >= next_look:
                await sync_to_async(_look)(principal, also)
                next_look = clock() + LOOK_SECONDS
            if arrived and piece is None:
                break
            if piece is not None:
                yield piece
        await reader
    finally:
        reader.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await reader


async def _next(queue: asyncio.Queue[PieceT | None], deadline: float) -> tuple[bool, PieceT | None]:
    """Whether something arrived in time, and what: None is the end."""
    with suppress(TimeoutError):
        async with asyncio.timeout_at(deadline):
            return True, await queue.get()
    return False, None


async def _read(pieces: AsyncGenerator[PieceT, None], queue: asyncio.Queue[PieceT | None]) -> None:
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                queue.put_nowait(piece)
    finally:
        queue.put_nowait(None)


def _look(principal: Principal, also: Callable[[], None] | None) -> None:
    """While the database is away nothing can have been changed in it."""
    try:
        require_access(principal)
        if also is not None:
            also()
    except (OperationalError, InterfaceError) as error:
        logger.warning("the access of an open stream was not verified: %s", type(error).__name__)
    finally:
        release_connection()
