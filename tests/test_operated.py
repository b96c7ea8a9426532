"""Nights on a Prefect server with a worker, as on a machine of its own: what they show, whom they tell, and what
is left when one is cancelled or its worker is killed.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from flows import environment
from flows.settings import Settings
from storage import models
from storage.database import Database
from storage.ledger import Tally, tally_of
from tests.conftest import Server
from tests.site import MisbehavingMinistry, hang, invented
from tests.test_flows import BIN, PROJECT, ask, wait_for

pytestmark = pytest.mark.slow

LOST = 40
"""Seconds without a heartbeat; Prefect sends one each 30 s and no oftener."""

DOCUMENTS = 4


class Receiver(HTTPServer):
    """Whoever is told of a night that went wrong: it keeps what is posted to it."""

    def __init__(self) -> None:
        self.told: list[dict[str, str]] = []
        super().__init__(("127.0.0.1", 0), _Post)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        """As Apprise has it."""
        return f"json://127.0.0.1:{self.server_port}/"

    def heard(self, *words: str) -> bool:
        """Whether a message has all of these words."""
        return any(all(word in f"{each['title']}\n{each['message']}" for word in words) for each in self.told)


class _Post(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        self.server.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@dataclass
class Office:
    """The server, its worker, and a folder in which everything is kept."""

    folder: Path
    api: str
    env: dict[str, str]
    settings: Settings
    receiver: Receiver
    stack: contextlib.ExitStack
    worker: subprocess.Popen[bytes] | None = None
    sites: dict[str, MisbehavingMinistry] = field(default_factory=dict)

    def site(self, name: str, host: str = "127.0.0.1") -> MisbehavingMinistry:
        """A new ministry with some short documents of its own, and its source file."""
        today = dt.datetime.now(dt.UTC).date()
        site = self.stack.enter_context(MisbehavingMinistry(today))
        first = 1 + len(self.sites)
        site.documents = [invented(today - dt.timedelta(first + 2 * n)) for n in range(DOCUMENTS)]
        facts = site.source_toml().replace('"demo"', f'"{name}"', 1).replace("127.0.0.1", host)
        assert self.settings.sources is not None
        (self.settings.sources / f"{name}.toml").write_text(facts, encoding="utf-8")
        self.sites[name] = site
        return site

    def call(self, *words: str) -> str:
        """What a command prints that ends well."""
        done = subprocess.run(words, env=self.env, cwd=PROJECT, capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def alarms(self, silent: float = 24 * 3600) -> None:
        """Put the automations there with short windows."""
        made = f"apply(SecretStr({self.receiver.address!r}), lost={LOST}, silent={silent})"
        lines = ("from pydantic import SecretStr", "from flows.alarms import apply", made)
        self.call(sys.executable, "-c", "; ".join(lines))

    def start(self) -> None:
        """Start the worker, in a group of its own."""
        command = [BIN / "prefect", "worker", "start", "--pool", "podium", "--type", "process"]
        with (self.folder / "worker.log").open("a") as log:
            self.worker = subprocess.Popen(
                command, env=self.env, cwd=PROJECT, stdout=log, stderr=log, start_new_session=True
            )

    def begin(self, *sources: str) -> str:
        """Ask for a night of some sources; its flow run's id."""
        # The form takes the sources that were known when it was deployed; the alarms stay as they are.
        self.call(str(BIN / "prefect"), "--no-prompt", "deploy", "--all")
        found = get(f"{self.api}/deployments/name/nightly/nightly")
        asked = {"parameters": {"sources": list(sources)}, "state": {"type": "SCHEDULED"}}
        made: Any = ask(f"{self.api}/deployments/{found['id']}/create_flow_run", asked)
        return str(made["id"])

    def run(self, number: str) -> dict[str, Any]:
        """A flow run as the server has it."""
        return get(f"{self.api}/flow_runs/{number}")

    def state(self, number: str) -> str:
        """The name of its state."""
        return str(self.run(number)["state_name"])

    def ended(self, number: str, seconds: float) -> dict[str, Any]:
        """The flow run, when it is over."""
        over = ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")
        wait_for(lambda: self.run(number)["state_type"] in over, seconds)
        return self.run(number)

    def below(self, number: str) -> dict[str, dict[str, Any]]:
        """The runs below a flow run, by their sources."""
        wanted = {"flow_runs": {"parent_flow_run_id": {"any_": [number]}}}
        return {each["parameters"]["source"]: each for each in ask(f"{self.api}/flow_runs/filter", wanted)}

    def processes(self) -> list[int]:
        """Those of the worker's runs: everything with its settings that is not the worker itself."""
        mark = f"PODIUM_ARCHIVE={self.settings.archive}".encode()
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                state = (place / "stat").read_text().rpartition(")")[2].split()[0]
                if state != "Z" and mark in (place / "environ").read_bytes().split(b"\0"):
                    found.append(int(place.name))
        return [pid for pid in found if self.worker is None or pid != self.worker.pid]

    def tallies(self, source: str) -> list[tuple[str, Tally]]:
        """The states and the pages of a source's runs, the oldest first."""
        database = Database(self.settings.database_url)
        with database.read() as session:
            runs = session.scalars(
                select(models.Run).where(models.Run.source == source).order_by(models.Run.id)
            )
            found = [(run.state, tally_of(session, run.id)) for run in runs]
        database.close()
        return found

    def loaded(self, source: str) -> set[str]:
        """The keys of a source's documents in the archive."""
        database = Database(self.settings.database_url)
        with database.read() as session:
            wanted = select(models.Appearance.key).where(models.Appearance.source == source)
            found = set(session.scalars(wanted))
        database.close()
        return found


