"""RMSE of log(1 + spend) from published scores, beside benches/peers/lightgbm_tasks.py, which learns that target.

    python benches/peers/log_spend.py data/bench/RUN

polytask publishes the expected money of a row, not the expected logarithm. Of a published night this takes P(purchase) times the
expected logarithm of what is spent where there is a purchase; the latter is an increasing function of the published money over
P(purchase), fitted by isotonic regression on one half of the households and applied to the other.
"""

import argparse
from pathlib import Path

import numpy
import pyarrow.parquet as parquet
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import root_mean_squared_error


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of a published run of complete_journey")
    rows = parquet.read_table(parser.parse_args().run / "holdout" / "holdout.parquet").to_pandas()
    rows = rows[rows["y_spend"].notna()]
    logs = numpy.log1p(rows["y_spend"].to_numpy())
    probability = rows["p_purchase"].to_numpy()
    money = rows["p_spend"].to_numpy() / numpy.maximum(probability, 1e-9)
    half = (rows["household_id"].to_numpy().astype(numpy.uint64) * numpy.uint64(2654435761) >> numpy.uint64(16)) % numpy.uint64(2)
    expected = numpy.zeros(len(rows))
    for own in (0, 1):
        fitted = IsotonicRegression(out_of_bounds="clip")
        learned = (half != own) & (logs > 0)
        fitted.fit(money[learned], logs[learned])
        expected[half == own] = fitted.predict(money[half == own])
    expected *= probability
    for scenario in ["*", *sorted(rows["scenario"].unique())]:
        own = (rows["scenario"] == scenario).to_numpy() | (scenario == "*")
        print(f"{scenario:10} n {own.sum():7}  rmse of log1p {root_mean_squared_error(logs[own], expected[own]):.5f}")


if __name__ == "__main__":
    main()
