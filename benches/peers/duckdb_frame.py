"""The frame of a job, built by DuckDB from the job's own SQL files: what `polytask run` spends on "ingest and features".

In: a job folder, its input folder, an as-of date. Out: seconds per stage, rows, peak memory, on the console.

    python benches/peers/duckdb_frame.py queries/complete_journey data/complete_journey/input --as-of 2017-12-04

Same work as polytask, cold: clean tables, every labelled snapshot, tonight's candidates. Each table is kept as a Parquet
file (`--keep memory` keeps them in DuckDB instead); frames are sorted by key and carry their labels. The SQL is taken
as it is but for parameters, which are bound as literals, `first_value` as an aggregate, which is `first` there, and integer
division, which DuckDB must be asked for.
"""

import argparse
import datetime
import re
import resource
import tempfile
import time
import tomllib
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", type=Path)
    parser.add_argument("input", type=Path)
    parser.add_argument("--as-of", type=datetime.date.fromisoformat, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", default="6GB")
    parser.add_argument("--keep", choices=["parquet", "memory"], default="parquet")
    parser.add_argument("--out", type=Path, help="keep the tables here (default: a temporary folder)")
    parser.add_argument("--verbose", action="store_true")
    return parser.parse_args()


def days(text):
    return datetime.timedelta(days=int(text.split()[0]))


class Job:
    def __init__(self, folder):
        self.settings = tomllib.loads((folder / "job.toml").read_text())
        self.zone = ZoneInfo(self.settings["job"].get("timezone", "UTC"))
        self.keys = self.settings["job"]["keys"]
        self.scenario = self.settings["scenario"].get("column", "scenario")
        self.labels = {name: task.get("label", name) for name, task in self.settings["tasks"].items()}
        self.horizon = days(self.settings["snapshots"]["horizon"])
        self.params = self.settings.get("params", {})
        self.folder = folder

    def queries(self, kind):
        return {file.stem: file.read_text() for file in sorted((self.folder / kind).glob("*.sql"))}

    def query(self, name):
        return (self.folder / f"{name}.sql").read_text()

    def labelled(self, tonight):
        """As polytask plans them: the newest whose outcome is complete is held out; learning ends a horizon earlier."""
        snapshots = self.settings["snapshots"]
        every, settle = days(snapshots["every"]), days(snapshots.get("settle", "0 days"))
        held_out = tonight
        while held_out + self.horizon + settle > tonight:
            held_out -= every
        newest = held_out
        while newest + self.horizon + settle > held_out:
            newest -= every
        return [newest - every * back for back in reversed(range(snapshots["count"] - 1))] + [held_out]

    def instant(self, day):
        return datetime.datetime.combine(day, datetime.time(), self.zone).astimezone(datetime.timezone.utc)


def literal(value):
    if isinstance(value, datetime.datetime):
        return f"timestamptz '{value:%Y-%m-%d %H:%M:%S}+00'"
    if isinstance(value, datetime.date):
        return f"date '{value}'"
    return f"'{value}'" if isinstance(value, str) else str(value).lower()


def bind(sql, params):
    sql = re.sub(r"--[^\n]*", "", sql).strip().rstrip(";")
    sql = re.sub(r"\$(\w+)", lambda found: literal(params[found[1]]), sql)
    return re.sub(r"\bfirst_value\s*\((\w+ order by)", r"first(\1", sql)


def uses(sql, names):
    named = set(re.findall(r"\b(?:from|join)\s+([\w.]+)", sql))
    return named & set(names)


def ordered(queries):
    done = []
    while len(done) < len(queries):
        ready = [name for name in queries if name not in done and uses(queries[name], queries) <= set(done)]
        if not ready:
            raise SystemExit("error: the queries name each other in a circle")
        done += ready
    return done


class Builder:
    def __init__(self, options, folder):
        self.database = duckdb.connect(config={"threads": options.threads, "memory_limit": options.memory, "temp_directory": str(folder / "spill")})
        self.database.execute("set TimeZone = 'UTC'; set integer_division = true; set preserve_insertion_order = false")
        for schema in ("raw", "clean", "outcome"):
            self.database.execute(f"create schema {schema}")
        self.folder, self.keep, self.verbose = folder, options.keep, options.verbose

    def make(self, name, where, sql):
        """Materialises a query and registers it as `name`; returns its rows."""
        began = time.monotonic()
        if self.keep == "parquet":
            file = self.folder / where / f"{name.split('.')[-1]}.parquet"
            file.parent.mkdir(parents=True, exist_ok=True)
            self.database.execute(f"copy ({sql}) to '{file}' (format parquet, compression lz4_raw)")
            self.database.execute(f"create or replace view {name} as select * from read_parquet('{file}')")
        else:
            self.database.execute(f"create or replace table {name} as {sql}")
        rows = self.database.execute(f"select count(*) from {name}").fetchone()[0]
        if self.verbose:
            print(f"  {where}/{name}: {rows} rows, {time.monotonic() - began:.2f} s", flush=True)
        return rows

    def clean(self, job, inputs):
        for name, source in job.settings["sources"].items():
            self.database.execute(f"create view raw.{name} as select * from read_parquet('{inputs / source['path']}')")
        queries = job.queries("clean")
        for name in ordered(queries):
            sql = bind(queries[name], job.params)
            columns = [column[0] for column in self.database.execute(f"select * from ({sql}) limit 0").description]
            if "refused" in columns:
                self.make(f"clean.{name}_all", "clean", sql)
                view = f"select * exclude (refused) from clean.{name}_all where refused is null"
                self.database.execute(f"create view clean.{name} as {view}")
            else:
                self.make(f"clean.{name}", "clean", sql)
            self.database.execute(f"create view {name} as select * from clean.{name}")

    def look(self, job, day):
        """Binds every clean table to what was visible at the start of `day`, and `outcome.*` to what came after."""
        for name in job.queries("clean"):
            facts = job.settings.get("tables", {}).get(name)
            if facts is None:
                continue
            column = facts["time"]
            is_date = self.database.execute(f"select {column} from clean.{name} limit 0").description[0][1] == "DATE"

            def bound(moment):
                return literal(moment if is_date else job.instant(moment))

            until = day + days(facts.get("known_ahead", "0 days"))
            past = f"select * from clean.{name} where {column} < {bound(until)}"
            after = f"select * from clean.{name} where {column} >= {bound(day)} and {column} < {bound(day + job.horizon)}"
            self.database.execute(f"create or replace view {name} as {past}")
            self.database.execute(f"create or replace view outcome.{name} as {after}")

    def snapshot(self, job, day, examples):
        self.look(job, day)
        params = {**job.params, "as_of": job.instant(day), "as_of_date": day, "horizon_end": job.instant(day + job.horizon)}
        where = f"{'examples' if examples else 'candidates'}-{day}"
        queries = job.queries("features")
        for name in ordered(queries):
            self.make(name, where, bind(queries[name], params))
        keys = ", ".join([*job.keys, job.scenario])
        candidates = bind(job.query("candidates"), params)
        if examples:
            self.database.execute(f"create or replace view candidates as {candidates}")
            candidates = bind(job.query("examples"), params)
        labels = ", ".join(f"cast({label} as double) as y_{name}" for name, label in job.labels.items()) if examples else ""
        self.make("labelled", where, f"select {keys}{', ' + labels if labels else ''} from ({candidates}) order by {keys}")
        self.database.execute(f"create or replace view rows as select {keys} from labelled")
        frame = bind(job.query("frame"), params)
        if examples:
            frame = f"select * from ({frame}) inner join labelled using ({keys})"
        return self.make("frame", where, f"select * from ({frame}) order by {keys}")


def main():
    options = arguments()
    job = Job(options.job)
    with tempfile.TemporaryDirectory() as temporary:
        builder = Builder(options, options.out or Path(temporary))
        began = time.monotonic()
        builder.clean(job, options.input)
        cleaned = time.monotonic()
        print(f"clean: {cleaned - began:.1f} s", flush=True)
        for day in job.labelled(options.as_of):
            rows = builder.snapshot(job, day, examples=True)
            print(f"snapshot {day}: {rows} rows, {time.monotonic() - began:.1f} s", flush=True)
        labelled = time.monotonic()
        rows = builder.snapshot(job, options.as_of, examples=False)
        ended = time.monotonic()
        print(f"candidates {options.as_of}: {rows} rows")
        print(f"clean {cleaned - began:.1f} s, snapshots {labelled - cleaned:.1f} s, candidates {ended - labelled:.1f} s")
        print(f"total {ended - began:.1f} s, {options.threads} threads, tables kept as {options.keep}")
        print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
