"""What a crawl owes the hosts it asks, and what it never does for them: delays, names, certificates, cookies."""

from __future__ import annotations

import datetime as dt
import ipaddress
import itertools
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from email.utils import format_datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from scrapy.http import Response

from crawler.courtesy import LARGEST_ROBOTS, LONGEST_WAIT, retry_after
from crawler.resolver import reachable
from flows import plan
from flows.collect import SourceReport
from flows.demo import Stage
from flows.demo_site import Visit
from flows.settings import Settings
from storage import models
from storage.database import Database
from tests.conftest import TODAY
from tests.site import (
    MisbehavingMinistry,
    challenge,
    forbidden,
    hang_up,
    redirect,
    robots,
    server_error,
    times,
    too_many_requests,
    unavailable,
)
from tests.test_collect import expected, pages, run, texts

pytestmark = pytest.mark.slow  # many crawls one after the other

WINDOW = (TODAY - dt.timedelta(14), TODAY)


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    """The day on which the test site publishes."""
    monkeypatch.setattr(plan, "today_of", lambda _source, _tape=None: TODAY)


def again(place: Stage, old: str, new: str) -> Settings:
    """Other words in the site's source file, and settings to crawl it with."""
    file = place.folder / "sources" / "demo.toml"
    file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return place.settings.model_copy(update={"contact": "archive@example.org", "timeout": 2.0})


def refusal(url: str) -> str:
    """Why one page can't be had; asked in a process of its own, since a reactor runs once in each."""
    podium = Path(sys.executable).parent / "podium"
    settings = os.environ | {"PODIUM_CONTACT": "archive@example.org"}
    done = subprocess.run([podium, "extract", url], env=settings, capture_output=True, text=True)
    assert done.returncode != 0
    return done.stderr


# --- how fast ------------------------------------------------------------------------------------


def gaps(site: MisbehavingMinistry) -> list[float]:
    """Seconds between the requests that reached the site, but for robots.txt."""
    moments = [request.time for request in site.requests if request.path != "/robots.txt"]
    return [later - sooner for sooner, later in itertools.pairwise(moments)]


@pytest.mark.parametrize("rule", ["Crawl-delay: 0.5", "Request-rate: 2/1s"])
def test_a_delay_that_robots_txt_asks_for_is_kept(site: MisbehavingMinistry, place: Stage, rule: str) -> None:
    site.misbehave("/robots.txt", robots(rule))
    found = run(place.settings, *WINDOW)
    assert found.state == "completed"
    assert min(gaps(site)) > 0.45
    assert texts(place.settings) == expected(site, *WINDOW)


def test_a_host_that_asks_for_a_pause_gets_it_from_every_request(
    site: MisbehavingMinistry, place: Stage
) -> None:
    site.misbehave("/briefings/114", times(1, too_many_requests(2)))
    assert run(place.settings, *WINDOW).state == "completed"
    (asked, *_) = [request.time for request in site.requests if request.path == "/briefings/114"]
    # What was on its way when the answer came can't be called back.
    after = [request.time - asked for request in site.requests if request.time > asked + 0.3]
    assert after and min(after) > 1.9


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        *[("7", 7), ("0", 0), ("", 0), ("soon", 0), ("-5", 0), ("1" * 400, 111_111_111), ("\u0663", 0)],
        ("Mon, 30 Nov 2026 00:00:00 +99999999999999", 0),
    ],
)
def test_retry_after_is_read_in_seconds(told: str, seconds: float) -> None:
    assert retry_after(Response("http://x/", headers={"Retry-After": told})) == seconds


def test_retry_after_is_read_as_a_date() -> None:
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5)
    told = retry_after(Response("http://x/", headers={"Retry-After": format_datetime(moment, usegmt=True)}))
    assert 298 < told <= 300
    assert retry_after(Response("http://x/", headers={"Retry-After": "Fri, 01 Jan 2010 00:00:00 GMT"})) == 0
    assert retry_after(Response("http://x/", headers={"Retry-After": "Fri, 01 Jan 2100 00:00:00 GMT"})) > (
        LONGEST_WAIT
    )


