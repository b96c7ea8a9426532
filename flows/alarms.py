"""Alarms: automations of Prefect's server that notice what a run can't say itself, and tell somebody.

They are made from what stands here and named in `ALL`; applying them twice changes nothing. A run whose process is
gone is ended as crashed whoever is told. The others are there only where there is somebody to tell.
"""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from prefect.automations import AutomationCore, EventTrigger, Posture
from prefect.blocks.notifications import SlackWebhook
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, SendNotification
from prefect.events.schemas.events import ResourceSpecification
from pydantic import SecretStr

from flows import environment
from flows.settings import addresses

BLOCK = "podium-alarm"
"""The name of the notification block that holds the address."""

ZOMBIE, BROKEN, SILENT = "podium: a run's process is gone", "podium: a run went wrong", "podium: no night"
STILL = "podium: still no night"

ALL = (ZOMBIE, BROKEN, SILENT, STILL)
"""The automations that are ours to change and to remove."""

LOST_SECONDS = 90
"""A run that has sent no heartbeat for so long is crashed: three of the worker's, see prefect.yaml."""

SILENT_HOURS = 26
"""A night begins every 24 hours, and takes one or two."""

LONGEST_MESSAGE = 1_500
"""Characters of what a run says of its end that are sent: a chat may refuse more than 2,000."""

TRIES = "retry=3&wait=20"
"""What an address is told to do where it says nothing of it: tried again after so many seconds, so many times."""

WATCHED = ("nightly", "backfill", "audit", "reextract")
"""The flows whose runs are somebody's business; their runs per source are part of them."""

_HEARTBEAT = "prefect.flow-run.heartbeat"

_QUIET = (
    "Completed",
    environment.DEGRADED,
    "Failed",
    "TimedOut",
    "Cancelled",
    "Crashed",
    "AwaitingRetry",
    "Paused",
    "Suspended",
)
"""The names of the states in which a run sends no heartbeat: its ends, ours among them, and its waits."""


def automations(
    block: UUID | None, lost: float = LOST_SECONDS, silent: float = SILENT_HOURS * 3600
) -> list[AutomationCore]:
    """What is to be on the server.

    Args:
        block: the notification block; None where nobody is told.
        lost: seconds without a heartbeat after which a run is crashed.
        silent: seconds without a night after which somebody is told.
    """
    zombie = AutomationCore(
        name=ZOMBIE,
        description="Ends as crashed what still shows as running though its process or machine is gone.",
        trigger=EventTrigger(
            after={_HEARTBEAT},
            expect={_HEARTBEAT, *map(_event, _QUIET)},
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=dt.timedelta(seconds=lost),
        ),
        actions=[
            ChangeFlowRunState(
                name="Crashed",
                state=StateType.CRASHED,
                message=f"its process is gone: no heartbeat for {lost:.0f} s",
                force=False,
            )
        ],
    )
    if block is None:
        return [zombie]
    broken = AutomationCore(
        name=BROKEN,
        description="Tells when a run of a flow that somebody answers for ended degraded, failed or crashed.",
        trigger=EventTrigger(
            expect=set(map(_event, (environment.DEGRADED, "Failed", "TimedOut", "Crashed"))),
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=ResourceSpecification(
                {"prefect.resource.role": "flow", "prefect.resource.name": list(WATCHED)}
            ),
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[
            SendNotification(
                block_document_id=block,
                subject="Podium: {{ flow_run.name }} {{ flow_run.state.name }}",
                body="{{ flow_run.name }}: {{ flow_run.state.name }}: "
                f"{{{{ (flow_run.state.message or '') | truncate({LONGEST_MESSAGE}) }}}}\n"
                "{{ flow_run | ui_url }}",
            )
        ],
    )
    # With `after` the clock begins anew with each night, and stops when it has told; without, one window follows
    # another whatever happens: that tells of a first night that never was, and again and again, but late.
    return [zombie, broken, _silence(SILENT, block, silent, _ENDS), _silence(STILL, block, silent, set())]


_ENDS = {f"prefect.flow-run.{state}" for state in ("Completed", environment.DEGRADED, "Failed")}


def _silence(name: str, block: UUID, silent: float, after: set[str]) -> AutomationCore:
    return AutomationCore(
        name=name,
        description="Tells when no night came to an end for too long: is the worker running?",
        trigger=EventTrigger(
            after=after,
            expect=_ENDS,
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=ResourceSpecification(
                {"prefect.resource.role": "flow", "prefect.resource.name": "nightly"}
            ),
            posture=Posture.Proactive,
            threshold=1,
            within=dt.timedelta(seconds=silent),
        ),
        actions=[
            SendNotification(
                block_document_id=block,
                subject=f"Podium: {name.removeprefix('podium: ')}",
                body=f"No night came to an end for {silent / 3600:.0f} hours. Is a worker running?",
            )
        ],
    )


def apply(
    address: SecretStr | None, lost: float = LOST_SECONDS, silent: float = SILENT_HOURS * 3600
) -> list[str]:
    """Bring the server's automations to what is to be there, and touch no other. To be called from no event loop.

    One that is as it is to be stays untouched: its clock runs on.

    Args:
        address: as in `flows.settings.Settings.alarm`; None where nobody is told.
        lost: see `automations`.
        silent: see `automations`.

    Returns:
        The names of the automations that are there now.

    Raises:
        httpx.HTTPError, prefect.exceptions.PrefectHTTPStatusError: the server.
    """
    block = _save(address) if address is not None else None
    with get_client(sync_client=True) as client:
        for name in ALL:
            wanted = next((each for each in automations(block, lost, silent) if each.name == name), None)
            _settle(client, name, wanted)
    return [each.name for each in automations(block, lost, silent)]


def tell(address: SecretStr, title: str, message: str) -> bool:
    """Send a message to those who are told, from here and not from the server; whether all took it."""
    from apprise import Apprise

    told = Apprise()
    told.add(address.get_secret_value())
    return bool(told.notify(title=title, body=message))


def patient(address: SecretStr) -> SecretStr:
    """The addresses, told to try again: what a chat doesn't take at night would never be heard of."""
    tried = (
        each if "retry=" in each else f"{each}{'&' if '?' in each else '?'}{TRIES}"
        for each in addresses(address)
    )
    return SecretStr(" ".join(tried))


def _save(address: SecretStr) -> UUID:
    """The notification block that holds the address, made or brought up to date."""
    # The server knows only Prefect's own blocks; this one hands whatever it is given to Apprise as it is.
    saved = SlackWebhook(url=patient(address)).save(BLOCK, overwrite=True)
    assert isinstance(saved, UUID)
    return saved


def _settle(client: SyncPrefectClient, name: str, wanted: AutomationCore | None) -> None:
    found = client.read_automations_by_name(name)
    kept = next((each for each in found if wanted is not None and _same(each, wanted)), None)
    for each in found:
        if each is not kept:
            client.delete_automation(each.id)
    if wanted is not None and kept is None:
        client.create_automation(wanted)


def _same(found: AutomationCore, wanted: AutomationCore) -> bool:
    # Not as JSON: there a set of events is a list, in an order that changes with each process.
    ours, theirs = (
        each.model_dump(include={"description", "trigger", "actions"}) for each in (wanted, found)
    )
    return ours == theirs


def _event(state: str) -> str:
    return f"prefect.flow-run.{state}"
