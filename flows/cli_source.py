"""`podium source`: list, check and begin source files."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.terminal import DEGRADED, DONE, FAILED, Mistake, ReplayFile, file_at, plain, settings_from, table

if TYPE_CHECKING:
    from crawler.source import Source
    from storage.warc import Record

LIVE_DAYS = 3
"""Days that `source check --live` looks back: enough to see a few documents, few enough to trouble nobody."""

source_app = typer.Typer(help="The institutions that Podium knows.", no_args_is_help=True)


@source_app.command("list")
def source_list() -> None:
    """List the sources, and what each was checked against."""
    from crawler.source_files import read_sources

    sources, unusable = read_sources(settings_from().sources)
    rows = []
    for source in sources.values():
        live = "a draft" if source.draft else "live" if source.checked.live else "never checked live"
        ways = ", ".join(entry.kind for entry in source.discover)
        rows.append(
            (source.id, source.name, source.language, ways, live, source.checked.on, source.checked.against)
        )
    table(("id", "name", "language", "found by", "checked", "on", "against"), rows)
    for problem in unusable.values():
        raise problem


@source_app.command("check")
def source_check(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[ID|FILE]...", help="All of them if none.")
    ] = None,
    replay: ReplayFile = None,
    page: Annotated[
        str | None, typer.Option(metavar="URL", help="With --replay: show this page beside what was read.")
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Collect the last days into a folder thrown away.")
    ] = False,
) -> None:
    """Check source files, and read their golden pages again.

    With --replay or --live it also reads pages of a WARC file or of the site, and shows what it found.
    """
    from crawler.source_files import load_source, load_sources, require_known

    folder = settings_from().sources
    if page is not None and replay is None:
        raise Mistake("--page is looked up in a capture; name it with --replay")
    known = load_sources(folder)
    chosen = []
    for name in names or sorted(known):
        if name in known:
            chosen.append((known[name], folder))
        elif name.endswith(".toml"):
            chosen.append((load_source(Path(name)), Path(name).parent))
        else:
            require_known([name], known)
    worst = DONE
    for source, place in chosen:
        state = "checked live" if source.checked.live else "never checked live"
        draft = ", a draft: no night collects it" if source.draft else ""
        typer.echo(
            f"{source.id}: ok: {len(source.discover)} listings, {len(source.layout)} layouts, {state}{draft}"
        )
        if place is not None:
            worst = max(worst, _check_goldens(place, source))
        if replay is not None:
            worst = max(worst, _check_page(replay, source, page) if page else _check_replay(replay, source))
        if live:
            worst = max(worst, _check_live(source))
    raise typer.Exit(worst)


@source_app.command("new")
def source_new(
    page: Annotated[str, typer.Argument(metavar="FILE|URL", help="One document of the site.")],
    url: Annotated[str | None, typer.Option(help="The address of a saved page.")] = None,
    name: Annotated[
        str | None, typer.Option("--id", help="The new source's id; from the host if none.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Where it goes: PODIUM_SOURCES if not given, else ./sources.")
    ] = None,
) -> None:
    """Begin a source file from one page, with a golden of that page, and stop for a review."""
    from crawler.page import Refused, extract
    from crawler.source_files import load_source, read_sources
    from crawler.suggest import suggest
    from flows import golden
    from flows.reading import page_of

    place = folder or settings_from().sources or Path("sources")
    record = record_of(page, url)
    source_id = name or _id_of(record.url)
    file = place / f"{source_id}.toml"
    if file.exists():
        raise Mistake(f"{file}: there is such a source; name another with --id")
    if name is None and source_id in read_sources()[0]:
        raise Mistake(
            f"{source_id} is one of Podium's own sources, which the file would replace; name another with --id"
        )
    try:
        generic = extract(page_of(record, None), None)
        place.mkdir(parents=True, exist_ok=True)
        file.write_text(suggest(page_of(record, None), generic, source_id), encoding="utf-8")
        try:
            kept = golden.keep(place, load_source(file), record)
        except Exception:
            file.unlink()
            raise
    except Refused as refusal:
        typer.echo(f"podium: {plain(record.url)}: {refusal.kind}: {plain(str(refusal))}", err=True)
        raise typer.Exit(FAILED) from refusal
    typer.echo(f"{file}: go through the lines marked REVIEW")
    typer.echo(
        f"{kept.unreviewed}: read it beside the page; when every word is right, take `.new` off its name"
    )
    typer.echo(f"then: podium source check {file}")
    raise typer.Exit(DEGRADED)


def record_of(page: str, url: str | None) -> Record:
    """A page from the web, or a saved one whose address is given.

    Raises:
        Mistake: there is no such file, or its address is missing.
        crawler.fetch.FetchError: the page could not be had.
        SettingsError: the live web would be asked without a contact.
    """
    if page.startswith(("http://", "https://")):
        from crawler.fetch import fetch
        from flows.plan import require_contact
        from storage.address import LOCAL, host_of

        settings = settings_from()
        if host_of(page) not in LOCAL:
            require_contact(settings)
        return fetch(page, settings.contact)
    from storage.warc import Record

    path = file_at(Path(page))
    if not url:
        raise Mistake(f"{plain(page)}: say with --url which address it was saved from")
    return Record(url, dt.datetime.now(dt.UTC), 200, (("Content-Type", "text/html"),), path.read_bytes())


def _id_of(url: str) -> str:
    """An id from an address's host: ``www.mfa.example`` is ``mfa-example``."""
    import re
    from urllib.parse import urlsplit

    host = (urlsplit(url).hostname or "").removeprefix("www.")
    word = re.sub(r"[^a-z0-9]+", "-", host.lower()).strip("-")[:40]
    if not re.fullmatch(r"[a-z][a-z0-9-]+", word):
        raise Mistake(f"no id can be made of {plain(url)!r}; name one with --id")
    return word


