"""The variables that Prefect's own processes run with: no telemetry, nothing from outside, our log lines kept.

And the name of a state that is ours, for all who give it or look for it.
"""

from __future__ import annotations

import os

DEGRADED = "Degraded"
"""The name of the completed state of a run that has something to look at."""

PREFECT = {
    # The server's heartbeat and the client's telemetry are two switches.
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    # The second version of the UI makes the browser call a tracker, whatever the switches say.
    "PREFECT_SERVER_UI_V2_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    # Lines of the crawl, the extractor and the loader show in the run that they belong to.
    "PREFECT_LOGGING_EXTRA_LOGGERS": "podium",
    # A run is taken for dead after 90 s without one (flows/alarms.py); Prefect's own pace is 180.
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    # In memory, the leases of running deployments would end with a restart of the server, and their runs too.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    # A line that belongs to no run goes to standard error only; Prefect would warn about each.
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_CLI_PROMPT": "false",
}


def use_ephemeral(home: str) -> None:
    """Let this process's flows run with a Prefect server of their own, which keeps its database in a folder."""
    # Emptied instead of taken away it would count as the address of a server.
    os.environ.pop("PREFECT_API_URL", None)
    os.environ.update(
        PREFECT
        | {
            "PREFECT_HOME": home,
            "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
            # A cold start migrates Prefect's database: 12 s measured, 20 s is its own limit.
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",
            "PREFECT_LOGGING_LEVEL": "WARNING",
        }
    )
