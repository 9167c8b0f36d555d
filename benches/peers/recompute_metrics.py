"""Every figure of metrics.parquet that scikit-learn can recompute, from holdout/*.parquet of the same run.

In:  a run folder. Out: the largest absolute difference per metric; exit code 1 when one exceeds `--tolerance`.

    python benches/peers/recompute_metrics.py data/complete_journey/runs/RUN

Compared per cell and per task, for the published learner (`p_<task>`) and challengers (`p_<task>__<learner>`).
"""

import argparse
import sys
from pathlib import Path

import numpy
import pyarrow.dataset
import pyarrow.parquet
from sklearn import metrics

BINARY = {
    "auc": metrics.roc_auc_score,
    "pr_auc": metrics.average_precision_score,
    "log_loss": lambda y, p: metrics.log_loss(y, numpy.column_stack([1 - p, p])),
    "predicted_observed": lambda y, p: p.sum() / y.sum(),
    "base_rate": lambda y, p: y.mean(),
}
REGRESSION = {
    "rmse": metrics.root_mean_squared_error,
    "mae": metrics.mean_absolute_error,
    "r2": metrics.r2_score,
    "predicted_observed": lambda y, p: p.sum() / y.sum(),
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--tolerance", type=float, default=1e-9)
    return parser.parse_args()


def figures(run):
    """metrics.parquet as {(learner, scenario, task): {metric: value}}, figures that were withheld left out."""
    cells = {}
    for row in pyarrow.parquet.read_table(run / "metrics.parquet").to_pylist():
        if row["task"] != "*" and row["value"] is not None:
            cells.setdefault((row["learner"], row["scenario"], row["task"]), {})[row["metric"]] = row["value"]
    return cells


def main():
    options = arguments()
    held = pyarrow.dataset.dataset(options.run / "holdout", format="parquet").to_table()
    scenario = held["scenario"].to_pandas().astype(str).to_numpy()
    worst, compared = {}, 0
    for (learner, cell, task), stated in figures(options.run).items():
        challenger = f"p_{task}__{learner}"
        column = challenger if challenger in held.column_names else f"p_{task}"
        labels = held[f"y_{task}"].to_numpy().astype("float64")
        predicted = held[column].to_numpy().astype("float64")
        chosen = ~numpy.isnan(labels) & ((scenario == cell) | (cell == "*"))
        labels, predicted = labels[chosen], predicted[chosen]
        for metric, recompute in (BINARY if "auc" in stated else REGRESSION).items():
            if metric in stated and numpy.isfinite(stated[metric]):
                difference = abs(recompute(labels, predicted) - stated[metric])
                compared += 1
                if difference >= worst.get(metric, (-1.0,))[0]:
                    worst[metric] = (difference, f"{learner} {cell} {task}")
    for metric, (difference, where) in sorted(worst.items()):
        print(f"{metric}: largest difference {difference:.1e} ({where})")
    print(f"{compared} figures recomputed")
    if not compared:
        sys.exit("error: metrics.parquet holds no figure that can be recomputed")
    if max(difference for difference, _ in worst.values()) > options.tolerance:
        sys.exit(f"error: a figure differs by more than {options.tolerance}")


if __name__ == "__main__":
    main()
