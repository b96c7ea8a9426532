"""The files of a machine of its own: units and containers name what is there, and nothing else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest
import yaml
from apprise import Apprise
from jinja2 import Environment
from prefect.events.actions import SendNotification
from pydantic import SecretStr, ValidationError

from flows.alarms import BROKEN, LOST_SECONDS, automations, patient, tell
from flows.environment import PREFECT
from flows.settings import Settings
from tests.test_operated import Receiver

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not here")
    for unit in UNITS:
        # Where it is installed is the one thing that is not so here.
        here = unit.read_text(encoding="utf-8").replace(
            "/opt/podium/.venv/bin", str(Path(sys.executable).parent)
        )
        (tmp_path / unit.name).write_text(here, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
    )
    told = [line for line in done.stderr.splitlines() if "podium" in line]
    assert (told, done.returncode) == ([], 0), done.stderr


def test_the_containers_are_what_compose_takes(tmp_path: Path) -> None:
    if shutil.which("docker-compose") is None:
        pytest.skip("docker-compose is not here")
    env = os.environ | {"POSTGRES_PASSWORD": "secret", "PODIUM_CONTACT": "https://archive.example/contact"}
    command = ["docker-compose", "-f", str(DEPLOY / "compose.yaml"), "config"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    assert services.keys() == {"postgres", "server", "deploy", "worker"}
    del env["PODIUM_CONTACT"]
    refused = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert refused.returncode != 0 and "complain" in refused.stderr


def test_nothing_but_this_machine_reaches_the_server() -> None:
    facts = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    published = [port for service in facts["services"].values() for port in service.get("ports", ())]
    assert published and all(port.startswith("127.0.0.1:") for port in published)
    assert "PREFECT_SERVER_API_HOST=127.0.0.1" in (DEPLOY / "podium.env").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["podium.env", "compose.yaml"])
def test_every_variable_is_a_setting_and_nothing_is_told_to_anybody(name: str) -> None:
    text = (DEPLOY / name).read_text(encoding="utf-8")
    known = {f"PODIUM_{field.upper()}" for field in Settings.model_fields}
    assert set(re.findall(r"PODIUM_[A-Z_]+", text)) <= known
    quiet = [key for key in PREFECT if re.search("ANALYTICS|TRACK|UI", key)]
    assert len(quiet) >= 4
    # A restart of the server ends no run, and none is taken for dead between two heartbeats.
    kept = [key for key in PREFECT if re.search("LEASE|HEARTBEAT", key)]
    assert len(kept) == 2 and 3 * int(PREFECT["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"]) <= LOST_SECONDS
    for key in quiet + kept:
        assert re.search(rf'^\s*{key}\s*[:=]\s*"?{PREFECT[key]}"?$', text, re.MULTILINE), key


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # Apprise takes it
def test_an_address_may_have_commas_and_several_may_be_parted_by_them() -> None:
    one = "mailto://u:p@example.org?to=a@example.org,b@example.org"
    for told in (one, f"{one}, json://127.0.0.1:9/x", f"json://127.0.0.1:9/x {one}"):
        settings = Settings(alarm=SecretStr(told))
        assert settings.alarm is not None and settings.alarm.get_secret_value() == told
    with pytest.raises(ValidationError, match="not addresses that Apprise knows"):
        Settings(alarm=SecretStr(f"{one}, nonsense://x"))


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # Apprise takes it
def test_an_alarm_that_is_not_taken_is_tried_again() -> None:
    told = Apprise()
    told.add(
        patient(
            SecretStr(
                "mailto://u:p@example.org?to=a@example.org,b@example.org, json://127.0.0.1:9/x?retry=5 "
                "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general"
            )
        ).get_secret_value()
    )
    assert [(each.retry, each.wait) for each in told] == [(3, 20), (5, 0.5), (3, 20)]
    assert "b%40example.org" in told[0].url() and "general" in told[2].url()


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # Apprise takes it
def test_a_message_to_who_is_told_arrives_or_is_said_not_to() -> None:
    receiver = Receiver()
    assert tell(SecretStr(receiver.address), "Podium: is this read?", "To try it.")
    assert receiver.heard("Podium: is this read?", "To try it.")
    receiver.shutdown()
    receiver.server_close()
    assert not tell(SecretStr(receiver.address), "Podium", "To try it.")


def test_what_a_run_says_of_its_end_is_sent_as_far_as_a_chat_takes_it() -> None:
    *_, broken = [each for each in automations(UUID(int=0)) if each.name == BROKEN]
    (action,) = broken.actions
    assert isinstance(action, SendNotification)
    text = Environment(autoescape=True).from_string(action.body.replace("{{ flow_run | ui_url }}", ""))
    for message in ("no answer, " * 10_000, None):
        state = {"name": "Degraded", "message": message}
        assert 20 < len(text.render(flow_run={"name": "nightly-2026-03-20", "state": state})) < 2_000


def test_what_a_volume_is_put_on_belongs_to_who_writes_there() -> None:
    facts = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    made = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").partition("mkdir -p ")[2].partition("&&")[0]
    ours = [service for service in facts["services"].values() if service.get("image") == "podium"]
    places = [volume.split(":")[1] for service in ours for volume in service.get("volumes", ())]
    assert len(places) == 2 and set(places) <= set(made.split())


def test_a_night_that_comes_while_another_runs_is_not_cancelled() -> None:
    facts = yaml.safe_load((DEPLOY.parent / "prefect.yaml").read_text(encoding="utf-8"))
    limits = {each["name"]: each["concurrency_limit"] for each in facts["deployments"]}
    assert limits["nightly"] == {"limit": 1, "collision_strategy": "ENQUEUE"}


@pytest.mark.slow
def test_units_call_commands_that_exist() -> None:
    assert len(UNITS) == 3
    for unit in UNITS:
        (command,) = re.findall(
            r"^ExecStart=/opt/podium/\.venv/bin/(.+)$", unit.read_text(encoding="utf-8"), re.M
        )
        program, *words = command.split()
        asked = [
            str(Path(sys.executable).parent / program),
            *[w for w in words if not w.startswith("-")][:2],
            "--help",
        ]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}"
