"""Whatever a site does, a run ends by itself, settles every page, keeps no wrong text, and the next run heals.

A row of the table is one misbehaviour of the test site: what it does where, and what has to come of it.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field

import pytest

from flows import plan
from flows.demo import Stage
from tests.conftest import TODAY
from tests.site import (
    MisbehavingMinistry,
    Misbehaviour,
    challenge,
    changing,
    crowded,
    endless_calendar,
    forbidden,
    hang,
    linked,
    never_changed,
    not_found,
    packed,
    private_redirect,
    redirect,
    redirect_loop,
    refreshing,
    repeated_listing,
    robots,
    same_etag,
    server_error,
    slow_drip,
    soft_404,
    times,
    too_many_requests,
    truncated,
    unavailable,
    wrong_charset,
    wrong_length,
)
from tests.test_collect import expected, pages, run, texts

pytestmark = pytest.mark.slow  # many crawls one after the other

WINDOW = (TODAY - dt.timedelta(14), TODAY)
DOCUMENT = "/briefings/114"
LEFT = "127.0.0.1 left alone: "


@dataclass(frozen=True)
class Row:
    """One misbehaviour.

    Args:
        ways: what the site does at which path or pattern.
        wrong: the disposition of each page that it makes one of other than new, by key; where a host is left
            alone, the others may be blocked too.
        says: a piece of a reason, of the run or of a page.
        state: the run's.
        left: whether the host is left alone.
        timeout: seconds that one response may take.
        most: requests for the document, at most.
        hidden: keys of documents that no list shows any more.
        edited: the site behaved on the night before, and has edited the document since.
    """

    ways: dict[str, Misbehaviour]
    wrong: dict[str, str] = field(default_factory=dict)
    says: str = ""
    state: str = "degraded"
    left: bool = False
    timeout: float = 60.0
    most: int = 3
    hidden: frozenset[str] = frozenset()
    edited: bool = False


def at_the_document(how: Misbehaviour, disposition: str, says: str = "", **more: object) -> Row:
    return Row({DOCUMENT: how}, {"114": disposition}, says, **more)  # type: ignore[arg-type]


def later() -> str:
    """A Visit-time in UTC that is hours away."""
    start = dt.datetime.now(dt.UTC) + dt.timedelta(hours=2)
    return f"Visit-time: {start:%H%M}-{start + dt.timedelta(hours=1):%H%M}"


ROWS = {
    # It asks to be left alone.
    "429 for a second": Row({DOCUMENT: times(1, too_many_requests(1))}, state="completed"),
    "429 for ever": at_the_document(too_many_requests(0), "blocked", "HTTP 429", left=True),
    "429 for an hour": at_the_document(too_many_requests(3600), "blocked", "for 3600 s", left=True, most=1),
    "503 for one page": at_the_document(unavailable(), "blocked", "1 page blocked"),
    "503 for every page": Row(
        {"/briefings/1*": unavailable()}, {"114": "blocked"}, "6 answers in a row were HTTP 503", left=True
    ),
    "403 for one page": at_the_document(forbidden(), "blocked", "1 page blocked", most=1),
    "403 for every page": Row(
        {"/briefings/1*": forbidden()}, {"114": "blocked"}, "refused 3 pages in a row", left=True
    ),
    "challenge for one page": at_the_document(challenge(), "blocked", "1 page blocked", most=1),
    "challenge for every page": Row(
        {"/briefings/1*": challenge()}, {"114": "blocked"}, "left alone: a challenge", left=True, most=1
    ),
    "challenge for a listing": Row(
        {"/briefings/": challenge()}, says="a challenge", left=True, state="degraded"
    ),
    "robots.txt 500": Row(
        {"/robots.txt": server_error()}, says="robots.txt: HTTP 500", left=True, state="failed", most=0
    ),
    "robots.txt hangs": Row(
        {"/robots.txt": hang(30)}, says="robots.txt: Download", left=True, state="failed", timeout=1, most=0
    ),
    "robots.txt 404": Row({"/robots.txt": not_found()}, state="completed"),
    "robots.txt: later": Row(
        {"/robots.txt": robots(later())}, says="no visits but", left=True, state="failed", most=0
    ),
    "robots.txt: once a day": Row(
        {"/robots.txt": robots("Request-rate: 1/1d")}, says="86400 s", left=True, state="failed", most=0
    ),
    # It is slow, or sends something else than it says.
    "hang": at_the_document(hang(30), "failed", "longer than 1.0 seconds", timeout=1),
    "slow drip": at_the_document(slow_drip(0.1, 50), "failed", "longer than 1.0 seconds", timeout=1),
    "cut body": at_the_document(truncated(), "failed", "DataLoss"),
    "wrong length": at_the_document(wrong_length(), "failed", "DataLoss"),
    "wrong charset": Row({DOCUMENT: wrong_charset()}, state="completed"),
    "bombs": Row(
        {
            "/briefings/114": packed("gzip", 40),
            "/briefings/113": packed("br", 40),
            "/briefings/112": packed("zstd", 40),
            "/briefings/111": packed("identity", 40),
        },
        dict.fromkeys(("114", "113", "112", "111"), "failed"),
        "DOWNLOAD_MAXSIZE",
    ),
    # It leads astray.
    "redirect loop": at_the_document(redirect_loop(), "failed", "max redirections", most=6),
    "pages that load themselves anew": Row({"/briefings*": refreshing()}, state="completed", most=1),
    "redirect inside": at_the_document(private_redirect(), "rejected", "10.0.0.1"),
    "redirect to this machine": at_the_document(
        private_redirect("http://2130706433/briefings/113"), "rejected", "not on"
    ),
    "redirect with a password": at_the_document(
        redirect("http://a:b@127.0.0.1/briefings/113"), "rejected", "not on"
    ),
    "links to no port": Row(
        {"/briefings*": linked("http://127.0.0.1:99999/briefings/900", "http://127.0.0.1:x/briefings/901")},
        state="completed",
    ),
    "link with a password": Row(
        {"/briefings*": linked("http://a:b@127.0.0.1/briefings/902")}, state="completed"
    ),
    # It says something else than it should.
    "soft 404": at_the_document(soft_404(), "rejected", "soft 404"),
    "same ETag though changed": Row({"*": same_etag()}, state="completed", edited=True),
    "304 that nobody asked for": at_the_document(never_changed(), "failed", "HTTP 304"),
    "changing content": Row({DOCUMENT: changing()}, state="completed"),
    "endless calendar": Row(
        {"/briefings/page/*": not_found(), "/briefings/by-date/*": endless_calendar()},
        says="HTTP 404",
        hidden=frozenset({"109"}),
    ),
    "listing in no charset": Row({"/briefings/*": wrong_charset("unicode-escape")}, state="completed"),
    "listing with a crowded tag": Row({"/briefings/": crowded()}, says="a tag has over 10,000 attributes"),
    "listing that repeats": Row({"/briefings/page/*": repeated_listing()}, says="repeats earlier pages"),
}


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    """The day on which the test site publishes."""
    monkeypatch.setattr(plan, "today_of", lambda _source, _tape=None: TODAY)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_site_that_misbehaves_does_no_lasting_harm(
    site: MisbehavingMinistry, place: Stage, row: Row
) -> None:
    settings = place.settings.model_copy(update={"timeout": row.timeout})
    if row.edited:
        run(settings, *WINDOW)
        site.edit(DOCUMENT, "three sailings a day", "four sailings a day")
        site.requests.clear()
    right = {key: text[-1] for key, text in expected(site, *WINDOW).items()}
    for where, how in row.ways.items():
        site.misbehave(where, how)

    found = run(settings, *WINDOW)
    said = pages(settings, found.run_id)
    reasons = " / ".join([*found.reasons, *(reason or "" for _, reason in said.values())])
    assert found.state == row.state, reasons
    assert row.says in reasons
    assert (LEFT in reasons) == row.left, reasons
    assert found.tally.unsettled == 0
    assert found.tally.discovered == sum(found.tally.counts.values()) == len(said)
    assert {key: said[key][0] for key in row.wrong} == row.wrong, said
    others = Counter(disposition for key, (disposition, _) in said.items() if key not in row.wrong)
    assert set(others) <= {"new", "revised", "unchanged"} | ({"blocked"} if row.left else set()), said
    if not row.left:
        assert set(right) - row.hidden <= set(said)
    assert sum(request.path.startswith(DOCUMENT) for request in site.requests) <= row.most
    kept = {key: text[-1] for key, text in texts(settings).items() if key in right}
    if DOCUMENT not in row.ways or row.wrong:
        assert kept.items() <= right.items()

    site.behave()
    healed = run(place.settings, *WINDOW)
    assert healed.state == "completed", healed.reasons
    kept = {key: text[-1] for key, text in texts(settings).items() if key in right}
    assert kept == right