# --- for how long --------------------------------------------------------------------------------

WALLS = {
    "a challenge": ("*", challenge(), "a challenge", 6),
    "403": ("/briefings*", forbidden(), "refused 3 pages in a row", 6),
    "429 with a Retry-After": ("/briefings*", too_many_requests(3 * 3600), "for 10800 s", 3),
    "429 for a century": ("/briefings*", too_many_requests(10**9 - 1), "for 999999999 s", 7 * 24),
    "robots.txt 503": ("/robots.txt", unavailable(), "robots.txt: HTTP 503", 6),
    "robots.txt: once a day": ("/robots.txt", robots("Request-rate: 1/1d"), "86400 s", 24),
}


@pytest.mark.parametrize("wall", WALLS)
def test_a_wall_that_one_crawl_met_is_not_met_by_the_next_until_its_time_is_over(
    site: MisbehavingMinistry, place: Stage, wall: str
) -> None:
    where, how, reason, hours = WALLS[wall]
    settings = place.settings.model_copy(update={"delay": 0.05})
    site.misbehave(where, how)
    begun = dt.datetime.now(dt.UTC)
    found = run(settings, *WINDOW)
    assert found.state in ("degraded", "failed")
    assert reason in " ".join(found.reasons)

    site.behave()
    site.requests.clear()
    again = run(settings, *WINDOW)
    (told,) = [each for each in again.reasons if " left alone until " in each]
    _, _, rest = told.partition("127.0.0.1 left alone until ")
    until = dt.datetime.strptime(rest[:20], "%Y-%m-%d %H:%M UTC").replace(tzinfo=dt.UTC)
    assert dt.timedelta(minutes=-1) <= until - begun - dt.timedelta(hours=hours) < dt.timedelta(minutes=2)
    assert reason in told and told in found.reasons
    assert (again.state, site.requests) == ("failed", [])

    database = Database(settings.database_url)
    with database.write() as session:
        session.get_one(models.Host, "127.0.0.1").left_until = dt.datetime.now(dt.UTC)
    database.close()
    assert run(settings, *WINDOW).state == "completed"


def test_what_may_be_this_machines_own_fault_is_asked_again_by_the_next_crawl(
    site: MisbehavingMinistry, place: Stage
) -> None:
    settings = place.settings.model_copy(update={"delay": 0.05})
    site.misbehave("/robots.txt", hang_up())
    assert run(settings, *WINDOW).state == "failed"
    site.behave()
    assert run(settings, *WINDOW).state == "completed"


# --- whither -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "public", "local"),
    [
        ("93.184.216.34", True, False),
        ("127.0.0.1", False, True),
        ("127.8.8.8", False, True),
        ("0.0.0.0", False, False),
        ("10.0.0.1", False, False),
        ("172.16.0.1", False, False),
        ("192.168.1.1", False, False),
        ("100.64.0.1", False, False),
        ("169.254.169.254", False, False),
        ("224.0.0.1", False, False),
        ("255.255.255.255", False, False),
        ("::1", False, True),
        ("::ffff:10.0.0.1", False, False),
        ("fe80::1", False, False),
        ("fd00::1", False, False),
    ],
)
def test_only_an_address_on_the_web_is_reached_or_for_a_site_on_this_machine_only_this_machine(
    address: str, public: bool, local: bool
) -> None:
    assert (reachable(address, loopback=False), reachable(address, loopback=True)) == (public, local)


