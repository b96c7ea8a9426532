"""The flows on a real Prefect server, the deployments, and everything up on one machine."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows import environment, report
from flows.collect import Arrival, SourceReport
from flows.demo import Stage
from flows.settings import Settings
from storage.ledger import Tally
from tests.conftest import TODAY
from tests.site import MisbehavingMinistry, challenge, server_error
from tests.test_ingest import NOON, captured, take
from tests.test_reextract import LOST, layout

PROJECT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A Prefect server for these tests, with a database of its own.

    It sends what our logger says to the server; the logger is given back as it was.
    """
    ours = logging.getLogger("podium")
    before = ours.level, ours.propagate, list(ours.handlers)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.PREFECT.items():
            patch.setenv(name, value)
        patch.setenv("PREFECT_HOME", str(tmp_path_factory.mktemp("prefect")))
        from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
        from prefect.testing.utilities import prefect_test_harness

        quiet: dict[Any, Any] = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
        try:
            with temporary_settings(quiet), prefect_test_harness(server_startup_timeout=120):
                yield
        finally:
            ours.level, ours.propagate, ours.handlers[:] = before


@pytest.fixture
def configured(place: Stage, monkeypatch: pytest.MonkeyPatch, prefect: None) -> Stage:
    """The test site's settings, where a flow looks for them."""
    for name, value in place.settings.environment().items():
        monkeypatch.setenv(name, value)
    from flows import plan

    monkeypatch.setattr(plan, "today_of", lambda _source, _tape=None: TODAY)
    monkeypatch.setattr("flows.tasks.RETRY_SECONDS", 0)
    return place


def artifact(key: str) -> str:
    """The newest artifact of a key."""
    from prefect.artifacts import Artifact

    found: Any = Artifact.get(key)
    assert found is not None
    return str(found.data)


def test_a_night_is_completed_and_reports_what_is_new_with_links(
    configured: Stage, site: MisbehavingMinistry
) -> None:
    from flows.nightly import nightly

    state = nightly(return_state=True)
    assert (state.name, state.message) == ("Completed", "every source is complete")
    text = artifact("nightly-report")
    recent = [each for each in site.documents if each.date >= TODAY - dt.timedelta(14)]
    assert f"## New and revised: {len(recent)}" in text
    for document in recent:
        assert f"{site.base}{document.path}" in text


@pytest.mark.slow
def test_a_window_is_a_run_of_its_own_with_its_name_its_tags_and_the_four_steps(configured: Stage) -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId, FlowRunFilterParentFlowRunId

    from flows.backfill import backfill

    state = backfill(since=TODAY - dt.timedelta(45), until=TODAY, return_state=True)
    assert state.name == "Completed"
    with get_client(sync_client=True) as client:
        below = FlowRunFilterParentFlowRunId(any_=[state.state_details.flow_run_id])
        found = client.read_flow_runs(flow_run_filter=FlowRunFilter(parent_flow_run_id=below))
        run, *_ = found
        wanted = FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))
        names = {task.name for task in client.read_task_runs(flow_run_filter=wanted)}
    assert {each.name for each in found} == {"demo 2026-02-03 to 2026-02-28", "demo 2026-03-01 to 2026-03-20"}
    assert set(run.tags) == {"podium", "backfill", "demo"}
    assert run.state is not None and run.state.name == "Completed"
    assert names == {"crawl demo", "extract demo", "load demo", "compare demo"}


@pytest.mark.slow
def test_a_degraded_night_says_so_in_its_states_name(configured: Stage, site: MisbehavingMinistry) -> None:
    from flows.nightly import nightly

    site.misbehave("/briefings/11*", challenge())
    state = nightly(return_state=True)
    assert state.is_completed() and state.name == "Degraded"
    assert "left alone: a challenge" in str(state.message)


