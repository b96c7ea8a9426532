"""`podium up` and `podium deploy`: Prefect on this machine, or on a server that stands already."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from flows.terminal import DatabaseUrl, Mistake, reachable, settings_from


def up(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of the UI, on 127.0.0.1.")] = 4200,
    demo: Annotated[
        bool, typer.Option("--demo", help="Serve the demo ministry and collect only that.")
    ] = False,
    database: DatabaseUrl = None,
) -> None:
    """Run Prefect's server and UI, the schedule and a worker on this machine, until Ctrl-C.

    Without a contact nothing of the live web may be crawled, so the demo ministry is served and collected.
    """
    from flows.up import up as run
    from flows.up import up_with_demo

    settings = settings_from(database)
    if demo or not settings.contact:
        if not demo:
            typer.echo("No contact is set (PODIUM_CONTACT), so nights collect the demo ministry only.")
        up_with_demo(settings, port, typer.echo)
    else:
        run(settings, port, typer.echo)


def deploy(
    tell: Annotated[
        bool, typer.Option("--tell", help="Send a message to who is told, to see that it arrives.")
    ] = False,
) -> None:
    """Put the work pool, the deployments and the alarms on the Prefect server that PREFECT_API_URL names.

    Run it again after an update or when PODIUM_ALARM changed; it replaces what it put there and touches nothing
    else. Runs need a worker: `prefect worker start --pool podium`, with the PODIUM_ variables set.
    """
    from flows.deploy import POOL, DeployError
    from flows.deploy import deploy as run
    from flows.up import NOBODY

    api = os.environ.get("PREFECT_API_URL", "").rstrip("/")
    if not api:
        raise Mistake("PREFECT_API_URL is not set; it names the server, such as http://127.0.0.1:4200/api")
    settings = settings_from()
    reachable(api)
    alarms = run(api, settings.alarm)
    typer.echo(f"On {api}: work pool {POOL}, the deployments of prefect.yaml, and automations:")
    for name in alarms:
        typer.echo(f"  {name}")
    if settings.alarm is None:
        typer.echo(NOBODY)
    elif tell:
        from flows import alarms as kept

        if not kept.tell(settings.alarm, "Podium: is this read?", f"A message to try it, about {api}."):
            raise DeployError("a message to who is told did not arrive; see PODIUM_ALARM")
        typer.echo("A message was sent to who is told.")
