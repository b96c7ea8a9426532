"""The table of hosts: moments that crawls on one database take in turn, and hosts that all of them leave alone."""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, update

from storage import hosts, models
from storage.database import Database

HOST = "mfa.example"


def reserve(database: Database, delay: float, host: str = HOST) -> float:
    """The seconds to wait; the host has to be one that may be asked."""
    with database.write() as session:
        wait = hosts.reserve(session, host, delay)
    assert isinstance(wait, float)
    return wait


def rows(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(models.Host)) or 0


def test_moments_taken_at_once_by_many_are_a_delay_apart(database_url: str) -> None:
    def taken(_worker: int) -> list[float]:
        own = Database(database_url)
        moments = [time.monotonic() + reserve(own, 0.5) for _ in range(10)]
        own.close()
        return moments

    with ThreadPoolExecutor(8) as workers:
        moments = sorted(itertools.chain(*workers.map(taken, range(8))))
    assert len(moments) == 80
    # The clock is read in the statement; what passes until the answer is here is no part of it.
    assert moments[-1] - moments[0] == pytest.approx(79 * 0.5, abs=0.4)
    assert min(later - sooner for sooner, later in itertools.pairwise(moments)) > 0.1


def test_a_request_after_a_long_pause_waits_for_nothing(database: Database) -> None:
    assert reserve(database, 0.05) == 0
    time.sleep(0.1)
    assert reserve(database, 0.05) == 0


def test_the_longer_of_two_delays_is_kept_whoever_comes_first(database: Database) -> None:
    waits = [reserve(database, delay) for delay in (10, 100, 10, 10)]
    assert waits == pytest.approx([0, 100, 200, 210], abs=2)


def test_each_host_has_moments_of_its_own(database: Database) -> None:
    assert reserve(database, 100) == reserve(database, 100, "other.example") == 0
    assert rows(database) == 2


def test_a_pause_that_a_host_asked_for_holds_for_all(database: Database) -> None:
    reserve(database, 1)
    with database.write() as session:
        hosts.pause(session, HOST, 30)
    assert reserve(database, 1) == pytest.approx(30, abs=2)


def test_a_clock_that_was_set_back_stops_nobody_for_long(database: Database) -> None:
    reserve(database, 1)
    with database.write() as session:
        session.execute(update(models.Host).values(next_at=models.Host.next_at + 365 * 86400))
    assert reserve(database, 1) == pytest.approx(hosts.FURTHEST, abs=2)


def test_a_host_is_left_alone_until_the_last_moment_that_anybody_gave(database: Database) -> None:
    with database.write() as session:
        hosts.leave(session, HOST, "a short pause", 60)
        until = hosts.leave(session, HOST, "a \0wall", 3600)
        hosts.leave(session, HOST, "a shorter pause", 30)
    with database.write() as session:
        told = hosts.reserve(session, HOST, 1.0)
        assert told == hosts.left(session, HOST) == hosts.Left(until, "a wall")
        assert hosts.left(session, "other.example") is None
    assert 3590 < until.timestamp() - time.time() <= 3600


def test_a_host_that_was_left_alone_long_enough_is_asked_again(database: Database) -> None:
    with database.write() as session:
        hosts.leave(session, HOST, "a wall", 0.05)
    time.sleep(0.1)
    assert reserve(database, 1) == 0


def test_the_table_keeps_only_what_still_says_something(database: Database) -> None:
    for number in range(50):
        reserve(database, 1, f"{number}.example")
    with database.write() as session:
        session.execute(update(models.Host).values(next_at=models.Host.next_at - 2 * hosts.FORGOTTEN))
        hosts.leave(session, "1.example", "a wall", 3600)
        hosts.leave(session, "2.example", "a wall that is gone", -1)
    reserve(database, 1, "3.example")
    with database.write() as session:
        hosts.forget(session)
    with database.read() as session:
        assert set(session.scalars(select(models.Host.host))) == {"1.example", "3.example"}


def test_what_is_left_alone_is_told_and_can_be_lifted(database: Database) -> None:
    with database.write() as session:
        hosts.leave(session, HOST, "a challenge", 3600)
        hosts.leave(session, "past.example", "a challenge", -1)
        hosts.leave(session, "longer.example", "HTTP 403", 7200)
    reserve(database, 0, "fine.example")
    with database.read() as session:
        assert [(host, left.reason) for host, left in hosts.all_left(session)] == [
            ("longer.example", "HTTP 403"),
            (HOST, "a challenge"),
        ]
    with database.write() as session:
        assert hosts.lift(session, HOST)
        assert not hosts.lift(session, HOST)
        assert not hosts.lift(session, "fine.example")
    assert reserve(database, 0) == 0
    with database.read() as session:
        assert hosts.left(session, "longer.example") is not None
