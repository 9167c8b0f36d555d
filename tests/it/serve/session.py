"""Whole sessions of SQLAlchemy with psycopg2 and with psycopg 3 against `polytask serve --pg`.

What is checked: the first connection, types of values, bound parameters, pandas, the job's own aggregates, what an error says
and that the session goes on after it, that a write is refused and nothing changes, the inspector, a transaction, and a pool of
five connections that five threads use at once. Each check runs with both drivers; psycopg 3 speaks the extended protocol.

In: the address of a server of the small shop (`tests/it/shop.rs`, one published night) as the first argument; its password,
if it has one, in PGPASSWORD. Out: a line for each check; exit code 1 if one failed, with the sentence that does not hold.
"""

import datetime
import decimal
import os
import sys
import threading
import traceback

import pandas
import sqlalchemy
from sqlalchemy import MetaData, Table, func, select, text

# Columns of `current.scores`, the kinds of SQLAlchemy and of Python that they come as.
SCORES = {
    "household_id": (sqlalchemy.BigInteger, int),
    "product_id": (sqlalchemy.BigInteger, int),
    "as_of": (sqlalchemy.Date, datetime.date),
    "purchase": (sqlalchemy.Double, float),
    "spend": (sqlalchemy.Double, float),
    "rank": (sqlalchemy.Integer, int),
    "run": (sqlalchemy.Text, str),
    "scenario": (sqlalchemy.Text, str),
}
QUOTED = 'it\'s "quoted" \\ ü; -- $1 %'
WRITES = [
    "insert into current.scores (household_id) values (1)",
    "update current.scores set purchase = 0",
    "delete from current.scores",
    "truncate table current.scores",
    "drop table current.scores",
    "alter table current.scores add column a int",
    "create table kept (a int)",
    "create table kept as select 1 as a",
    "create view kept as select 1 as a",
    "copy current.scores to 'kept.csv'",
    "with gone as (delete from current.scores returning *) select * from gone",
]


def one(engine, sql, **values):
    """The one value of an answer."""
    with engine.connect() as connection:
        return connection.execute(text(sql), values).scalar_one()


def failure(connection, sql, kind):
    """The driver's error of a statement that has to fail, and what SQLAlchemy calls it."""
    try:
        connection.execute(text(sql)).fetchall()
    except sqlalchemy.exc.DBAPIError as error:
        assert isinstance(error, kind), f"`{sql}` fails as {kind.__name__}, not as {type(error).__name__}: {error.orig}"
        return error.orig
    raise AssertionError(f"`{sql}` has to fail, and has an answer")


def state(error):
    """SQLSTATE of a driver's error."""
    return getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)


def first_contact(engine):
    with engine.connect() as connection:
        assert connection.execute(text("select 1")).scalar_one() == 1, "the first statement has its answer"
        told = connection.execute(text("select version()")).scalar_one()
        assert told.startswith("PostgreSQL ") and "polytask" in told, f"version() names PostgreSQL and polytask: {told}"
        raw = connection.connection.driver_connection
        number = raw.info.server_version
        assert number >= 140000, f"the server says a version of PostgreSQL that drivers still support: {number}"
        announced = raw.info.parameter_status("server_version")
        assert told.split()[1] == announced, f"version() and server_version agree: {told}, {announced}"
        assert engine.dialect.default_schema_name == "public", "names without a schema are those of `public`"
        for name, expected in (("server_encoding", "UTF8"), ("standard_conforming_strings", "on"), ("integer_datetimes", "on")):
            found = raw.info.parameter_status(name)
            assert found == expected, f"{name} is announced as {expected}, not as {found}"


