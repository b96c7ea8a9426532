"""Walking ahead: what an iterator gives is taken in while the one who reads it still works on what came before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

T = TypeVar("T")


async def ahead(walked: AsyncIterator[T], most: int) -> AsyncIterator[list[T]]:
    """What an iterator gives, in order, as much at a time as is there; it goes on meanwhile.

    Args:
        walked: what is walked.
        most: how far it may be ahead.

    Raises:
        Exception: what the iterator raised, after all that it gave before.
    """
    waiting: asyncio.Queue[T | None] = asyncio.Queue(most)

    async def walk() -> None:
        try:
            async for each in walked:
                await waiting.put(each)
        finally:
            await waiting.put(None)

    walking = asyncio.create_task(walk())
    try:
        ended = False
        while not ended:
            batch = [await waiting.get()]
            while not waiting.empty():
                batch.append(waiting.get_nowait())
            ended = batch[-1] is None
            yield [each for each in batch if each is not None]
        await walking
    finally:
        walking.cancel()
