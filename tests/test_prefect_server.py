"""Prefect's server as `podium up` runs it: on SQLite nothing is refused, and its forms let a newcomer choose."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

pytestmark = pytest.mark.slow  # Prefect's server is imported, or started


def test_a_write_on_sqlite_waits_for_the_one_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.server.database.configurations import AioSqliteConfiguration

    from flows.server import take_turns

    async def overtake() -> int:
        """Two that read and then write, the second while the first is at it; the rows that are there then."""
        database = AioSqliteConfiguration(f"sqlite+aiosqlite:///{tmp_path / 'prefect.db'}")
        engine = await database.engine()
        async with await database.session(engine) as session, database.begin_transaction(session):
            await session.execute(sa.text("CREATE TABLE IF NOT EXISTS t (x INTEGER)"))
        has_read = asyncio.Event()

        async def first() -> None:
            async with await database.session(engine) as session, database.begin_transaction(session):
                await session.execute(sa.text("SELECT * FROM t"))
                has_read.set()
                await asyncio.sleep(0.3)
                await session.execute(sa.text("INSERT INTO t VALUES (1)"))

        async def second() -> None:
            await has_read.wait()
            async with await database.session(engine) as session, database.begin_transaction(session):
                await session.execute(sa.text("INSERT INTO t VALUES (2)"))

        await asyncio.gather(first(), second())
        async with await database.session(engine) as session:
            rows = await session.scalar(sa.text("SELECT count(*) FROM t"))
        await engine.dispose()
        return int(rows or 0)

    # As Prefect has it, the first is refused: when that is no longer so, `flows.server` can go.
    monkeypatch.setattr(AioSqliteConfiguration, "begin_transaction", AioSqliteConfiguration.begin_transaction)
    with pytest.raises(sa.exc.OperationalError, match="database is locked"):
        asyncio.run(overtake())
    (tmp_path / "prefect.db").unlink()
    take_turns()
    assert asyncio.run(overtake()) == 2


def test_the_form_of_a_backfill_has_a_calendar_and_lists_the_sources(tmp_path: Path) -> None:
    pytest.importorskip("playwright")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    from flows.settings import Settings
    from tests.screenshots import choose, up, visit

    (tmp_path / "prefect").mkdir()
    settings = Settings(
        database_url=f"sqlite:///{tmp_path / 'podium.db'}",
        archive=tmp_path / "archive",
        contact="archive@example.org",
        collect=("kremlin",),
    )
    with (
        up(settings, tmp_path / "prefect") as prefect,
        sync_playwright() as driver,
        closing(driver.chromium.launch(executable_path=chromium)) as browser,
    ):
        page = browser.new_page()
        form = f"{prefect.ui}/deployments/deployment/{prefect.deployment('backfill')}/run"
        visit(page, form, "First day to collect.")
        page.get_by_text("Select date").first.click()
        page.get_by_text("Selected Date").wait_for(timeout=30_000)
        choose(page, form)
        page.get_by_text("kremlin", exact=True).first.click()
        words = page.inner_text("body")
    assert "Last day to collect. Today if empty." in words
    assert words.index("since") < words.index("until") < words.index("sources") < words.index("split")