def values_have_types(engine):
    with engine.connect() as connection:
        rows = connection.execute(text("select * from current.scores limit 5")).mappings().all()
        for row in rows:
            assert list(row) == list(SCORES), f"current.scores has the columns of the shop: {list(row)}"
            for name, (_, kind) in SCORES.items():
                assert type(row[name]) is kind, f"current.scores.{name} is {kind.__name__}: {row[name]!r}"
            assert row["run"].startswith(row["as_of"].isoformat()), f"the run's id begins with its date: {row['run']}, {row['as_of']}"
        sold, arrived = connection.execute(text("select sold_at, loaded_at from raw.orders limit 1")).one()
        assert type(sold) is datetime.datetime, f"a timestamp is one: {sold!r}"
        assert arrived - sold == datetime.timedelta(hours=1), f"orders load an hour later: {sold}, {arrived}"
        current = connection.execute(text("select current from runs.runs where status = 'published'")).scalars().all()
        assert current == [True], f"one night is published, and `current` is a truth value: {current}"
        null = connection.execute(text("select max(purchase) from current.scores where rank < 0")).scalar_one()
        assert null is None, f"the largest of nothing is NULL, and NULL is None: {null!r}"
        lists = """
            select array_agg(distinct scenario order by scenario), make_array(1, 2, null), make_array(1.5), array_agg(distinct as_of)
            from current.scores"""
        names, numbers, floats, dates = connection.execute(text(lists)).one()
        assert names == ["app", "store"], f"a list of texts is a list: {names!r}"
        assert numbers == [1, 2, None] and floats == [1.5], f"a list of numbers is a list, NULL in it is None: {numbers!r}, {floats!r}"
        assert len(dates) == 1 and type(dates[0]) is datetime.date, f"a list of dates is a list: {dates!r}"
        more = """
            select cast(1.25 as decimal(10, 2)), cast(1 as smallint), cast(0.5 as real), interval '1 day 2 hours', cast('NaN' as double),
                time '12:30:00'"""
        found = connection.execute(text(more)).one()
        day = datetime.timedelta(days=1, hours=2)
        assert found[0] == decimal.Decimal("1.25") and type(found[0]) is decimal.Decimal, f"a decimal is exact: {found[0]!r}"
        assert (found[1], found[2], found[3], found[5]) == (1, 0.5, day, datetime.time(12, 30)), f"other types have their values: {found}"
        assert found[4] != found[4], f"NaN is NaN: {found[4]!r}"
        empty = connection.execute(text("select * from current.scores where false"))
        assert list(empty.keys()) == list(SCORES) and empty.all() == [], "an answer without rows has its columns"


def parameters_are_bound(engine):
    scores = pandas.read_sql(text("select * from current.scores"), engine)
    middle = float(scores["purchase"].median())
    counts = [
        ("household_id = :v", 3, (scores["household_id"] == 3).sum()),
        ("household_id = :v", 2**40, 0),
        ("purchase > :v", middle, (scores["purchase"] > middle).sum()),
        ("purchase > :v", 1, 0),
        ("as_of = :v", scores["as_of"][0], len(scores)),
        ("scenario = :v", "app", (scores["scenario"] == "app").sum()),
        ("scenario = :v", QUOTED, 0),
        ("scenario like :v", "a%", (scores["scenario"] == "app").sum()),
        ("rank <= :v", 3, (scores["rank"] <= 3).sum()),
        ("run = :v", None, 0),
    ]
    for where, value, expected in counts:
        found = one(engine, f"select count(*) from current.scores where {where}", v=value)
        assert found == expected, f"{where} with {value!r} has {expected} rows, not {found}"
    two = one(engine, "select count(*) from current.scores where household_id in (:a, :b) and scenario = :c", a=1, b=2, c="store")
    both = (scores["household_id"].isin([1, 2]) & (scores["scenario"] == "store")).sum()
    assert two == both, f"three parameters have each their place: {two} instead of {both}"
    since = datetime.datetime(2026, 1, 5, 12, 30)
    orders = pandas.read_sql(text("select sold_at from raw.orders"), engine)
    found = one(engine, "select count(*) from raw.orders where sold_at >= :v", v=since)
    assert found == (orders["sold_at"] >= since).sum() > 0, f"a timestamp is bound as one: {found}"
    assert one(engine, "select count(*) from runs.runs where current = :v", v=True) == 1, "a truth value is bound as one"
    with engine.connect() as connection:
        asked = text("select household_id from current.scores order by household_id, product_id limit :n offset :m")
        paged = connection.execute(asked, {"n": 4, "m": 2})
        expected = scores.sort_values(["household_id", "product_id"])["household_id"].tolist()[2:6]
        assert paged.scalars().all() == expected, "limit and offset are parameters"
    typed = [
        ("bigint", 7),
        ("double precision", 1.5),
        ("text", QUOTED),
        ("date", datetime.date(2026, 2, 20)),
        ("timestamp", since),
        ("boolean", False),
        ("decimal(10, 2)", decimal.Decimal("1.25")),
    ]
    for of, value in typed + [(of, None) for of, _ in typed]:
        found = one(engine, f"select cast(:v as {of}) as v", v=value)
        assert found == value and type(found) is type(value), f"{value!r} as {of} comes back as it went: {found!r}"


