"""The embedded PostgreSQL: starts on whatever an earlier one left, keeps its data, keeps strangers out."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg2
import pytest

from sooner.local.postgres import Cluster, PostgresError, programs, reaches, temporary_cluster

if TYPE_CHECKING:
    from collections.abc import Iterator


def run(url: str, statement: str) -> list[tuple[object, ...]]:
    with contextlib.closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        rows = cursor.fetchall() if cursor.description else []
        connection.commit()
        return rows


@pytest.fixture
def cluster_with_data(cluster: Cluster) -> Iterator[Cluster]:
    run(cluster.url(), "CREATE TABLE kept AS SELECT 1 AS one")
    yield cluster
    assert run(cluster.url(), "SELECT one FROM kept") == [(1,)]


def test_is_version_18(cluster: Cluster) -> None:
    assert run(cluster.url(), "SHOW server_version_num")[0][0].startswith("18")  # type: ignore[attr-defined]


def test_stops_and_starts_on_the_same_address(cluster_with_data: Cluster) -> None:
    before = cluster_with_data.url()
    cluster_with_data.stop()
    assert cluster_with_data.pid is None
    cluster_with_data.start()
    assert cluster_with_data.url() == before


def test_power_cut(cluster_with_data: Cluster) -> None:
    cluster_with_data.stop(immediate=True)
    cluster_with_data.start()


def test_takes_over_from_a_server_that_a_killed_run_left(cluster_with_data: Cluster) -> None:
    left = cluster_with_data.pid
    assert left is not None
    # Another object on the same folder, as the next run's: it knows nothing of the first.
    next_one = Cluster(cluster_with_data.home)
    next_one.start()
    assert not psutil.pid_exists(left) or psutil.Process(left).status() == psutil.STATUS_ZOMBIE
    assert run(next_one.url(), "SELECT one FROM kept") == [(1,)]
    next_one.stop()
    cluster_with_data.start()


def test_lock_file_whose_process_id_is_another_programs_by_now(cluster_with_data: Cluster) -> None:
    pid = cluster_with_data.pid
    assert pid is not None
    lock = cluster_with_data.data / "postmaster.pid"
    stale = lock.read_text().replace(str(pid), str(os.getppid()), 1)
    os.kill(pid, signal.SIGKILL)
    cluster_with_data.wait()
    lock.write_text(stale)
    cluster_with_data.start()


def test_half_made_data_folder_is_made_anew(cluster: Cluster) -> None:
    cluster.stop()
    (cluster.data / "PG_VERSION").unlink()
    cluster.start()
    assert run(cluster.url(), "SELECT 1") == [(1,)]


def test_data_of_another_version_is_left_alone(cluster: Cluster) -> None:
    cluster.stop()
    (cluster.data / "PG_VERSION").write_text("16\n")
    with pytest.raises(PostgresError, match="data of PostgreSQL 16, this one is 18"):
        cluster.start()
    assert (cluster.data / "base").exists()


def test_start_that_fails_says_why() -> None:
    with temporary_cluster() as cluster:
        cluster.stop()
        broken = Cluster(cluster.home, {"max_connections": "many"})
        with pytest.raises(PostgresError, match='invalid value for parameter "max_connections": "many"'):
            broken.start()


def test_database_is_made_once(cluster: Cluster) -> None:
    cluster.create("once")
    run(cluster.url("once"), "CREATE TABLE kept AS SELECT 1 AS one")
    cluster.create("once")
    assert run(cluster.url("once"), "SELECT one FROM kept") == [(1,)]


def test_needs_its_password(cluster: Cluster) -> None:
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(cluster.url().replace(":", ":not-", 2).replace("postgresql:not-", "postgresql:"))
    assert stat.S_IMODE((cluster.home / "password").stat().st_mode) == 0o600
    assert stat.S_IMODE(cluster.home.stat().st_mode) == 0o700


def test_folder_above_that_keeps_the_account_out(tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    inner = tmp_path / "inner"
    inner.mkdir()
    inner.chmod(0o711)
    tmp_path.chmod(0o700)
    assert reaches(nobody, Path("/usr/bin"))
    assert not reaches(nobody, inner)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs under another account")
def test_root_with_a_checkout_that_the_account_cannot_reach(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    cluster = Cluster(closed / "postgres")
    try:
        cluster.start()
        assert run(cluster.url(), "SELECT 1") == [(1,)]
        assert (closed / "postgres").resolve() == cluster.home
        assert Cluster(closed / "postgres").home == cluster.home
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    finally:
        cluster.stop(immediate=True)
        shutil.rmtree(cluster.home)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs under another account")
def test_root_with_an_environment_that_the_account_cannot_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sooner.local.postgres._runs", lambda account, program: False)
    with temporary_cluster() as cluster:
        assert cluster._programs.is_relative_to(cluster.home)
        assert programs(cluster.home) == cluster._programs
        assert run(cluster.url(), "SELECT 1") == [(1,)]
