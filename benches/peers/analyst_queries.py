"""Ten questions of an analyst, each in a process of its own from start to last row: `polytask sql` against DuckDB's shell.

    python benches/peers/analyst_queries.py queries/complete_journey [--runs DIR] [--polytask PROGRAM] [--duckdb PROGRAM] [--rounds 5]

Both read the same Parquet: the sources of the job, and the scores, held-out rows and figures of its runs. DuckDB has them as views over
the files, made in the same process (`duckdb -c "create view …; …"`), as an analyst's start-up file would. Rounds take turns; the table
has the median of each question and the ratio of the sums.
"""

import argparse
import pathlib
import statistics
import subprocess
import time

QUESTIONS = {
    "sales by week and department": """
        select t.week, p.department, sum(t.sales_value) as spend, count(distinct t.household_id) as households
        from raw.transactions as t inner join raw.products as p on p.product_id = t.product_id
        group by t.week, p.department order by spend desc limit 20""",
    "products by spend": """
        select t.product_id, p.product_type, sum(t.sales_value) as spend from raw.transactions as t
        inner join raw.products as p on p.product_id = t.product_id where t.week >= 40
        group by t.product_id, p.product_type order by spend desc limit 20""",
    "recency, frequency, value": """
        with own as (select household_id, max(week) as last, count(distinct basket_id) as visits, sum(sales_value) as spend
                     from raw.transactions group by household_id)
        select ntile(5) over (order by spend) as fifth, household_id, last, visits, spend from own order by spend desc limit 20""",
    "discounts by department": """
        select p.department, sum(t.retail_disc) / sum(t.sales_value + t.retail_disc) as share from raw.transactions as t
        inner join raw.products as p on p.product_id = t.product_id group by p.department
        having sum(t.sales_value) > 1000 order by share desc""",
    "buyers who come back": """
        with pairs as (select household_id, product_id, count(distinct basket_id) as visits from raw.transactions
                       group by household_id, product_id)
        select product_id, count(*) as buyers, avg(cast(visits > 1 as integer)) as again from pairs
        group by product_id having count(*) >= 200 order by again desc limit 20""",
    "bought together": """
        with own as (select distinct basket_id, product_id from raw.transactions where week = 40)
        select a.product_id, b.product_id as other, count(*) as baskets from own as a
        inner join own as b on b.basket_id = a.basket_id and b.product_id > a.product_id
        group by a.product_id, b.product_id order by baskets desc, a.product_id, other limit 20""",
    "three products for each household": """
        select household_id, product_id, purchase from (
            select household_id, product_id, purchase,
                   row_number() over (partition by household_id order by purchase desc, product_id) as place from current.scores) as ranked
        where place <= 3 order by household_id, place limit 60""",
    "scores by department and scenario": """
        select s.scenario, p.department, count(*) as pairs, avg(s.purchase) as purchase, sum(s.spend) as spend
        from current.scores as s inner join raw.products as p on p.product_id = s.product_id
        group by s.scenario, p.department order by spend desc limit 20""",
    "lift by tenth of the held-out rows": """
        with own as (select scenario, y_purchase, ntile(10) over (partition by scenario order by p_purchase desc) as tenth
                     from current.holdout)
        select scenario, tenth, count(*) as pairs, avg(y_purchase) as bought from own group by scenario, tenth order by scenario, tenth""",
    "figures over the nights": """
        select run, scenario, task, value from runs.metrics
        where metric = 'auc' and learner = 'net' and scenario <> '*' and task <> '*' order by run, scenario, task""",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", type=pathlib.Path)
    parser.add_argument("--input", type=pathlib.Path)
    parser.add_argument("--runs", type=pathlib.Path)
    parser.add_argument("--polytask", default="target/release/polytask")
    parser.add_argument("--duckdb", default="duckdb")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    data = options.job.parent.parent / "data" / options.job.name
    source, runs = options.input or data / "input", options.runs or data / "runs"
    current = runs / (runs / "CURRENT").read_text().strip()
    views = f"""
        create schema raw; create schema runs; create schema current_run;
        create view raw.transactions as from read_parquet('{source}/transactions.parquet');
        create view raw.products as from read_parquet('{source}/products.parquet');
        create view current_run.scores as from read_parquet('{current}/scores/*/*.parquet', hive_partitioning = true);
        create view current_run.holdout as from read_parquet('{current}/holdout/*.parquet');
        create view runs.metrics as from read_parquet('{runs}/2*/metrics.parquet');"""

    def ours(sql):
        places = ["--input", str(source), "--runs", str(runs)]
        return [options.polytask, "sql", str(options.job), *places, "--format", "csv", "-c", sql]

    def theirs(sql):
        return [options.duckdb, "-csv", "-c", views + sql.replace("current.", "current_run.")]

    def seconds(command):
        begun = time.perf_counter()
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        taken = time.perf_counter() - begun
        assert answer.returncode == 0, answer.stderr
        return taken, len(answer.stdout.strip().splitlines())

    medians = []
    for name, sql in QUESTIONS.items():
        found = [(seconds(ours(sql)), seconds(theirs(sql))) for _ in range(options.rounds)]
        (_, rows), (_, other) = found[0]
        assert rows == other, f"{name}: {rows} lines against {other}"
        pair = [statistics.median(round[side][0] for round in found) for side in (0, 1)]
        medians.append(pair)
        print(f"{pair[0]:.3f} s  DuckDB {pair[1]:.3f} s  {pair[0] / pair[1]:5.2f} x  {rows - 1:4} rows  {name}")
    total = [sum(side) for side in zip(*medians, strict=True)]
    print(f"{total[0]:.3f} s  DuckDB {total[1]:.3f} s  {total[0] / total[1]:5.2f} x  in total")


if __name__ == "__main__":
    main()