def filters_may_be_off(engine):
    scores = pandas.read_sql(text("select household_id, scenario from current.scores"), engine)
    app, third = scores["scenario"] == "app", scores["household_id"] == 3
    asked = "select count(*) from current.scores where (:a is null or household_id = :c) and scenario = :b"
    for value, expected in ((None, app.sum()), (3, (app & third).sum())):
        found = one(engine, asked, a=value, b="app", c=value)
        assert found == expected, f"a filter that is {value!r} leaves {expected} rows, not {found}"


def values_may_be_wider_than_columns(engine):
    scores = pandas.read_sql(text("select household_id, rank from current.scores"), engine)
    for column, value in (("household_id", 3.5), ("rank", 2**40), ("rank", decimal.Decimal("2.5"))):
        found = one(engine, f"select count(*) from current.scores where {column} < :v", v=value)
        expected = (scores[column] < value).sum()
        assert found == expected, f"{column} < {value!r} has {expected} rows, not {found}"
    orders = pandas.read_sql(text("select sold_at from raw.orders"), engine)
    for value in ("2026-01-05", "2026-01-05 10:00:00", datetime.date(2026, 1, 5)):
        found = one(engine, "select count(*) from raw.orders where sold_at >= :v", v=value)
        expected = (orders["sold_at"] >= pandas.Timestamp(value)).sum()
        assert found == expected, f"sold_at >= {value!r} has {expected} rows, not {found}"


def values_come_back_as_they_went(engine):
    for value in (7, 2**40, 1.5, QUOTED, True, datetime.date(2026, 2, 20), datetime.datetime(2026, 1, 5, 12, 30), None):
        found = one(engine, "select :v as v", v=value)
        assert found == value and type(found) is type(value), f"{value!r} comes back as it went: {found!r}"


def announced_types_are_those_of_the_values(engine):
    asked = [
        ("select sum(case when scenario = 'app' then 1 else 0.0 end) as v from current.scores", float),
        ("select case when true then 1 else 0.5 end as v", float),
        ("select v from (select 1 as v union all select 1.0) order by v limit 1", float),
        ("select coalesce(cast(null as integer), 1.0) as v", float),
        ("select nullif(1, 2.0) as v", float),
        ("select avg(household_id) as v from current.scores", float),
        ("select count(*) as v from current.scores", int),
        ("select max(as_of) as v from current.scores", datetime.date),
        ("select max(sold_at) as v from raw.orders", datetime.datetime),
    ]
    for sql, kind in asked:
        found = one(engine, sql)
        assert type(found) is kind, f"`{sql}` is {kind.__name__}: {found!r}"
        if engine.driver == "psycopg":
            # As JDBC and asyncpg ask: values in binary, by the type that was announced.
            with engine.connect() as connection, connection.connection.driver_connection.cursor(binary=True) as cursor:
                binary = cursor.execute(sql, prepare=True).fetchone()[0]
            assert binary == found, f"`{sql}` is the same in binary: {binary!r} instead of {found!r}"


