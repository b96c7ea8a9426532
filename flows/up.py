"""`podium up`: Prefect's server, a work pool, the deployments and a worker on this machine, until Ctrl-C."""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from flows import environment
from flows.deploy import POOL, PROJECT, check_project, deploy, prefect_command
from flows.settings import Settings

HOST = "127.0.0.1"
NOBODY = "Nobody is told of a night that went wrong: PODIUM_ALARM is not set."

START_SECONDS = 120
"""A cold start migrates Prefect's database: 12 to 19 s measured, and machines can be slower."""

# A worker passes SIGTERM on as SIGINT, which a process started in the background may have been told to ignore.
_WORKER = "import os, signal as s, sys; s.signal(s.SIGINT, s.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"


class UpError(Exception):
    """It can't be started; one line."""


def up(settings: Settings, port: int, say: Callable[[str], None], home: Path | None = None) -> None:
    """Start everything, say where it is, and wait; whatever ends the wait, end everything.

    Args:
        settings: what the worker's runs are given.
        port: of the server and its UI, on loopback.
        say: prints a line.
        home: folder of Prefect's own database; PREFECT_HOME or ~/.prefect if none.

    Raises:
        UpError: the port or Prefect's folder is taken, a part doesn't start, or one ends by itself.
        flows.deploy.DeployError: the server refuses what it is to be given.
    """
    check_project()
    _check_port(port)
    api = f"http://{HOST}:{port}/api"
    env = os.environ | environment.PREFECT | settings.environment()
    env |= {
        "PREFECT_API_URL": api,
        "PREFECT_SERVER_API_HOST": HOST,
        # The option --port alone leaves the UI calling 4200.
        "PREFECT_SERVER_API_PORT": str(port),
    }
    # The parts run in the project's folder, and two in different ones are to meet the same lock.
    home = (home or Path(env.get("PREFECT_HOME") or "~/.prefect").expanduser()).absolute()
    env["PREFECT_HOME"] = str(home)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_alone(home))
        stack.enter_context(_interruptible())
        say("Starting Prefect's server ...")
        server = stack.enter_context(_running([sys.executable, "-m", "flows.server"], env))
        _wait(server, f"{api}/health")
        say("Applying the deployments ...")
        deploy(api, settings.alarm, env)
        command = [*prefect_command(), "worker", "start", "--pool", POOL, "--type", "process"]
        worker = stack.enter_context(_running([sys.executable, "-c", _WORKER, *command], env))
        say(f"Podium is up: http://{HOST}:{port}")
        say(
            f"  from another terminal: PREFECT_API_URL={api} .venv/bin/prefect deployment run 'nightly/nightly'"
        )
        say(f"  database: {env['PODIUM_DATABASE_URL'].split('@')[-1]}")
        if settings.alarm is None:
            say(NOBODY)
        say("Ctrl-C ends it all.")
        while True:
            for name, process in (("server", server), ("worker", worker)):
                if process.poll() is not None:
                    raise UpError(f"Prefect's {name} ended by itself with status {process.returncode}")
            time.sleep(0.5)


def up_with_demo(settings: Settings, port: int, say: Callable[[str], None]) -> None:
    """The same, with the demo ministry served beside it and everything kept in a temporary folder.

    Of the settings only who is told counts.

    Raises:
        UpError: see `up`.
    """
    from flows.demo import stage
    from flows.demo_site import Ministry

    _check_port(port)
    with Ministry(dt.datetime.now(dt.UTC).date()) as site:
        place = stage(None, site)
        say(f"The demo ministry publishes at {site.base}; everything is kept in {place.folder}")
        alarmed = place.settings.model_copy(update={"alarm": settings.alarm})
        up(alarmed, port, say, place.folder / "prefect")


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as problem:
            raise UpError(f"port {port} is in use; end what uses it or name another with --port") from problem


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[None]:
    """No second one on Prefect's database: its worker would take our nights, and collect with other settings."""
    elsewhere = "name another folder in PREFECT_HOME"
    try:
        home.mkdir(parents=True, exist_ok=True)
        held = (home / "podium-up.lock").open("w")
    except OSError as problem:
        raise UpError(
            f"{home}: Prefect can't keep its runs there ({problem.strerror}); {elsewhere}"
        ) from problem
    with held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UpError(f"another `podium up` keeps its runs in {home}; {elsewhere}") from None
        yield


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM ends the wait as Ctrl-C does, and so does a terminal that is closed, unless nohup was before it."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    heard = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        heard.append(signal.SIGHUP)
    before = {each: signal.signal(each, stop) for each in heard}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextlib.contextmanager
def _running(command: list[str], env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own, so that Ctrl-C reaches us alone and we end the parts in order."""
    process = subprocess.Popen(command, env=env, cwd=PROJECT, start_new_session=True)  # noqa: S603
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(server: subprocess.Popen[bytes], url: str) -> None:
    """Until the server answers."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            raise UpError(f"Prefect's server ended by itself with status {server.returncode}")
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310
            if answer.status == 200:
                return
        time.sleep(0.3)
    raise UpError(f"Prefect's server did not answer within {START_SECONDS} s")
