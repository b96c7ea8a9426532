"""`podium browse`: the reading room, opened for the browser of whoever sits at this machine."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, Annotated

import typer

from flows.terminal import DatabaseUrl, Mistake, plain, settings_from

if TYPE_CHECKING:
    from flows.settings import Settings


def browse(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any that is free.")] = 8150,
    host: Annotated[
        str,
        typer.Option(
            help="Address of this machine that it answers at; others than loopback are open to all."
        ),
    ] = "127.0.0.1",
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    database: DatabaseUrl = None,
) -> None:
    """Open the reading room: the archive as pages for a browser, until Ctrl-C.

    Nothing can be changed there. It answers this machine only, unless --host names another of its addresses.
    """
    import uvicorn

    from storage.database import Database
    from storage.web.app import room

    settings = settings_from(database)
    try:
        with Database(settings.database_url, read_only=True) as archive, _listening(host, port) as listener:
            app = room(archive, settings.warcs(), _names(settings), host)
            address = _address(host, listener.getsockname()[1])

            class Room(uvicorn.Server):
                async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                    """Open, and say so: from here on Ctrl-C is heard."""
                    await super().startup(sockets)
                    typer.echo(f"The reading room is open: {address}")
                    typer.echo("Ctrl-C closes it.")
                    if show:
                        typer.launch(address)

            if not _is_loopback(listener):
                typer.echo(
                    "podium: whoever reaches this machine can read there: no password is asked", err=True
                )
            config = uvicorn.Config(
                app,
                log_level="warning",
                ws="none",
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=2,
            )
            Room(config).run(sockets=[listener])
    except KeyboardInterrupt:  # uvicorn has closed by then, and passes the signal on
        typer.echo("The reading room is closed.")


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens there.

    Raises:
        Mistake: that can't be.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server((address[0], port), family=family)
        # Else a connection that is used again waits for the browser's slow "received" between a head and its page.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as problem:
        if isinstance(problem, socket.gaierror):
            raise Mistake(f"no such host: {plain(host)}; name an address of this machine") from problem
        told = f"{plain(host)} port {port}: {problem.strerror}"
        raise Mistake(f"can't listen at {told}; name another port with --port, or 0 for any") from problem
    return listener


def _is_loopback(listener: socket.socket) -> bool:
    return ipaddress.ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _names(settings: Settings) -> dict[str, str]:
    """The institutions by the ids of their sources."""
    from crawler.source_files import read_sources

    return {name: source.name for name, source in read_sources(settings.sources)[0].items()}
