"""`auc` by cell over the rows of benches/sql_functions.rs: pandas with scikit-learn, and DuckDB's plain sort of the scores.

    python benches/peers/sql_functions.py [--rows 5000000] [--threads 2] [--figures]

Rows are drawn by the formula of benches/sql_functions.rs. Medians of three runs for pandas and seven for DuckDB; the sort of DuckDB
is `create or replace temp table sorted as select score from t order by score`, over its own table in memory.
"""

import argparse
import statistics
import time

import duckdb
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

CELLS = 12


def unit(row, salt):
    with np.errstate(over="ignore"):
        z = (row * np.uint64(16) + np.uint64(salt + 1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)).astype(float) / float(1 << 53)


def seconds(runs, work):
    found = []
    for _ in range(runs):
        begun = time.perf_counter()
        value = work()
        found.append(time.perf_counter() - begun)
    return statistics.median(found), min(found), value


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--figures", action="store_true")
    options = parser.parse_args()
    row = np.arange(options.rows, dtype=np.uint64)
    score = 0.3 * unit(row, 1) * (0.5 + unit(row, 2))
    frame = pd.DataFrame({"cell": (row % np.uint64(CELLS)).astype(np.int64), "label": (unit(row, 3) < score).astype(float), "score": score})
    one = lambda own: roc_auc_score(own["label"], own["score"])  # noqa: E731
    median, best, figures = seconds(3, lambda: frame.groupby("cell")[["label", "score"]].apply(one))
    print(f"{median:.3f} s (best {best:.3f})  pandas and scikit-learn: auc by cell")
    if options.figures:
        print("   ", figures.tolist())
    base = duckdb.connect()
    base.execute(f"set threads = {options.threads}")
    base.execute("create table t as select * from frame")
    sort = "create or replace temp table sorted as select score from t order by score"
    median, best, _ = seconds(7, lambda: base.execute(sort))
    print(f"{median:.3f} s (best {best:.3f})  DuckDB on {options.threads} threads: sort of the scores")


if __name__ == "__main__":
    main()