@pytest.fixture(scope="module")
def office(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Prefect's server on PostgreSQL, deployed to, with a worker; the worker's nights keep theirs there too."""
    if sys.platform != "linux":
        pytest.skip("what runs is read from /proc")
    folder = tmp_path_factory.mktemp("office")
    (folder / "sources").mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings(
        database_url=postgres.create("podium_operated"),
        archive=folder / "archive",
        sources=folder / "sources",
    )
    api = f"http://127.0.0.1:{port}/api"
    prefect = postgres.create("prefect_operated").replace("postgresql://", "postgresql+asyncpg://")
    plain = {
        name: value for name, value in os.environ.items() if not name.startswith(("PODIUM_", "PREFECT_"))
    }
    env = plain | environment.PREFECT | {
        "HOME": str(folder), "PREFECT_HOME": str(folder / "prefect"), "PREFECT_API_URL": api,
        "PREFECT_SERVER_API_HOST": "127.0.0.1", "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_API_DATABASE_CONNECTION_URL": prefect,
    }  # fmt: skip
    with contextlib.ExitStack() as stack:
        with (folder / "server.log").open("w") as log:
            server = subprocess.Popen([BIN / "prefect", "server", "start"], env=env, stdout=log, stderr=log)
        stack.callback(server.wait, 30)
        stack.callback(server.terminate)
        wait_for(lambda: answers(f"{api}/health"), 150)
        receiver = Receiver()
        stack.callback(receiver.server_close)
        stack.callback(receiver.shutdown)
        ours = settings.environment() | {"PREFECT_WORKER_QUERY_SECONDS": "2"}
        office = Office(folder, api, env | ours, settings, receiver, stack)
        office.env["PODIUM_ALARM"] = receiver.address
        office.call(str(BIN / "podium"), "deploy")
        office.start()
        try:
            yield office
        finally:
            end(office)


def end(office: Office) -> None:
    """Kill the worker and all that it has started."""
    if office.worker is not None:
        os.killpg(office.worker.pid, signal.SIGKILL)
        office.worker.wait()
    for pid in office.processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    office.worker = None


def get(url: str) -> dict[str, Any]:
    """What Prefect's API answers."""
    with urllib.request.urlopen(url, timeout=20) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def answers(url: str) -> bool:
    """Whether a server answers."""
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2) as answer:
        return bool(answer.status == 200)
    return False


