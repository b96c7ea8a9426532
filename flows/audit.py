"""The audit flow: what is missing, said in the Prefect UI before anybody misses it, and the year as a picture."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from prefect import flow
from prefect.artifacts import create_image_artifact, create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed
from pydantic import Field

from flows import environment, missing_report
from flows.artifact import safe
from flows.form import SourceId
from flows.missing import look
from flows.picture import svg
from flows.settings import Settings, load_settings
from flows.year import read_year
from storage import integrity
from storage.database import Database
from storage.days import YEARS
from storage.integrity import Checked, Finding
from storage.transcript import clean

MOST_DAMAGE = 100
"""Findings of damage that a report lists."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What an audit came to.

    Args:
        markdown: the report.
        picture: the year, as SVG; None where the database can't be read.
        needs: what needs a look, a line each, the worst first.
        verdict: the same in one sentence.
    """

    markdown: str
    picture: str | None
    needs: tuple[str, ...]
    verdict: str


def survey(settings: Settings, ids: Sequence[str], year: int, *, rows: bool) -> Survey:
    """Look at the archive, without Prefect.

    Args:
        settings: where it is kept.
        ids: sources; none for all.
        year: that the picture shows.
        rows: hold every row against the others too, which takes minutes on a large archive.

    Raises:
        crawler.source.SourceError: an id is unknown.
        storage.database.DatabaseError: the database can't be opened.
    """
    with Database(settings.database_url) as database:
        if rows and (broken := _lines(integrity.damage(database))):
            head = "**The database's file is damaged, and no query of it can be trusted: restore a copy.**"
            return Survey("\n".join([head, "", *_listed(broken)]), None, tuple(broken), broken[0])
        lines = _lines(integrity.rows(database, Checked())) if rows else []
        found = look(database, settings, ids)
        picture = svg(year, read_year(database, settings, year, ids))
    text = missing_report.markdown(found)
    if lines:
        head = f"**{len(lines)} rows are damaged; `podium audit --repair` mends what can be mended.**"
        text = "\n".join([head, "", text, *_listed(lines)])
    needs = lines + [f"{need.source}: {need.kind}: {need.what}" for need in found.needs]
    return Survey(text, picture, tuple(map(clean, needs)), missing_report.verdict(found))


def _lines(damage: Iterable[Finding]) -> list[str]:
    return [clean(f"damage: {each.where}: {each.what}") for each in damage]


def _listed(lines: Sequence[str]) -> list[str]:
    return ["## Damage", "", *(f"- {safe(line)}" for line in lines[:MOST_DAMAGE]), ""]


def _name() -> str:
    return f"audit-{dt.datetime.now(dt.UTC):%Y-%m-%d}"


@flow(name="audit", flow_run_name=_name, persist_result=False)
def audit(
    sources: list[SourceId] = [],  # noqa: B006 - a form's empty choice; nothing changes it
    year: Annotated[int, Field(ge=YEARS[0], le=YEARS[1])] | None = None,
    rows: bool = False,
) -> State[Any]:
    """Say what is missing: silent sources, gaps, pages that are read worse than before.

    Args:
        sources: The institutions to look at. All of them if none is chosen.
        year: The year that the picture shows. This one if empty.
        rows: Hold every row of the database against the others too: minutes on a large archive.
    """
    found = survey(load_settings(), sources, year or dt.datetime.now(dt.UTC).year, rows=rows)
    logger = get_run_logger()
    for line in found.needs:
        logger.warning("%s", line)
    create_markdown_artifact(
        found.markdown, key="audit-report", description="what needs a look, the worst first"
    )
    if found.picture is not None:
        picture = base64.b64encode(found.picture.encode()).decode()
        create_image_artifact(
            f"data:image/svg+xml;base64,{picture}",
            key="audit-year",
            description="the documents of each day of a year, and the days that nobody looked at",
        )
    if found.needs:
        return Completed(name=environment.DEGRADED, message="; ".join(found.needs))
    return Completed(message=found.verdict)
