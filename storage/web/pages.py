"""The pages of the reading room: each reads what it shows in one session, and gives it to its template."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment
from markupsafe import escape
from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from storage import elsewhere, lookup
from storage.archive import Archive
from storage.citation import STYLES, Cited
from storage.corrections import corrections_of
from storage.database import Database
from storage.days import WindowError, day_of
from storage.diff import compare
from storage.facets import Facets, facets
from storage.models import Revision
from storage.search import RANKED, SearchError, search
from storage.sections import sections
from storage.selection import ROLES, Selection, SelectionError
from storage.transcript import GUESSED_DATE, Transcript, clean, from_dict
from storage.web import handing_out, queries
from storage.web.asked import Asked, asked_in, typed_in
from storage.web.calendar import year_of
from storage.web.display import language_name
from storage.web.handing_out import FORMATS

LISTED = 20
"""Hits or documents on a page."""

SHOWN_FACETS = 6
"""Values of each facet that are shown, the most frequent first."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A way to narrow a search: its name, what it changes in what is asked, and how many hits it leaves."""

    name: str
    changes: dict[str, object]
    count: int


class Pages:
    """What is shown of an archive.

    Args:
        database: to read.
        archive: with the captures.
        names: of institutions, by the ids of their sources; a source without one is called by its id.
        templates: what the pages are made with.
    """

    def __init__(
        self, database: Database, archive: Archive, names: Mapping[str, str], templates: Environment
    ) -> None:
        self._database = database
        self._archive = archive
        self._names = names
        self._templates = templates
        templates.filters["source_name"] = self._name
        templates.globals["source_names"] = names

    def show(self, template: str, status: int = 200, /, **given: Any) -> HTMLResponse:
        """A page made with a template."""
        return HTMLResponse(self._templates.get_template(template).render(given), status)

    # --- finding ---------------------------------------------------------------------------------

    def home(self, request: Request) -> Response:
        """The search, or without a query the newest documents."""
        try:
            asked = asked_in(request.query_params)
        except (SelectionError, WindowError) as problem:
            return self._mistaken(typed_in(request.query_params), problem)
        with self._database.read() as session:
            if asked.q:
                return self._hits(session, asked)
            found = queries.latest(session, asked.selection, LISTED + 1, (asked.page - 1) * LISTED)
            return self.show(
                "home.html",
                asked=asked,
                roles=ROLES,
                shelves=queries.counts_by_source(session),
                documents=found[:LISTED],
                more=len(found) > LISTED,
            )

    def _hits(self, session: Session, asked: Asked) -> Response:
        start, chosen = (asked.page - 1) * LISTED, asked.selection
        try:
            hits = search(session, asked.q, chosen, limit=LISTED + 1, offset=start)
            counted = facets(session, asked.q, chosen)
        except SearchError as problem:
            return self._mistaken(asked, problem)
        return self.show(
            "search.html",
            asked=asked,
            roles=ROLES,
            problem="",
            hits=hits[:LISTED],
            first=start + 1,
            ranked=RANKED,
            more=len(hits) > LISTED,
            counted=counted,
            groups=self._groups(counted, chosen),
        )

    def _mistaken(self, asked: Asked, problem: Exception) -> Response:
        """The form as it was filled in, and what is wrong with it."""
        return self.show("search.html", 400, asked=asked, roles=ROLES, problem=str(problem), hits=[])

    def _groups(self, counted: Facets, chosen: Selection) -> dict[str, list[Choice]]:
        """What hits can be narrowed to, by the kind of thing it is, where there is a choice."""
        groups = {
            "Source": [
                Choice(self._name(source), {"source": source}, count)
                for source, count in counted.sources.most_common(SHOWN_FACETS)
            ],
            "Year": [
                Choice(str(year), _within(year, chosen), count)
                for year, count in sorted(counted.years.items(), reverse=True)[:SHOWN_FACETS]
            ],
            "Speaker": [
                Choice(name, {"speaker": name}, count)
                for name, count in counted.speakers.most_common(SHOWN_FACETS)
            ],
            "Language": [
                Choice(language_name(code), {"language": code}, count)
                for code, count in counted.languages.most_common(SHOWN_FACETS)
            ],
        }
        return {name: choices for name, choices in groups.items() if len(choices) > 1}

    def sources(self, _request: Request) -> Response:
        """The sources that have documents."""
        with self._database.read() as session:
            return self.show("sources.html", shelves=queries.shelves(session))

    def source(self, request: Request) -> Response:
        """The newest year of a source."""
        with self._database.read() as session:
            shelf = self._shelf(session, request)
        return RedirectResponse(f"{request.url.path}/{shelf.last.year:04d}", 302)

    def year(self, request: Request) -> Response:
        """A year of a source."""
        year = request.path_params["year"]
        with self._database.read() as session:
            shelf = self._shelf(session, request)
            if not shelf.first.year <= year <= max(shelf.last.year, _today().year):
                raise HTTPException(404, "This source has no documents of that year.")
            months = year_of(session, shelf.source, year, _today())
        return self.show("year.html", shelf=shelf, year=year, months=months, latest_year=_today().year)

    def day(self, request: Request) -> Response:
        """The documents of one day of a source."""
        try:
            day = day_of(request.path_params["day"])
        except WindowError as problem:
            raise HTTPException(404, "There is no such day.") from problem
        with self._database.read() as session:
            shelf = self._shelf(session, request)
            documents = queries.on_day(session, shelf.source, day)
        return self.show("day.html", shelf=shelf, day=day, documents=documents)

    # --- reading ---------------------------------------------------------------------------------

    def transcript(self, request: Request) -> Response:
        """A transcript, its newest text or the one that is asked for."""
        number = request.path_params.get("number")
        with self._database.read() as session:
            revision = self._revision(session, request, number)
            own, text = revision.transcript, lookup.transcript_of(revision)
            before, after = queries.neighbours(session, revision)
            cited = Cited(
                self._name(own.source), own.source, own.key, text.title, text.date,
                revision.capture.url, revision.capture.fetched_at, revision.capture.digest,
                GUESSED_DATE in text.doubts,
            )  # fmt: skip
            return self.show(
                "transcript.html",
                revision=revision,
                own=own,
                text=text,
                revisions=queries.revisions_of(session, own.id),
                corrected=corrections_of(session, revision.id),
                places=list(elsewhere.places(session, revision)),
                likenesses=[(_how(like), like) for like in elsewhere.likenesses(session, revision)],
                before=before,
                after=after,
                # Clean already, and a template would take the spaces that BibTeX is aligned with.
                citations={name: escape(style(cited)) for name, style in STYLES.items()},
                formats=FORMATS,
            )

    def changes(self, request: Request) -> Response:
        """What a revision changed of the one before it."""
        number = request.path_params["number"]
        with self._database.read() as session:
            new = self._revision(session, request, number)
            old = self._revision(session, request, number - 1)
            old_text = lookup.transcript_of(old)
            return self._changes(new, old, old_text, f"Revision {old.number}", f"Revision {new.number}")

    def correction(self, request: Request) -> Response:
        """What a newer extractor read otherwise in the capture of a revision, the last time."""
        with self._database.read() as session:
            new = self._revision(session, request, request.path_params["number"])
            was = corrections_of(session, new.id)
            if not was:
                raise HTTPException(404, "This text was never corrected.")
            old_text, names = from_dict(was[-1].text), (was[-1].extractor, new.extractor)
            return self._changes(new, new, old_text, *(f"Read by extractor {name}" for name in names))

    def _changes(
        self, new: Revision, old: Revision, old_text: Transcript, old_name: str, new_name: str
    ) -> Response:
        new_text = lookup.transcript_of(new)
        return self.show(
            "changes.html",
            own=new.transcript,
            text=new_text,
            language=new_text.language or old_text.language,
            sides=((old_name, old), (new_name, new)),
            sections=list(sections(compare(old_text, new_text, readings=old is new))),
        )

    # --- taking away -----------------------------------------------------------------------------

    def download(self, request: Request) -> Response:
        """A document as a file, in one of the forms of an export."""
        with self._database.read() as session:
            number = self._revision(session, request).transcript_id
        form = request.path_params["form"]
        return handing_out.document(self._database, self._archive, number, form)

    def capture(self, request: Request) -> Response:
        """An archived page, as text that no browser runs."""
        with self._database.read() as session:
            return handing_out.capture(session, self._archive, request.path_params["id"])

    # --- what they share -------------------------------------------------------------------------

    def _name(self, source: str) -> str:
        return self._names.get(source, source)

    def _shelf(self, session: Session, request: Request) -> queries.Shelf:
        found = queries.shelves(session, clean(request.path_params["source"]))
        if not found:
            raise HTTPException(404, "No source of that name has documents here.")
        return found[0]

    def _revision(self, session: Session, request: Request, number: int | None = None) -> Revision:
        found = lookup.find(session, str(request.path_params["id"]), number)
        if found is None:
            raise HTTPException(404, "There is no such transcript, or no such revision of it.")
        return found


def _within(year: int, chosen: Selection) -> dict[str, object]:
    """The days of a year that are among the chosen ones."""
    first, last = dt.date(year, 1, 1), dt.date(year, 12, 31)
    return {"since": max(chosen.since or first, first), "until": min(chosen.until or last, last)}


def _how(like: elsewhere.Likeness) -> str:
    if like.kind == "excerpt":
        return "An excerpt of" if like.first else "Has as an excerpt"
    return {"mirror": "Nearly the same as", "translation": "In another language"}[like.kind]


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()