def pandas_reads_tables(engine):
    for table in ("current.scores", "current.holdout", "current.metrics", "raw.orders"):
        rows = pandas.read_sql(text(f"select * from {table}"), engine)
        count = one(engine, f"select count(*) from {table}")
        assert len(rows) == count > 0, f"{table} has {count} rows, {len(rows)} were read"
    scores = pandas.read_sql(text("select household_id, purchase, scenario from current.scores"), engine)
    kinds = [scores[name].dtype.kind for name in ("household_id", "purchase")]
    assert kinds == ["i", "f"], f"numbers are numbers in pandas: {scores.dtypes.to_dict()}"
    total = one(engine, "select sum(purchase) from current.scores")
    assert abs(scores["purchase"].sum() - total) < 1e-9 * total, "the sum by pandas is the sum by SQL"
    means = text("select scenario, avg(purchase) as purchase from current.scores group by scenario")
    by = pandas.read_sql(means, engine, index_col="scenario")
    for name, mean in scores.groupby("scenario")["purchase"].mean().items():
        assert abs(by["purchase"][name] - mean) < 1e-12, f"the mean of {name} by SQL is that by pandas"
    one_table = pandas.read_sql_table("metrics", engine, schema="current")
    assert len(one_table) == one(engine, "select count(*) from current.metrics"), "read_sql_table reads a whole table"
    filtered = pandas.read_sql(text("select * from current.scores where household_id = :h"), engine, params={"h": 3})
    assert set(filtered["household_id"]) == {3}, "read_sql binds its parameters"


def aggregates_of_the_job_give_numbers(engine):
    asked = """
        select scenario, auc(y_purchase, p_purchase) as auc, log_loss(y_purchase, p_purchase) as log_loss,
            pr_auc(y_purchase, p_purchase) as pr_auc, ece(y_purchase, p_purchase) as ece, ks_stat(y_purchase, p_purchase) as ks,
            ndcg_at(y_purchase, p_purchase, household_id, :k) as ndcg
        from current.holdout group by scenario order by scenario"""
    rows = pandas.read_sql(text(asked), engine, params={"k": 3})
    assert rows["scenario"].tolist() == ["app", "store"], f"a row for each channel: {rows['scenario'].tolist()}"
    for name in ("auc", "log_loss", "pr_auc", "ece", "ks", "ndcg"):
        assert rows[name].between(0, 2).all(), f"{name} is a number between 0 and 2: {rows[name].tolist()}"
    stated = """
        select value from current.metrics inner join runs.runs using (run, learner)
        where metrics.task = 'purchase' and metrics.metric = 'auc' and metrics.scenario = '*'"""
    found = one(engine, "select auc(y_purchase, p_purchase) from current.holdout")
    told = one(engine, stated)
    assert abs(found - told) < 1e-12, f"auc() of the holdout is the figure of the report: {found} and {told}"


