"""The pictures in docs/images, taken of a Prefect UI that `podium up` serves here: ``make screenshots``.

Four invented ministries are collected for two nights. In the second one has corrected a figure, one has put up a
wall, and one can't be reached: it is tried three times, so this takes minutes. Then come a backfill, a
year of documents written straight into the database, and an audit. Needs Chromium and `make extras`.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from html import escape
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.site import VOCABULARY
from flows.settings import Settings
from storage.database import Database
from storage.transcript import Turn
from tests.bureau import Bureau
from tests.site import MisbehavingMinistry, challenge

PROJECT = Path(__file__).parent.parent
IMAGES = PROJECT / "docs" / "images"

SIZE = {"width": 1440, "height": 900}

MINISTRIES = {
    "kestria": "Ministry of Foreign Affairs of Kestria",
    "ondria": "Foreign Office of Ondria",
    "tesk": "Presidency of the Tesk Republic",
    "vell": "Government of Vell, press service",
}

ENDED = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}


class Prefect:
    """The server's API, as far as pictures need it."""

    def __init__(self, port: int) -> None:
        self.ui = f"http://127.0.0.1:{port}"

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """What it answers, to a POST where a body is given."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.ui}/api{path}", data, {"Content-Type": "application/json"})
        with urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def deployment(self, name: str) -> str:
        """The id of a deployment."""
        return str(self.ask(f"/deployments/name/{name}/{name}")["id"])

    def run(self, name: str, **parameters: object) -> dict[str, Any]:
        """A run of a deployment on its worker, when it has ended."""
        made = self.ask(f"/deployments/{self.deployment(name)}/create_flow_run", {"parameters": parameters})
        end = time.monotonic() + 600
        while made["state"]["type"] not in ENDED:
            assert time.monotonic() < end, f"{made['name']} did not end"
            time.sleep(1)
            made = self.ask(f"/flow_runs/{made['id']}")
        print(f"{made['name']}: {made['state']['name']}: {made['state']['message']}")
        return dict(made)

    def artifact(self, key: str) -> str:
        """The id of the newest artifact of a key."""
        found = self.ask("/artifacts/filter", {"artifacts": {"key": {"any_": [key]}}, "sort": "CREATED_DESC"})
        return str(found[0]["id"])


@contextmanager
def up(settings: Settings, home: Path) -> Iterator[Prefect]:
    """`podium up`, in a home of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = os.environ | settings.environment() | {"PREFECT_HOME": str(home)}
    command = [sys.executable, "-m", "flows.cli", "up", "--port", str(port)]
    with (home.parent / "up.log").open("w+") as log:
        process = subprocess.Popen(command, env=env, cwd=PROJECT, stdout=log, stderr=log)
        try:
            while "Podium is up" not in Path(log.name).read_text():
                assert process.poll() is None, Path(log.name).read_text()
                time.sleep(0.5)
            yield Prefect(port)
        finally:
            process.terminate()
            process.wait(60)


def settings_of(sites: dict[str, MisbehavingMinistry], folder: Path) -> Settings:
    """Settings that keep everything in a folder, and the sites' source files there."""
    sources = folder / "sources"
    sources.mkdir()
    for name, site in sites.items():
        text = site.source_toml().replace('id = "demo"', f'id = "{name}"')
        text = re.sub('^name = ".*"', f'name = "{MINISTRIES[name]}"', text, count=1, flags=re.MULTILINE)
        (sources / f"{name}.toml").write_text(text, encoding="utf-8")
    database = f"sqlite:///{folder / 'podium.db'}"
    return Settings(
        database_url=database,
        archive=folder / "archive",
        sources=sources,
        collect=tuple(sites),
        contact="archive@example.org",
    )


def write_year(settings: Settings, today: dt.date) -> None:
    """A year of documents, by chance that comes out the same each time: weekdays mostly, a recess, some lost."""
    first = dt.date(today.year, 1, 1)
    with Database(settings.database_url) as database:
        for place, name in enumerate(MINISTRIES):
            chance, bureau = random.Random(name), Bureau(database, name)
            recess = range(200 + 9 * place, 216 + 9 * place)
            run = bureau.run("backfill", first + dt.timedelta(recess.stop), today)
            # Nobody looked at the recess of the last one.
            last = recess.start - 1 if place == len(MINISTRIES) - 1 else recess.stop
            bureau.run("backfill", first, first + dt.timedelta(last))
            for number in range((today - dt.timedelta(20) - first).days):
                day = first + dt.timedelta(number)
                busy = day.weekday() < 5 and number not in recess
                for _ in range(chance.choice((0, 1, 1, 2, 4)) if busy else chance.random() < 0.03):
                    bureau.publish(day, *said(chance))
                if busy and chance.random() < 0.015:
                    bureau.lose(run, "rejected", "no date", hint=day)