def _check_goldens(place: Path, source: Source) -> int:
    from flows import golden

    worst = DONE
    for verdict in golden.check(place, source):
        if verdict.refusal or verdict.changes:
            worst = FAILED
            typer.echo(f"{source.id}: golden {verdict.golden.name}: reads otherwise now")
            if verdict.refusal:
                typer.echo(f"  refused: {plain(verdict.refusal)}")
            for change in verdict.changes:
                typer.echo(f"  {plain(str(change))}")
        elif not verdict.reviewed:
            worst = max(worst, DEGRADED)
            typer.echo(
                f"{source.id}: golden {verdict.golden.name}: waits for a review: {verdict.golden.unreviewed}"
            )
        else:
            typer.echo(f"{source.id}: golden {verdict.golden.name}: as reviewed")
    return worst


def _check_replay(replay: Path, source: Source) -> int:
    from flows import reading

    rows, refused = [], []
    for read in reading.read_archive(replay, reading.Choice({source.id: source})):
        if read.source is None:
            continue
        if read.transcript is None:
            refused.append((read.url, read.refusal or ""))
            continue
        got = read.transcript
        rows.append((got.date, len(got.turns), got.title, read.url, "; ".join(got.doubts)))
    table(("date", "turns", "title", "address", "doubts"), rows)
    for address, why in refused:
        typer.echo(f"refused: {plain(address)}: {plain(why)}")
    typer.echo(f"{source.id}: {len(rows)} read, {len(refused)} refused")
    return DONE if rows else FAILED


def _check_page(replay: Path, source: Source, url: str) -> int:
    """One page of a capture and its reading, side by side."""
    from crawler.beside import beside
    from crawler.page import Refused, extract
    from flows.reading import page_of
    from storage.warc import read_warc

    record = next((record for record, _ in read_warc(replay) if record.url == url), None)
    if record is None:
        raise Mistake(f"{replay}: holds no capture of {plain(url)}")
    page = page_of(record, source)
    try:
        found = extract(page, source)
    except Refused as refusal:
        typer.echo(f"refused: {refusal.kind}: {plain(str(refusal))}")
        return FAILED
    typer.echo(f"{found.date}  {found.title}")
    table(("on the page", "as read"), beside(page, source, found))
    for doubt in found.doubts:
        typer.echo(f"doubt: {plain(doubt)}")
    return DONE


def _check_live(source: Source) -> int:
    """The last days of the site, through the whole road, into a folder that is thrown away."""
    import logging
    from tempfile import TemporaryDirectory

    from flows import report
    from flows.collect import Order, collect
    from flows.plan import require_contact, today_of

    logging.basicConfig(level=logging.CRITICAL)  # what went wrong is in the report
    settings = settings_from()
    if not source.loopback:
        require_contact(settings)
    today = today_of(source)
    with TemporaryDirectory(prefix="podium-check-") as folder:
        here = settings.model_copy(
            update={"database_url": f"sqlite:///{folder}/podium.db", "archive": Path(folder) / "archive"}
        )
        since = today - dt.timedelta(LIVE_DAYS)
        found = collect(Order("backfill", source, since, today, today), here)
    for line in report.lines([found]):
        typer.echo(line)
    rows = [(each.date, each.title, each.url) for each in found.arrivals]
    table(("date", "title", "address"), rows)
    if not found.tally.discovered:
        typer.echo(
            f"{source.id}: no document of the last {LIVE_DAYS} days was found: is the pattern `document` right?"
        )
        return max(DEGRADED, report.exit_status([found]))
    return report.exit_status([found])