@pytest.mark.slow
def test_a_source_file_that_cant_be_used_is_in_the_nights_report_and_degrades_it(
    configured: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.nightly import nightly

    assert configured.settings.sources is not None
    (configured.settings.sources / "typo.toml").write_text('id = "typo"\nhosts = nobody\n')
    monkeypatch.setenv("PODIUM_COLLECT", "demo,typo")
    state = nightly(return_state=True)
    assert (state.is_completed(), state.name) == (True, "Degraded")
    assert "typo.toml:2: not TOML" in str(state.message)
    text = artifact("nightly-report")
    assert "typo.toml:2" in text and "## New and revised" in text


@pytest.mark.slow
def test_a_source_that_fell_silent_is_in_the_nights_report_and_degrades_it(
    configured: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import plan
    from flows.nightly import nightly

    assert nightly(return_state=True).name == "Completed"
    later = TODAY + dt.timedelta(20)
    monkeypatch.setattr(plan, "today_of", lambda _source, _tape=None: later)
    state = nightly(return_state=True)
    told = f"nothing new since {TODAY - dt.timedelta(1)}, 21 days; up to 14 are usual"
    assert state.is_completed() and state.name == "Degraded"
    assert str(state.message).startswith(f"demo: {told}")
    assert f"**demo** degraded: {told}" in artifact("nightly-report").replace("\\", "")


@pytest.mark.slow
def test_a_failed_night_is_failed(configured: Stage, site: MisbehavingMinistry) -> None:
    from flows.nightly import nightly

    site.stop()
    state = nightly(return_state=True)
    assert state.is_failed() and "demo" in str(state.message)


@pytest.mark.slow
def test_a_backfill_says_which_windows_are_done_and_again_walks_none(
    configured: Stage, site: MisbehavingMinistry
) -> None:
    from prefect.artifacts import Artifact

    from flows.backfill import backfill

    range_ = {"since": TODAY - dt.timedelta(45), "until": TODAY}
    dry = backfill(**range_, dry_run=True, return_state=True)
    assert dry.is_completed() and "0 of 2 windows are done" in str(dry.message)
    assert site.requests == [] and "| demo | 2026-02-03 to 2026-02-28 | **open** |" in artifact(
        "backfill-plan"
    )
    old = site.documents[-1]
    site.misbehave(old.path, server_error())
    state = backfill(**range_, return_state=True)
    assert (state.name, state.message) == ("Degraded", "demo: 2026-02-03 to 2026-02-28: 1 page failed")
    text = artifact("backfill-windows")
    assert text.startswith("# 1 of 2 windows are done, 1 open") and "| **open** | 1 page failed |" in text
    bar: Any = Artifact.get("backfill-progress")
    assert float(bar.data) == 100.0 and "1 of 2 windows" in bar.description
    site.behave()
    assert backfill(**range_, return_state=True).name == "Completed"
    site.requests.clear()
    assert backfill(**range_, return_state=True).name == "Completed"
    assert site.requests == []
    assert artifact("backfill-windows").startswith("# 2 of 2 windows are done, 0 open")


def test_a_backfills_form_lets_a_newcomer_choose() -> None:
    from prefect.utilities.callables import parameter_schema

    from flows.backfill import backfill

    fields = parameter_schema(backfill).properties
    assert {"kremlin", "mid-ru"} <= set(fields["sources"]["items"]["enum"])
    assert fields["since"]["format"] == "date" and fields["dry_run"]["type"] == "boolean"
    assert fields["via"]["enum"] == ["site", "wayback"] and fields["split"]["enum"][1] == "month"
    assert all(len(field["description"]) > 15 for field in fields.values())


def test_a_reextraction_shows_what_would_change_and_writes_it_when_that_is_accepted(
    configured: Stage, site: MisbehavingMinistry, tmp_path: Path
) -> None:
    from flows.reextract import reextract

    (document, *_) = site.documents
    layout(configured.settings, drops=LOST)
    take(captured(tmp_path / "kept.warc.gz", site.base, (document, NOON)), configured.settings)
    layout(configured.settings)
    unseen = reextract(dry_run=False, return_state=True)
    assert unseen.is_failed() and "look at the changes first" in str(unseen.message)
    shown = reextract(sources=["demo"], return_state=True)
    told = re.fullmatch(r"1 changes: accept ([0-9a-f]{16})", str(shown.message))
    assert shown.name == "Completed" and told
    text = artifact("reextract-proposal")
    assert "| demo | 1 | 1 | 1 |" in text and f"accept `{told[1]}`" in text and "{+" in text.replace("\\", "")
    written = reextract(sources=["demo"], dry_run=False, accept=told[1], return_state=True)
    assert written.name == "Completed"
    assert "| demo | completed |" in artifact("reextract-report")
    again = reextract(sources=["demo"], dry_run=True, return_state=True)
    assert again.message == "nothing would change"


def test_bad_parameters_are_refused_before_anything_runs(configured: Stage) -> None:
    from flows.audit import audit
    from flows.backfill import backfill

    with pytest.raises(Exception, match="since"):
        backfill(since="yesterday", until=TODAY)
    with pytest.raises(Exception, match="year"):
        audit(year=20266)


def test_what_cant_be_asked_for_is_told_in_the_runs_state_without_a_traceback(
    configured: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    from flows.backfill import backfill
    from flows.nightly import nightly
    from flows.reextract import reextract

    day = dt.date(2026, 3, 2)
    asked = [
        (nightly(replay=Path("none.warc.gz"), return_state=True), "none.warc.gz"),
        (backfill(since=day, until=day - dt.timedelta(1), return_state=True), "before it begins"),
        (backfill(since=day, until=day, replay=Path("none.warc.gz"), return_state=True), "none.warc.gz"),
        (reextract(since=day, until=day - dt.timedelta(1), return_state=True), "before it begins"),
    ]
    for state, told in asked:
        assert state.name == "Failed" and told in state.message
    assert "Traceback" not in caplog.text


def test_on_a_worker_a_runs_log_says_why_it_failed_without_a_traceback(
    configured: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    from prefect.exceptions import FailedRun
    from prefect.flow_engine import run_flow

    from flows.backfill import backfill

    asked = {"since": TODAY, "until": TODAY - dt.timedelta(1)}
    with pytest.raises(FailedRun):  # as a worker's process runs it
        run_flow(backfill, parameters=asked, error_logger=logging.getLogger("prefect.flow_runs"))
    (error,) = (each for each in caplog.records if each.levelno == logging.ERROR)
    assert "before it begins" in error.getMessage() and error.exc_info is None


def test_why_a_run_failed_is_said_whatever_signs_it_has(caplog: pytest.LogCaptureFixture) -> None:
    from prefect.exceptions import FailedRun

    import flows.tasks  # noqa: F401 - it has the run's log say so

    try:
        raise FailedRun("100% of the pages")
    except FailedRun as problem:
        logging.getLogger("prefect.flow_runs").exception("Encountered exception: %r", problem)
    assert [each.getMessage() for each in caplog.records] == ["100% of the pages"]


def test_a_title_cant_break_the_report() -> None:
    wild = "A | B [x](javascript:alert(1)) <script>\x1b[31m `code`"
    arrival = Arrival("new", 7, TODAY, wild, "https://example.org/a b>c")
    text = report.markdown(
        "nightly",
        [SourceReport("demo", 1, TODAY, TODAY, "degraded", Tally({"new": 1}), (wild,), arrivals=(arrival,))],
    )
    assert "\x1b" not in text
    assert not re.search(r"(?<!\\)(?:<script|\]\(javascript|`code)", text)
    assert "(<https://example.org/abc>)" in text


def test_one_broken_source_degrades_a_night_and_only_all_of_them_fail_it() -> None:
    from flows.tasks import final_state

    def ends(*states: Any) -> tuple[int, str | None]:
        found = [SourceReport("x", 1, TODAY, TODAY, state, Tally(), ("why",)) for state in states]
        return report.exit_status(found), final_state(found).name

    assert ends() == ends("completed") == (0, "Completed")
    assert ends("completed", "degraded") == ends("failed", "completed") == (1, "Degraded")
    assert ends("degraded", "failed") == (1, "Degraded")
    assert ends("failed") == ends("failed", "failed") == (3, "Failed")


def test_the_deployments_name_flows_that_are_there_and_a_night_has_a_time_zone() -> None:
    from prefect.flows import load_flow_from_entrypoint

    facts = yaml.safe_load((PROJECT / "prefect.yaml").read_text(encoding="utf-8"))
    for deployment in facts["deployments"]:
        flow = load_flow_from_entrypoint(str(PROJECT / deployment["entrypoint"]))
        assert flow.name == deployment["name"]
    (schedule,) = next(each for each in facts["deployments"] if each["name"] == "nightly")["schedules"]
    assert schedule["active"] and schedule["timezone"] and schedule["cron"]


def test_two_ups_never_share_a_database_of_prefect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The worker of the one would take the nights of the other, and collect with its settings.
    from flows.up import UpError, _alone, up

    home = tmp_path / "prefect"
    monkeypatch.setenv("PREFECT_HOME", str(home))
    with _alone(home), pytest.raises(UpError, match="another `podium up` keeps its runs in"):
        up(Settings(), 0, print)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PREFECT_HOME", "prefect")
    with _alone(home), pytest.raises(UpError, match=f"keeps its runs in {home}"):
        up(Settings(), 0, print)
    (tmp_path / "file").touch()
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "file" / "prefect"))
    with pytest.raises(UpError, match="name another folder in PREFECT_HOME"):
        up(Settings(), 0, print)


@pytest.mark.slow
def test_up_schedules_nights_and_runs_a_deployment_on_its_worker(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    api = f"http://127.0.0.1:{port}/api"
    env = os.environ | {"PREFECT_HOME": str(tmp_path / "prefect"), "HOME": str(tmp_path)}
    log = tmp_path / "up.log"
    with log.open("w") as out:
        up = subprocess.Popen(
            [BIN / "podium", "up", "--demo", "--port", str(port)], env=env, stdout=out, stderr=out
        )
    try:
        wait_for(lambda: "Podium is up" in log.read_text(), 150)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as page:
            assert page.status == 200
        again = subprocess.run(
            [BIN / "podium", "up", "--demo", "--port", str(port)], env=env, capture_output=True, text=True
        )
        assert again.returncode == 2 and f"port {port} is in use" in again.stderr
        deployments = {each["name"] for each in ask(f"{api}/deployments/filter", {})}
        assert deployments == {"nightly", "backfill", "audit", "reextract"}
        done = subprocess.run(
            [BIN / "prefect", "deployment", "run", "nightly/nightly", "--watch"],
            env=env | {"PREFECT_API_URL": api},
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert done.returncode == 0, done.stdout + done.stderr + log.read_text()[-3000:]
        reports = {"artifacts": {"key": {"any_": ["nightly-report"]}}}
        (found,) = ask(f"{api}/artifacts/filter", reports)
        assert "6 |" in found["data"] and "podium show" in found["data"]
        # The nights to come are there too: the scheduler works with the versions we pin.
        scheduled = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
        wait_for(lambda: len(ask(f"{api}/flow_runs/filter", scheduled)) > 0, 60)
        # Nor does it refuse a write on SQLite.
        assert log.read_text().count("Traceback") == 0, log.read_text()[-3000:]
    finally:
        up.send_signal(signal.SIGINT)
        assert up.wait(40) in (0, 130)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def ask(url: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    """What Prefect's API answers."""
    data = json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        found: list[dict[str, Any]] = json.load(answer)
    return found


def wait_for(condition: Any, seconds: float) -> None:
    """Until a condition holds; fails after some seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.3)
