import re
import sqlite3
import threading
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from campaigns.ledger import (
    Ledger,
    LedgerError,
    has_ledger,
    ledger_location,
    ledger_path,
    ledgers,
    revisions,
)
from campaigns.ledger.tables import Row
from campaigns.migrations.upgrade import LEDGER
from models.errors import UnusableInput

on_sqlite = pytest.mark.parametrize("location", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize(
    "location", [pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True
)


def test_the_newest_schema_is_that_of_the_tables(ledger):
    with ledger._write() as session:
        config = LEDGER.config()
        config.attributes["connection"] = session.connection()
        command.check(config)


def test_migrations_go_down_and_up_again(ledger):
    with ledger._write() as session:
        config = LEDGER.config()
        config.attributes["connection"] = session.connection()
        command.downgrade(config, "base")
        command.upgrade(config, "head")
        command.check(config)


def test_a_ledger_of_the_first_schema_keeps_all_it_has(ledger, campaign, proposed):
    with ledger._write() as session:
        config = LEDGER.config()
        config.attributes["connection"] = session.connection()
        command.downgrade(config, "0001")
        columns = inspect(session.connection()).get_columns("experiment")
        assert "reached" not in {column["name"] for column in columns}
        command.upgrade(config, "head")
    assert ledger.experiment(proposed.id) == proposed
    assert proposed.reached is None
    reached = {"pH": 10.3}
    moved = ledger.transition(proposed.id, "proposed", "rejected", author="ann", reached=reached)
    assert moved.reached == ledger.experiment(proposed.id).reached == reached
    assert moved.conditions == proposed.conditions
    assert ledger.history(campaign.id, proposed.id)[-1].facts == {"reached": reached}
    assert ledger.status(campaign.id).iterations[0].reached == reached


@on_sqlite
def test_sqlite_is_set_up_not_to_lose_anything(ledger):
    with ledger._read() as session:
        connection = session.connection()

        def pragma(name: str) -> object:
            return connection.exec_driver_sql(f"PRAGMA {name}").scalar()

        assert pragma("journal_mode") == "wal"
        assert pragma("synchronous") == 2
        assert pragma("foreign_keys") == 1
        assert pragma("busy_timeout") >= 10_000


def test_opening_waits_for_a_process_that_reads_a_database_not_yet_set_up(tmp_path):
    path = tmp_path / "lab.db"
    reader = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    reader.execute("CREATE TABLE somewhere_else (a)")
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM somewhere_else").fetchall()
    ending = threading.Timer(0.3, reader.close)
    ending.start()
    with Ledger.open(path, simulated=True) as ledger:
        assert ledger.campaigns() == ()
    ending.join()


def test_an_interrupt_while_a_connection_is_given_back_is_not_logged(ledger, caplog):
    pool = ledger._engine.pool.logger

    def tell(error):
        try:
            raise error
        except BaseException:
            pool.error("Exception during reset or similar", exc_info=True)

    tell(KeyboardInterrupt())
    assert not caplog.records
    tell(OSError("disk gone"))
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    "table", ["history", "approval", "prediction", "micrograph", "measurement", "model_use"]
)
def test_records_cannot_be_changed_or_deleted(ledger, proposed, table):
    rows = Row.metadata.tables[table]
    blank = {"INTEGER": 0, "BOOLEAN": True, "FLOAT": 0.0, "JSON": {}}
    values = {column.name: blank.get(str(column.type), "") for column in rows.columns}
    values |= {"id": 1, "campaign_id": proposed.campaign_id, "experiment_id": proposed.id}
    with ledger._writing.begin() as connection:
        if not connection.execute(text(f"SELECT count(*) FROM {table}")).scalar():
            connection.execute(rows.insert().values(values))
    for statement in (f"UPDATE {table} SET at = ''", f"DELETE FROM {table}"):
        with pytest.raises(DBAPIError, match="append-only"), ledger._writing.begin() as connection:
            connection.execute(text(statement))


def test_every_row_says_whether_it_is_simulated():
    assert all("simulated" in table.columns for table in Row.metadata.tables.values())


def test_an_experiment_belongs_to_a_campaign(ledger):
    with pytest.raises(IntegrityError), ledger._write() as session:
        session.connection().exec_driver_sql(
            "INSERT INTO lease VALUES (true, 'no-such-campaign', 'me', 'token', '2026')"
        )


@on_sqlite
def test_simulated_and_real_campaigns_live_in_stores_of_their_own(ledger, tmp_path):
    with pytest.raises(LedgerError, match="belongs to a simulated lab"):
        Ledger.open(tmp_path / "lab.db", simulated=False)
    assert ledger_path(tmp_path, simulated=True) != ledger_path(tmp_path, simulated=False)


@on_postgresql
def test_in_one_database_simulated_and_real_campaigns_have_a_schema_each(ledger, location, campaign):
    with Ledger.open(location, simulated=False) as real:
        assert real.campaigns() == ()
        assert not real.simulated
    assert ledger.campaigns() == (campaign,)
    with ledger._engine.connect() as connection:
        assert set(inspect(connection).get_schema_names()) >= {"real", "simulated"}
        assert not inspect(connection).get_table_names(schema="public")


def test_a_ledger_opened_again_has_kept_everything(ledger, campaign, proposed, location):
    with Ledger.open(location, simulated=True) as again:
        assert again.campaigns() == (campaign,)
        assert again.experiments(campaign.id) == (proposed,)


@on_sqlite
def test_a_newer_or_foreign_database_is_left_alone(ledger, tmp_path):
    ledger.close()
    with sqlite3.connect(tmp_path / "lab.db") as newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
    newer.close()
    with pytest.raises(UnusableInput, match="the schema 9999, which this morpholoop does not know"):
        Ledger.open(tmp_path / "lab.db", simulated=True)
    with sqlite3.connect(tmp_path / "foreign.db") as foreign:
        foreign.execute("CREATE TABLE campaign (x)")
    foreign.close()
    with pytest.raises(UnusableInput, match="did not make"):
        Ledger.open(tmp_path / "foreign.db", simulated=True)


def test_what_cannot_be_opened_is_told_without_secrets(tmp_path):
    (tmp_path / "text.db").write_text("not a database, but long enough to be looked at" * 9)
    for location in (
        tmp_path / "text.db",
        tmp_path,
        tmp_path / "text.db" / "lab.db",
        "nosuch://me:secret@host/x",
    ):
        with pytest.raises(UnusableInput) as caught:
            Ledger.open(location, simulated=True)
        assert "secret" not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_revisions_follow_one_another():
    folder = Path(LEDGER.config().get_main_option("script_location") or "") / "versions"
    names = sorted(path.name for path in folder.glob("[0-9]*.py"))
    assert names[-1].startswith(LEDGER.head())
    assert all(re.match(r"\d{4}_\w+\.py$", name) for name in names)


@on_sqlite
def test_a_ledger_that_somebody_else_holds_says_so(ledger, tmp_path, campaign):
    with ledger._read() as session:
        session.connection().exec_driver_sql("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(tmp_path / "lab.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerError, match=r"cannot be written .*locked.*nothing was changed"):
        ledger.set_report(campaign.id, "report.html")
    other.close()
    ledger.set_report(campaign.id, "report.html")
    assert ledger.campaign(campaign.id).report == "report.html"


def test_revisions_are_told_without_changing_anything(ledger, location, tmp_path):
    assert revisions(location, simulated=True) == (LEDGER.head(), LEDGER.head())
    assert revisions(tmp_path / "none.db", simulated=True) == (None, LEDGER.head())
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "text.db").write_text("not a database, but long enough to be looked at" * 9)
    with pytest.raises(UnusableInput, match="cannot be opened"):
        revisions(tmp_path / "text.db", simulated=True)


@on_postgresql
def test_a_database_url_takes_the_place_of_the_files(ledger, location, home, monkeypatch):
    assert not has_ledger(home, simulated=True)
    assert ledger_location(home, simulated=True) == ledger_path(home, simulated=True)
    monkeypatch.setenv("MORPHOLOOP_DATABASE_URL", "sqlite:///lab.db")
    with pytest.raises(UnusableInput, match=r"sqlite:///lab\.db is no PostgreSQL database"):
        has_ledger(home, simulated=True)
    monkeypatch.setenv("MORPHOLOOP_DATABASE_URL", location)
    assert has_ledger(home, simulated=True)
    with ledgers(home) as opened:
        assert [one.simulated for one in opened] == [True]