@pytest.mark.parametrize("name", ["2130706433", "0x7f.1", "0"])
def test_a_host_whose_name_leads_inside_is_never_connected_to(
    site: MisbehavingMinistry, place: Stage, name: str
) -> None:
    """Such names are addresses in other forms; a name server's answer is looked at in the same place."""
    settings = again(place, "127.0.0.1", name)
    settings = again(place, "loopback = true", "loopback = false")
    found = run(settings, *WINDOW)
    assert found.state == "failed"
    assert f"{name} left alone: its name leads to " in " ".join(found.reasons)
    assert site.requests == []


def test_a_proxy_may_stand_in_ones_own_network(
    site: MisbehavingMinistry, place: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The site is its own proxy: it answers whatever host a request names."""
    monkeypatch.setenv("http_proxy", site.base)
    settings = again(place, site.base, "http://mfa.example")
    settings = again(place, '"127.0.0.1"', '"mfa.example"')
    settings = again(place, "loopback = true", "loopback = false")
    day = site.documents[0].date
    found = run(settings, day, day)
    assert texts(settings).keys() == expected(site, day, day).keys()
    assert not any("left alone" in reason for reason in found.reasons)


def test_a_page_that_a_person_asks_for_leads_no_further_than_its_host(site: MisbehavingMinistry) -> None:
    with MisbehavingMinistry(TODAY) as other:
        site.misbehave("/briefings/114", redirect(other.base.replace("127.0.0.1", "localhost") + "/inside"))
        assert "not on the source's hosts" in refusal(f"{site.base}/briefings/114")
        assert other.requests == []


def test_a_robots_txt_counts_wherever_the_site_keeps_it(site: MisbehavingMinistry, place: Stage) -> None:
    with MisbehavingMinistry(TODAY) as other:
        site.misbehave("/robots.txt", redirect(other.base.replace("127.0.0.1", "localhost") + "/robots.txt"))
        other.misbehave("/robots.txt", robots("Disallow: /briefings/11", "Crawl-delay: 0.5"))
        found = run(place.settings, *WINDOW)
        assert [request.path for request in other.requests] == ["/robots.txt"]
    assert {key[:2] for key, said in pages(place.settings, found.run_id).items() if said[0] == "blocked"} == {
        "11"
    }
    assert min(gaps(site)) > 0.45


def test_of_a_robots_txt_without_end_every_whole_line_counts(site: MisbehavingMinistry, place: Stage) -> None:
    kept = "Disallow: /briefings/114"
    cut = LARGEST_ROBOTS - len(f"User-agent: *\n{kept}\n#\nDisallow: /")
    site.misbehave("/robots.txt", robots(kept, "#" + "-" * cut, "Disallow: /private/"))
    found = run(place.settings, *WINDOW)
    assert pages(place.settings, found.run_id)["114"][0] == "blocked"
    assert found.tally.counts["blocked"] == 1 and found.tally.counts["new"] > 1


def test_a_robots_txt_that_cannot_be_had_elsewhere_forbids_what_it_is_of(
    site: MisbehavingMinistry, place: Stage
) -> None:
    with MisbehavingMinistry(TODAY) as other:
        site.misbehave("/robots.txt", redirect(other.base.replace("127.0.0.1", "localhost") + "/robots.txt"))
        other.misbehave("/robots.txt", server_error())
        found = run(place.settings, *WINDOW)
    assert {request.path for request in site.requests} == {"/robots.txt"}
    assert found.state == "failed" and any("127.0.0.1 left alone" in reason for reason in found.reasons)


def test_one_page_that_is_never_available_keeps_no_other_from_being_read(
    site: MisbehavingMinistry, place: Stage
) -> None:
    site.misbehave("/briefings/113", unavailable())
    found = run(place.settings, *WINDOW)
    assert found.reasons == ("1 page blocked",)
    said = pages(place.settings, found.run_id)
    assert said["113"] == ("blocked", "HTTP 503")
    assert {said[key][0] for key in set(said) - {"113"}} == {"new"}


def test_a_host_is_left_alone_and_the_others_of_its_source_are_not(
    site: MisbehavingMinistry, place: Stage
) -> None:
    elsewhere = site.base.replace("127.0.0.1", "localhost")

    def moved(_site: MisbehavingMinistry, visit: Visit) -> None:
        there = visit.headers["Host"].startswith("localhost")
        (challenge() if there else redirect(elsewhere + visit.path))(_site, visit)

    settings = again(place, 'hosts = ["127.0.0.1"]', 'hosts = ["127.0.0.1", "localhost"]')
    site.misbehave("/briefings/114", moved)
    site.misbehave("/briefings/113", moved)
    site.misbehave("/briefings/110", redirect(f"{elsewhere}/briefings/110"))
    found = run(settings, *WINDOW)
    said = pages(settings, found.run_id)
    assert any(reason.startswith("localhost left alone: a challenge") for reason in found.reasons)
    assert said["114"][0] == said["113"][0] == "blocked"
    assert {said[key][0] for key in set(said) - {"114", "113", "110"}} == {"new"}
    assert not any("not proved complete" in reason for reason in found.reasons)


def test_no_cookie_is_ever_sent(site: MisbehavingMinistry, place: Stage) -> None:
    sent: list[str | None] = []

    def bake(_site: MisbehavingMinistry, visit: Visit) -> None:
        sent.append(visit.headers.get("Cookie"))
        answer = _site.answer(visit.path)
        visit.send_response(answer.status)
        visit.send_header("Set-Cookie", "visitor=1; Path=/")
        visit.send_header("Content-Type", answer.content_type)
        visit.send_header("Content-Length", str(len(answer.body)))
        visit.end_headers()
        visit.wfile.write(answer.body)

    site.misbehave("*", bake)
    assert run(place.settings, *WINDOW).state == "completed"
    assert len(sent) > 5 and set(sent) == {None}


# --- certificates --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody has signed but itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(signed.public_bytes(serialization.Encoding.PEM) + private)
    return file


class SecureMinistry(MisbehavingMinistry):
    """The ministry, over TLS."""

    def __init__(self, today: dt.date, certificate: Path) -> None:
        super().__init__(today)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        # The handshake waits for a visit's own thread, so that a visitor who breaks it off ends only that.
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )

    @property
    def base(self) -> str:
        return super().base.replace("http:", "https:")


@pytest.fixture
def secure(certificate: Path) -> Iterator[SecureMinistry]:
    with SecureMinistry(TODAY, certificate) as ministry:
        yield ministry


def collected(secure: SecureMinistry, site: MisbehavingMinistry, place: Stage) -> SourceReport:
    settings = again(place, site.base, secure.base)
    return run(settings, *WINDOW)


def test_a_site_whose_certificate_nobody_signed_is_not_read(
    secure: SecureMinistry, site: MisbehavingMinistry, place: Stage
) -> None:
    found = collected(secure, site, place)
    assert found.state == "failed"
    assert "its TLS certificate is not to be trusted" in " ".join(found.reasons)
    assert secure.requests == []


def test_a_page_that_moved_to_such_a_site_has_failed(
    secure: SecureMinistry, site: MisbehavingMinistry, place: Stage
) -> None:
    site.misbehave("/briefings/114", redirect(f"{secure.base}/briefings/114"))
    found = run(place.settings, *WINDOW)
    disposition, reason = pages(place.settings, found.run_id)["114"]
    assert (disposition, secure.requests) == ("failed", [])
    assert reason is not None and reason.endswith("its TLS certificate is not to be trusted")


def test_a_site_whose_certificate_is_trusted_is_read(
    secure: SecureMinistry,
    site: MisbehavingMinistry,
    place: Stage,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    found = collected(secure, site, place)
    assert found.state == "completed", found.reasons
    assert texts(place.settings) == expected(secure, *WINDOW)


def test_one_page_is_fetched_with_the_same_care(secure: SecureMinistry) -> None:
    assert "its TLS certificate is not to be trusted" in refusal(f"{secure.base}/briefings/114")
