"""Stands between the product and its broker, and goes silent when told to."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PIECE = 65_536
_LOOK_SECONDS = 0.05


class Proxy:
    """Passes bytes between two sockets; frozen, it takes connections and says nothing."""

    def __init__(self, *, listens_at: Path, leads_to: Path) -> None:
        self._listens_at, self._leads_to = listens_at, leads_to
        self._is_open = threading.Event()
        self._is_open.set()

    def freeze(self) -> None:
        """Keep every byte back, on old and new connections alike."""
        self._is_open.clear()

    def thaw(self) -> None:
        """Let everything through again."""
        self._is_open.set()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve in a thread of its own until the block ends."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        started = asyncio.run_coroutine_threadsafe(self._start(), loop)
        server = started.result(10)
        try:
            yield
        finally:
            loop.call_soon_threadsafe(server.close)
            asyncio.run_coroutine_threadsafe(_end_all(), loop).result(10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    async def _start(self) -> asyncio.Server:
        return await asyncio.start_unix_server(self._serve, self._listens_at)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection both ways until either side ends it."""
        try:
            onward = await asyncio.open_unix_connection(self._leads_to)
        except OSError:
            writer.close()
            return
        ways = [
            asyncio.create_task(self._carry(reader, onward[1])),
            asyncio.create_task(self._carry(onward[0], writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            writer.close()
            onward[1].close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while piece := await reader.read(_PIECE):
                while not self._is_open.is_set():
                    await asyncio.sleep(_LOOK_SECONDS)
                writer.write(piece)
                await writer.drain()


async def _end_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