def errors_say_where_and_what_is_near(engine):
    cases = [
        ("select housold_id\nfrom current.scores", "42703", ["housold_id", "line 1, column 8", "did you mean `household_id`?"]),
        ("select household_id from current.score", "42P01", ["current.score", "line 1, column 26", "did you mean `current.scores`"]),
        ("select aucc(1, 0.5)", "42883", ["aucc", "line 1, column 8", "did you mean `auc`?"]),
        ("select household_id\nfrom current.scores\norder where", "42601", ["line 3"]),
    ]
    with engine.connect() as connection:
        for sql, code, parts in cases:
            error = failure(connection, sql, sqlalchemy.exc.ProgrammingError)
            for part in parts:
                assert part in str(error), f"the error of `{sql}` says «{part}»: {error}"
            assert error.diag.message_hint, f"the hint is a field of its own: {error}"
            # A statement of the same transaction has no answer until it is rolled back.
            after = failure(connection, "select 1", sqlalchemy.exc.DBAPIError)
            assert state(after) == "25P02", f"after an error the transaction has failed: {state(after)} {after}"
            connection.rollback()
            count = connection.execute(text("select count(*) from current.scores")).scalar_one()
            assert count > 0, f"after a rollback the session goes on: {count}"
            connection.rollback()
            assert state(error) == code, f"the code of `{sql}` is {code}, not {state(error)}"
        divided = failure(connection, "select cast(scenario as bigint) from current.scores", sqlalchemy.exc.DataError)
        assert "app" in str(divided) or "store" in str(divided), f"a value that does not suit is shown: {divided}"


def writes_are_refused(engine):
    sums = "select count(*), sum(purchase), sum(household_id) from current.scores"
    with engine.connect() as connection:
        before = connection.execute(text(sums)).one()
        tables = connection.execute(text("select count(*) from information_schema.tables")).scalar_one()
        connection.rollback()
        for sql in WRITES:
            error = failure(connection, sql, sqlalchemy.exc.ProgrammingError)
            assert state(error) == "42501", f"`{sql}` is refused with 42501, not with {state(error)}: {error}"
            connection.rollback()
        after = connection.execute(text(sums)).one()
        assert before[:1] + before[2:] == after[:1] + after[2:] and abs(before[1] - after[1]) < 1e-9, f"nothing changed: {before}, {after}"
        left = connection.execute(text("select count(*) from information_schema.tables")).scalar_one()
        assert left == tables, f"there are as many tables as before: {tables}, {left}"


def the_inspector_sees_the_job(engine):
    seen = sqlalchemy.inspect(engine)
    schemas = seen.get_schema_names()
    assert {"current", "raw", "runs", "public", "features"} <= set(schemas), f"the schemas of the job are listed: {schemas}"
    tables = seen.get_table_names(schema="current")
    assert {"scores", "holdout", "metrics"} <= set(tables), f"the tables of `current` are listed: {tables}"
    assert seen.has_table("scores", schema="current") and not seen.has_table("score", schema="current"), "has_table says yes and no"
    assert seen.has_table("orders"), "a table of `public` is found without its schema"
    assert seen.get_view_names(schema="current") == [], f"what can be read is a table: {seen.get_view_names(schema='current')}"
    columns = seen.get_columns("scores", schema="current")
    assert [column["name"] for column in columns] == list(SCORES), f"columns are in their order: {[column['name'] for column in columns]}"
    for column in columns:
        kind = SCORES[column["name"]][0]
        assert isinstance(column["type"], kind), f"current.scores.{column['name']} is {kind.__name__}: {column['type']!r}"
        assert column["nullable"] and column["default"] is None, f"no column has a default or a constraint: {column}"
    assert not seen.get_pk_constraint("scores", schema="current")["constrained_columns"], "there is no primary key"
    for what in ("get_foreign_keys", "get_indexes", "get_unique_constraints", "get_check_constraints"):
        found = getattr(seen, what)("scores", schema="current")
        assert found == [], f"{what} is empty: {found}"
    seen.get_table_comment("scores", schema="current")

    scores = Table("scores", MetaData(), schema="current", autoload_with=engine)
    assert list(scores.columns.keys()) == list(SCORES), f"a table loads itself: {list(scores.columns.keys())}"
    asked = select(scores.c.scenario, func.count().label("n"), func.avg(scores.c.purchase))
    asked = asked.where(scores.c["rank"] <= 3, scores.c.as_of <= datetime.date(2100, 1, 1))
    asked = asked.group_by(scores.c.scenario).order_by(scores.c.scenario).limit(10)
    with engine.connect() as connection:
        rows = connection.execute(asked).all()
        assert [row[0] for row in rows] == ["app", "store"], f"a select of it has a row for each channel: {rows}"
        assert all(row[1] > 0 and 0 < row[2] < 1 for row in rows), f"its values are counts and means: {rows}"
        listed = select(func.count()).select_from(scores).where(scores.c.household_id.in_([1, 2, 3]))
        assert connection.execute(listed).scalar_one() > 0, "an IN list of the table has an answer"
    whole = MetaData()
    whole.reflect(bind=engine, schema="current")
    assert "current.metrics" in whole.tables and len(whole.tables) == len(tables), (
        f"a schema loads itself: {len(whole.tables)} of {len(tables)}"
    )


