"""The command `podium` as tests run it: within their own process, or in one of its own where that is the point."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from flows import cli
from flows.settings import Settings

PODIUM = str(Path(sys.executable).parent / "podium")


def podium(*words: str, settings: Settings | None = None, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command here, with some settings, in this process: half a second less than in one of its own."""
    streams = [io.TextIOWrapper(io.BytesIO(), write_through=True) for _ in range(2)]
    with (
        mock.patch.dict(os.environ, _environment(settings, more), clear=True),
        mock.patch.object(sys, "argv", ["podium", *words]),
        contextlib.redirect_stdout(streams[0]),
        contextlib.redirect_stderr(streams[1]),
        pytest.raises(SystemExit) as end,
    ):
        cli.main()
    assert isinstance(end.value.code, int)
    out, err = (stream.buffer.getvalue().decode() for stream in streams)  # type: ignore[attr-defined]
    return subprocess.CompletedProcess(words, end.value.code, out, err)


def podium_process(
    *words: str, settings: Settings | None = None, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run the command here, with some settings, as a shell does."""
    return subprocess.run(
        [PODIUM, *words], env=_environment(settings, more), stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=120,
    )  # fmt: skip


def _environment(settings: Settings | None, more: dict[str, str]) -> dict[str, str]:
    """This process' variables, but of Podium's those given."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PODIUM_")} | more
    return env if settings is None else env | settings.environment()
