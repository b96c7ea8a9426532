"""`podium deploy`: the work pool, the deployments and the alarms on a Prefect server; again changes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from flows import environment

POOL = "podium"
PROJECT = Path(__file__).parent.parent


class DeployError(Exception):
    """It can't be deployed; one line."""


def check_project() -> None:
    """See that the deployments are here.

    Raises:
        DeployError: they aren't.
    """
    if not (PROJECT / "prefect.yaml").exists():
        raise DeployError(f"{PROJECT}: no prefect.yaml here; this command runs from a checkout")


def deploy(api: str, alarm: SecretStr | None, env: Mapping[str, str] | None = None) -> list[str]:
    """Bring a server's work pool, deployments and alarms to what this checkout says.

    Args:
        api: the server's address, such as `http://127.0.0.1:4200/api`.
        alarm: who is told, see `flows.alarms.apply`.
        env: the variables to do it with; this process's if none.

    Returns:
        The names of the automations that are there now.

    Raises:
        DeployError: the server doesn't answer, or refuses.
    """
    check_project()
    env = dict(os.environ if env is None else env) | environment.PREFECT | {"PREFECT_API_URL": api}
    # Nothing of what follows may start a server of its own where this one doesn't answer.
    env["PREFECT_SERVER_ALLOW_EPHEMERAL_MODE"] = "false"
    _prefect(env, "work-pool", "create", POOL, "--type", "process", "--overwrite")
    _prefect(env, "--no-prompt", "deploy", "--all")
    from httpx import HTTPError
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.alarms import apply

    try:
        with temporary_settings({PREFECT_API_URL: api}):
            return apply(alarm)
    except HTTPError as problem:
        raise DeployError(str(problem)) from problem


def prefect_command() -> list[str]:
    """Prefect's own command, of this environment."""
    return [str(Path(sys.executable).parent / "prefect")]


def _prefect(env: dict[str, str], *words: str) -> None:
    done = subprocess.run(  # noqa: S603
        [*prefect_command(), *words],
        env=env,
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()][-1:]
        raise DeployError(f"`prefect {' '.join(words)}` failed: {' '.join(last)}")