# --- deployments ---------------------------------------------------------------------------------


def test_deploying_again_keeps_every_deployment_and_every_automation(office: Office) -> None:
    def ids() -> dict[str, str]:
        kinds = ("deployments", "automations", "work_pools")
        found = {kind: ask(f"{office.api}/{kind}/filter", {}) for kind in kinds}
        return {f"{kind} {each['name']}": each["id"] for kind in kinds for each in found[kind]}

    before = ids()
    names = [name.partition(" ")[2] for name in before]
    assert {"nightly", "backfill", "audit", "reextract", "podium", "podium: no night"} <= set(names)
    office.call(str(BIN / "podium"), "deploy")
    assert ids() == before


# --- a night with a source that is broken ---------------------------------------------------------


@pytest.fixture(scope="module")
def night(office: Office) -> dict[str, Any]:
    """A night over three ministries, of which one is down; its flow run."""
    office.site("alpha")
    office.site("beta")
    office.site("broken", host="localhost").stop()
    number = office.begin("alpha", "beta", "broken")
    # The broken source is tried again twice, a minute apart; nobody waits for it.
    wait_for(lambda: {"alpha", "beta"} <= office.below(number).keys(), 90)
    wait_for(lambda: office.below(number)["beta"]["state_type"] == "COMPLETED", 60)
    assert office.state(number) == "Running"
    return office.ended(number, 240)


def test_a_night_with_one_broken_source_of_three_is_degraded(office: Office, night: dict[str, Any]) -> None:
    assert (night["state_type"], night["state_name"]) == ("COMPLETED", "Degraded")
    assert night["state"]["message"].startswith("broken: no listing could be read")
    assert night["name"] == f"nightly-{dt.datetime.fromisoformat(night['start_time']):%Y-%m-%d}"
    for name in ("alpha", "beta"):
        assert office.loaded(name) == {str(each.id) for each in office.sites[name].documents}
    assert office.loaded("broken") == set()


def test_each_source_is_a_run_below_the_night_with_its_name_its_state_and_its_log(
    office: Office, night: dict[str, Any]
) -> None:
    runs = office.below(night["id"])
    assert {source: run["state_name"] for source, run in runs.items()} == {
        "alpha": "Completed",
        "beta": "Completed",
        "broken": "Failed",
    }
    for source, run in runs.items():
        assert run["name"].startswith(f"{source} 20") and {"podium", "nightly", source} == set(run["tags"])
    assert runs["broken"]["run_count"] == 3
    assert runs["alpha"]["state"]["message"] == "pages: 4 discovered = 4 new"
    said = {}
    for source, run in runs.items():
        logs = {"logs": {"flow_run_id": {"any_": [run["id"]]}}}
        lines = ask(f"{office.api}/logs/filter", logs)
        assert any(each["name"] == "podium.crawl" for each in lines)
        said[source] = "\n".join(each["message"] for each in lines)
        assert "Enabled extensions" not in said[source]
    assert "  pages: 4 discovered = 4 new" in said["alpha"]
    assert f"{office.sites['broken'].base}/feed.xml".replace("127.0.0.1", "localhost") in said["broken"]
    for source in runs:
        assert [name for name, text in said.items() if f"{source}: 20" in text] == [source]
        others = [text for name, text in said.items() if name != source]
        assert not any(office.sites[source].base.rpartition(":")[2] + "/" in text for text in others)