def transactions_hold(engine):
    with engine.begin() as connection:
        assert connection.execute(text("select count(*) from current.scores")).scalar_one() > 0, "a transaction reads"
        with connection.begin_nested():
            assert connection.execute(text("select 2")).scalar_one() == 2, "a savepoint reads"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        failure(connection, "select nothing_of_this", sqlalchemy.exc.ProgrammingError)
        assert connection.execute(text("select 3")).scalar_one() == 3, "without a transaction an error needs no rollback"
    with engine.connect() as connection:
        connection.execute(text("set statement_timeout = 30000"))
        connection.execute(text("set application_name = 'session'"))
        assert connection.execute(text("select 4")).scalar_one() == 4, "a client may set what is its own"
        connection.commit()


def a_pool_of_five_is_used_at_once(engine):
    pool = sqlalchemy.create_engine(engine.url, pool_size=5, max_overflow=0, pool_pre_ping=True)
    expected = one(engine, "select count(*) from current.scores where scenario = 'app'")
    at_once, wrong = threading.Barrier(5, timeout=60), []

    def ask():
        try:
            with pool.connect() as connection:
                connection.execute(text("select 1"))
                at_once.wait()  # All five hold a connection now.
                for _ in range(10):
                    found = connection.execute(text("select count(*) from current.scores where scenario = :s"), {"s": "app"}).scalar_one()
                    assert found == expected, f"each connection has the same answer: {found} instead of {expected}"
        except BaseException:
            wrong.append(traceback.format_exc())

    for _ in range(2):
        threads = [threading.Thread(target=ask) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong, "five threads of a pool have their answers: " + wrong[0]
        at_once.reset()
    pool.dispose()


CHECKS = [
    first_contact,
    values_have_types,
    announced_types_are_those_of_the_values,
    parameters_are_bound,
    filters_may_be_off,
    values_may_be_wider_than_columns,
    values_come_back_as_they_went,
    pandas_reads_tables,
    aggregates_of_the_job_give_numbers,
    errors_say_where_and_what_is_near,
    writes_are_refused,
    the_inspector_sees_the_job,
    transactions_hold,
    a_pool_of_five_is_used_at_once,
]


def line_of(error, check):
    """The line of a check that an error passed."""
    return [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.name == check.__name__][-1]


def told(error):
    """A sentence that does not hold; or the server's own error, with the beginning of the statement and its parameters."""
    if isinstance(error, sqlalchemy.exc.DBAPIError):
        return f"{error.orig}\n  {error.statement[:400]}\n  {str(error.params)[:200]}"
    return f"{type(error).__name__}: {error}"


def main():
    host, _, port = sys.argv[1].rpartition(":")
    failed = 0
    for driver in ("psycopg2", "psycopg"):
        url = sqlalchemy.URL.create(f"postgresql+{driver}", "ann", os.environ.get("PGPASSWORD"), host.strip("[]"), int(port), "polytask")
        engine = sqlalchemy.create_engine(url)
        for check in CHECKS:
            try:
                check(engine)
                print(f"ok {driver} {check.__name__}")
            except Exception as error:
                failed += 1
                print(f"failed {driver} {check.__name__}, line {line_of(error, check)}: {told(error)}")
        engine.dispose()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