def said(chance: random.Random) -> tuple[Turn, Turn]:
    """A question, and an answer as long as a ministry's."""
    question, answer = (" ".join(chance.choices(VOCABULARY, k=count)) for count in (20, 60))
    return (
        Turn((question,), "Question", role="question"),
        Turn((answer,), "Ilse Marand", role="answer", speaker="Ilse Marand"),
    )


# --- the pictures --------------------------------------------------------------------------------


def visit(page: Page, url: str, ready: str) -> None:
    """Open a page and wait until a text is on it."""
    page.goto(url)
    page.get_by_text(ready).first.wait_for(timeout=60_000)


def choose(page: Page, url: str) -> None:
    """The form of a backfill, with the list of its sources opened."""
    visit(page, url, "First day to collect.")
    page.mouse.move(900, 600)
    page.mouse.wheel(0, 200)  # the list opens below its field where there is room
    page.get_by_text("No items selected").click()
    page.keyboard.press("ArrowDown")


def keep(page: Page, name: str) -> None:
    """A picture of what is on the screen."""
    page.wait_for_timeout(3_000)  # the graph, and what fades in
    page.screenshot(path=IMAGES / f"{name}.png")


def terminal(browser: Browser, command: list[str], settings: Settings, name: str) -> None:
    """A picture of what a command prints."""
    env = os.environ | settings.environment() | {"COLUMNS": "84"}
    told = subprocess.run(
        [sys.executable, "-m", "flows.cli", *command],
        env=env,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    page = browser.new_page(viewport={"width": 860, "height": 400})
    page.set_content(
        '<pre style="display:inline-block;margin:0;padding:16px;background:#fff;color:#1f2328;'
        f'font:15px/1.35 monospace">$ podium {escape(" ".join(command))}\n{escape(told)}</pre>'
    )
    page.locator("pre").screenshot(path=IMAGES / f"{name}.png")


def pictures(browser: Browser, prefect: Prefect, night: dict[str, Any], settings: Settings) -> None:
    """All of them."""
    page = browser.new_page(viewport=SIZE, color_scheme="light")  # type: ignore[arg-type]
    visit(page, f"{prefect.ui}/dashboard", "Flow Runs")
    page.get_by_text("Not now").click()
    keep(page, "dashboard")
    visit(page, f"{prefect.ui}/flow-runs/flow-run/{night['id']}", night["name"])
    page.get_by_text("Subflow Runs").click()
    keep(page, "night")
    for key in ("nightly-report", "audit-report", "audit-year"):
        visit(page, f"{prefect.ui}/artifacts/artifact/{prefect.artifact(key)}", key)
        keep(page, key)
    choose(page, f"{prefect.ui}/deployments/deployment/{prefect.deployment('backfill')}/run")
    keep(page, "backfill-form")
    terminal(browser, ["audit", "--year", str(dt.date.today().year)], settings, "terminal-year")


def main() -> None:
    """Set everything up, run it, take the pictures."""
    today = dt.datetime.now(dt.UTC).date()
    sites = {
        name: MisbehavingMinistry(today, host=f"127.0.2.{number}")
        for number, name in enumerate(MINISTRIES, 1)
    }
    for place, site in enumerate(sites.values()):
        site.documents = site.documents[place :: len(sites)]  # or they would all be mirrors of one
    IMAGES.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="podium-screenshots-"))
    (folder / "prefect").mkdir()
    for site in sites.values():
        site.start()
    try:
        settings = settings_of(sites, folder)
        with up(settings, folder / "prefect") as prefect, sync_playwright() as driver:
            prefect.run("nightly")
            prefect.run("backfill", since=str(today - dt.timedelta(60)), sources=["kestria", "vell"])
            sites["kestria"].correct()
            sites["ondria"].misbehave("/briefings/11*", challenge())
            sites["tesk"].stop()
            night = prefect.run("nightly")
            write_year(settings, today)
            prefect.run("audit")
            chromium = shutil.which("chromium")
            with closing(driver.chromium.launch(executable_path=chromium)) as browser:
                pictures(browser, prefect, night, settings)
    finally:
        for name in set(sites) - {"tesk"}:
            sites[name].stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