def test_the_nights_report_has_the_numbers_of_each_source(office: Office, night: dict[str, Any]) -> None:
    wanted = {"artifacts": {"key": {"any_": ["nightly-report"]}, "flow_run_id": {"any_": [night["id"]]}}}
    (found,) = ask(f"{office.api}/artifacts/filter", wanted)
    text = found["data"]
    assert "**Degraded: 1 source failed (broken), 2 sources complete.**" in text
    lines = [line for line in text.splitlines() if line.startswith("| ") and "---" not in line]
    head, *rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    table = {row[1]: dict(zip(head, row, strict=True)) for row in rows}
    assert {source: (row["state"], row["pages"], row["new"]) for source, row in table.items()} == {
        "broken": ("**failed**", "0", "0"),
        "alpha": ("completed", "4", "4"),
        "beta": ("completed", "4", "4"),
    }
    assert "## New and revised: 8" in text
    for name in ("alpha", "beta"):
        for document in office.sites[name].documents:
            assert f"{office.sites[name].base}{document.path}" in text


def test_somebody_is_told_of_the_night_that_went_wrong(office: Office, night: dict[str, Any]) -> None:
    wait_for(
        lambda: office.receiver.heard(f"Podium: {night['name']} Degraded", "no listing could be read"), 30
    )
    assert not office.receiver.heard("alpha 20")


# --- what ends a run before its time --------------------------------------------------------------


def in_mid_crawl(office: Office, name: str) -> str:
    """A night of a new ministry whose pages don't come; its flow run's id, when some were asked for."""
    site = office.site(name)
    site.misbehave("/briefings/[0-9]*", hang(120))
    number = office.begin(name)
    wait_for(lambda: any(each.path.startswith("/briefings/7") for each in site.requests), 90)
    assert office.processes() and office.tallies(name)[-1][0] == "running"
    return number


def heals(office: Office, name: str) -> None:
    """The next night loads what the one before could not."""
    site = office.sites[name]
    site.behave()
    found = office.ended(office.begin(name), 120)
    assert found["state_name"] == "Completed", found["state"]
    assert office.loaded(name) == {str(each.id) for each in site.documents}
    assert [state for state, _ in office.tallies(name)] == ["failed", "completed"]


def test_a_run_that_is_cancelled_leaves_no_process_and_the_next_one_heals(office: Office) -> None:
    number = in_mid_crawl(office, "cancelled")
    running = set(office.processes())
    ask(f"{office.api}/flow_runs/{number}/set_state", {"state": {"type": "CANCELLING", "name": "Cancelling"}})
    wait_for(lambda: not running & set(office.processes()), 15)
    assert office.ended(number, 60)["state_name"] == "Cancelled"
    assert office.below(number)["cancelled"]["state_name"] == "Cancelled"
    assert office.tallies("cancelled")[-1][0] == "failed"
    heals(office, "cancelled")


def test_a_run_whose_worker_was_killed_is_crashed_and_the_next_night_heals(office: Office) -> None:
    office.alarms()
    number = in_mid_crawl(office, "killed")
    end(office)
    wait_for(lambda: not office.processes(), 15)
    office.start()
    assert office.ended(number, LOST + 60)["state_name"] == "Crashed"
    wait_for(lambda: office.below(number)["killed"]["state_name"] == "Crashed", 30)
    wait_for(lambda: office.receiver.heard("Crashed", "its process is gone"), 30)
    heals(office, "killed")


def test_somebody_is_told_when_no_night_comes_to_an_end(office: Office) -> None:
    office.alarms(silent=10)
    wait_for(lambda: office.receiver.heard("Podium: still no night", "Is a worker running?"), 60)
    office.alarms(silent=30)
    time.sleep(10)
    office.receiver.told.clear()
    flow = ask(f"{office.api}/flows/", {"name": "nightly"})["id"]
    made = ask(f"{office.api}/flow_runs/", {"flow_id": flow, "state": {"type": "RUNNING", "name": "Running"}})
    done = {"state": {"type": "COMPLETED", "name": "Completed"}, "force": True}
    ask(f"{office.api}/flow_runs/{made['id']}/set_state", done)
    time.sleep(25)  # not before thirty seconds are over, and before a window of thirty could be over twice
    assert not office.receiver.heard("Podium: no night", "Is a worker running?")
    wait_for(lambda: office.receiver.heard("Podium: no night", "Is a worker running?"), 20)
    office.alarms()
