"""A small archive of two institutions, whole down to its WARC files: what readers meet, hostile text too."""

from __future__ import annotations

import datetime as dt
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import uvicorn
from sqlalchemy import update

from flows.demo_site import Document, Ministry
from storage import captures, ledger, models
from storage.archive import Archive
from storage.corrections import correct
from storage.database import Database
from storage.duplicates import compare
from storage.load import Reading, load
from storage.transcript import GUESSED_DATE, Transcript, Turn
from storage.warc import Record
from storage.web.app import room

TODAY = dt.date(2026, 3, 20)
NAMES = {"demo": "Ministry of Foreign Affairs of the Republic of Kestria", "vell": "Kestrian Embassy in Vell"}
"""The institutions by the ids of their sources; a third one has no name."""

_FACTS = """id = "{source}"
name = "{name}"
hosts = ["{source}.kestria.example"]
language = "en"
timezone = "Europe/Tallinn"
document = '/briefings/(?P<id>\\d+)'
checked = {{ on = 2026-01-01, against = "nothing: it is invented", live = false }}
discover = [{{ kind = "feed", url = "https://{source}.kestria.example/feed" }}]
"""

HOSTILE = (
    '<script>document.title="owned"</script><img src=x onerror="document.title=1"> =1+1 \u202e{{ 7*7 }} ../x'
)
HOSTILE_PAGE = b"<!doctype html><title>owned</title><script>document.title='owned'</script><h1>Owned</h1>"

ARABIC = Transcript(
    TODAY - dt.timedelta(2),
    "كلمة وزير الخارجية توماس كويل حول عودة العبّارة إلى ميناء ألدان",
    (
        Turn(("متى تعود العبّارة إلى العمل بين ميناء ألدان وفيل؟",), "سؤال", "question"),
        Turn(
            (
                "تعود يوم الاثنين المقبل، وقد أبلغتنا سلطات الميناء أن الرصيف الشرقي (pier 2) أصبح جاهزًا.",
                "لن يدفع أي مسافر ثمن التذكرة مرتين.",
            ),
            "توماس كويل",
            "answer",
            "توماس كويل",
        ),
    ),
    language="ar",
    kind="transcript",
)
RUSSIAN = Transcript(
    TODAY - dt.timedelta(1),
    "Ответ официального представителя на вопрос о паромной линии",
    (
        Turn(("Когда паром вернётся на линию?",), "Вопрос", "question"),
        Turn(
            ("В понедельник. Перегрузка грузов начнётся в тот же день.",),
            "И.Маранд",
            "answer",
            "Ильзе Маранд",
        ),
    ),
    language="ru",
    kind="transcript",
)
CHINESE = Transcript(
    dt.date(2024, 11, 5),
    "外交部发言人就渡轮复航答记者问",
    (
        Turn(("渡轮什么时候恢复运行？",), "问", "question"),
        Turn(("下周一恢复运行。外交部感谢港口当局的合作。",), "发言人", "answer"),
    ),
    language="zh",
    kind="transcript",
    doubts=(GUESSED_DATE,),
)


def write_sources(folder: Path) -> Path:
    """Source files that give the institutions their names; their folder."""
    folder.mkdir()
    for source, name in NAMES.items():
        (folder / f"{source}.toml").write_text(_FACTS.format(source=source, name=name), encoding="utf-8")
    return folder


class Library:
    """Puts documents into a database and an archive, each with a capture of its page."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.archive = database, Archive(folder)
        self._moment = dt.datetime.combine(TODAY, dt.time(3, 15), dt.UTC)

    def add(self, source: str, key: str, url: str, text: Transcript, page: bytes) -> int:
        """Keep a document; the id of its revision."""
        self._moment += dt.timedelta(seconds=7)
        head = (("Content-Type", "text/html; charset=utf-8"),)
        record = Record(url, self._moment, 200, head, page)
        with self.database.write() as session:
            run = ledger.open_run(session, "nightly", source, TODAY - dt.timedelta(14), TODAY).id
            ledger.discovered(session, run, ledger.Found(key, url))
        with self.archive.writer(source, run, self._moment) as writer:
            (capture,) = captures.keep(self.database, writer, source, [record])
        loaded = load(self.database, run, Reading(text, source, key, url, capture, 1))
        with self.database.write() as session:
            ledger.close_run(session, run, [], failed=False)
        assert loaded.revision_id is not None
        return loaded.revision_id

    def look(self, source: str, since: dt.date, lost_on: dt.date) -> None:
        """A backfill until today that proved each day and could not read one page."""
        key = "lost"
        with self.database.write() as session:
            run = ledger.open_run(session, "backfill", source, since, TODAY)
            run.started_at = self._moment
            ledger.discovered(session, run.id, ledger.Found(key, f"https://{source}.example/lost", lost_on))
            ledger.settle(session, run.id, key, "rejected", "an empty body")
            ledger.close_run(session, run.id, [], failed=False)

    def embassy(self, key: str, text: Transcript, page: bytes = b"") -> int:
        """Keep a document of the embassy's."""
        return self.add("vell", key, f"https://vell.kestria.example/{key}", text, page or text.title.encode())


def stock(database: Database, folder: Path) -> Library:
    """The ministry's documents, one of them corrected; an embassy's, in four languages; and a hostile one."""
    library = Library(database, folder)
    with Ministry(TODAY) as ministry:

        def publish(document: Document) -> None:
            url = f"https://mfa.kestria.example{document.path}"
            page = ministry.answer(document.path).body
            library.add("demo", str(document.id), url, document.transcript, page)

        for document in reversed(ministry.documents):
            publish(document)
        publish(corrected := ministry.correct())
        news, page = ministry.document("/briefings/112"), ministry.answer("/briefings/112").body
    library.look("demo", TODAY - dt.timedelta(50), lost_on=TODAY - dt.timedelta(7))
    library.embassy("same", news.transcript, page)
    told = Turn(("Published by the embassy of Kestria in Vell.",), role="note")
    title = "The ministry’s spokesperson on the ferry"
    mirror = replace(corrected.transcript, title=title, turns=(*corrected.transcript.turns, told))
    library.embassy("mirror", mirror, page)
    library.embassy("ar", ARABIC)
    library.embassy("zh", CHINESE)
    russian = library.embassy("ru", RUSSIAN)
    hostile = Transcript(
        TODAY, HOSTILE, (Turn((HOSTILE,), label=HOSTILE[:80], role="answer"),), language="en"
    )
    library.add("third", "../../x", "https://third.example/x", hostile, HOSTILE_PAGE)
    for source in ("demo", "vell"):
        for _ in compare(database, source):
            pass
    with database.write() as session:
        asked, told = RUSSIAN.turns
        reread = replace(
            RUSSIAN,
            title=f"{RUSSIAN.title} «Порт-Альдан — Велл»",
            turns=(asked, replace(told, speaker="Ильзе Маранд <1>")),
        )
        correct(session, russian, reread, 2)
        # As no reader of pages would leave it, should one ever fail to.
        session.execute(
            update(models.Capture)
            .where(models.Capture.source == "third")
            .values(url="javascript:document.title='owned'")
        )
        own = models.Revision.title.contains("<script>")
        session.execute(update(models.Revision).where(own).values(title=f"{HOSTILE}\x1b]0;owned\x07"))
    return library


@contextmanager
def served(database: Database, archive: Archive) -> Iterator[int]:
    """The port of a server that shows an archive."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as `podium browse` has it
    app = room(database, archive, NAMES)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
