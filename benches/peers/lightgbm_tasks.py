"""LightGBM on the frame that polytask learns from: one model per task, scenario as a feature.

In:  a folder written by `polytask frame <job> --as-of DATE --out FRAME`.
Out: the holdout's AUC (binary tasks) or RMSE and R2 (regressions), per task and per cell, on the console.

    python benches/peers/lightgbm_tasks.py FRAME --keys household_id,product_id --regressions spend

Default settings, early stopping on the validation night; `--rate 0.05` is the other usual choice, and `--most-values 50`
leaves out categoricals with more values than that (memorised ids go stale). `--refit` also learns once more from train, gap and valid with
the number of trees that was chosen, as polytask does: both figures are printed.
"""

import argparse
import time
from pathlib import Path

import lightgbm
import numpy
import pandas
import pyarrow
import pyarrow.parquet
from sklearn.metrics import r2_score, roc_auc_score, root_mean_squared_error

def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frame", type=Path)
    parser.add_argument("--keys", default="household_id,product_id")
    parser.add_argument("--categorical", default="household_id,product_id,store_id,manufacturer_id")
    parser.add_argument("--regressions", default="spend", help="tasks that are not binary, learned as log(1 + y)")
    parser.add_argument("--tasks", default="", help="only these, separated by commas")
    parser.add_argument("--without", default="", help="features to leave out")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rate", type=float, default=0.1, help="learning rate")
    parser.add_argument("--most-values", type=int, default=0, help="leave out categoricals with more values; 0 = keep all")
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--patience", type=int, default=50)
    parser.add_argument("--refit", action="store_true")
    parser.add_argument("--importance", type=int, default=0, help="print so many features of the first task")
    return parser.parse_args()


# AUC of every binary cell, by the rows that a model learned from.
AREAS = {}


def names(text):
    return [name for name in text.split(",") if name]


def read(folder):
    files = sorted(folder.glob("*.parquet"))
    if not files:
        raise SystemExit(f"error: {folder} holds no Parquet file\nhint: polytask frame <job> --as-of DATE --out {folder}")
    table = pyarrow.concat_tables([pyarrow.parquet.read_table(file) for file in files])
    fields = []
    for field in table.schema:
        small = pyarrow.float32() if pyarrow.types.is_float64(field.type) and not field.name.startswith("y_") else field.type
        fields.append(pyarrow.field(field.name, small))
    return table.cast(pyarrow.schema(fields))


def features_of(table, options):
    """Columns that a model sees, with text and named ids as categories (vocabulary: the training rows')."""
    left_out = set(names(options.without))
    named = set(names(options.categorical))
    used = [name for name in table.column_names if name not in ("as_of", "split") and not name.startswith("y_")]
    used = [name for name in used if name not in left_out and (name not in names(options.keys) or name in named)]
    split = table["split"].to_pandas().to_numpy()
    columns, categories = {}, []
    for name in used:
        values = table[name].to_pandas()
        kind = table.schema.field(name).type
        if name in named or pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind) or pyarrow.types.is_string_view(kind):
            known = pandas.Index(values[split == "train"].dropna().unique())
            if options.most_values and len(known) > options.most_values:
                continue
            codes = known.get_indexer(values).astype("int32")
            columns[name] = codes  # -1 is missing for LightGBM
            categories.append(name)
        elif pyarrow.types.is_boolean(kind):
            columns[name] = values.astype("float32").to_numpy()
        else:
            columns[name] = values.to_numpy(dtype="float32", na_value=numpy.nan)
    return pandas.DataFrame(columns, copy=False), categories, split


def figure(labels, predicted, regression):
    if regression:
        error = root_mean_squared_error(labels, predicted)
        scaled = root_mean_squared_error(numpy.log1p(labels), numpy.log1p(numpy.maximum(predicted, 0)))
        return f"rmse {error:.5f}  rmse of log1p {scaled:.5f}  r2 {r2_score(labels, predicted):.5f}", None
    if labels.min() == labels.max():
        return "one class only", None
    area = roc_auc_score(labels, predicted)
    return f"auc {area:.5f}", area


def report(title, labels, predicted, scenario, regression):
    print(f"{title}  *  n {len(labels)}  {figure(labels, predicted, regression)[0]}", flush=True)
    for value in sorted(set(scenario)):
        of = scenario == value
        told, area = figure(labels[of], predicted[of], regression)
        print(f"{title}  {value}  n {of.sum()}  {told}", flush=True)
        AREAS.setdefault(title.split()[-1], []).append(area)


def learn(task, features, categories, table, split, options):
    regression = task in names(options.regressions)
    labels = table[f"y_{task}"].to_pandas().to_numpy(dtype="float64")
    target = numpy.log1p(labels) if regression else labels
    seen = ~numpy.isnan(labels)
    parts = {part: seen & (split == part) for part in ("train", "gap", "valid", "holdout")}
    settings = {
        "objective": "regression" if regression else "binary",
        "metric": "l2" if regression else "binary_logloss",
        "learning_rate": options.rate,
        "num_threads": options.threads,
        "seed": 7,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    began = time.monotonic()
    train = lightgbm.Dataset(features[parts["train"]], target[parts["train"]], categorical_feature=categories)
    valid = lightgbm.Dataset(features[parts["valid"]], target[parts["valid"]], reference=train)
    stop = lightgbm.early_stopping(options.patience, verbose=False)
    model = lightgbm.train(settings, train, options.rounds, valid_sets=[valid], callbacks=[stop])
    held = parts["holdout"]
    scenario = table["scenario"].to_pandas().to_numpy()[held]

    def measure(title, fitted, rounds):
        raw = fitted.predict(features[held], num_iteration=rounds)
        report(title, labels[held], numpy.expm1(raw) if regression else raw, scenario, regression)

    print(f"{task}: {model.best_iteration} trees, {time.monotonic() - began:.1f} s")
    measure(f"{task}  train", model, model.best_iteration)
    if options.importance:
        gain = pandas.Series(model.feature_importance("gain"), model.feature_name()).sort_values(ascending=False)
        print((gain / gain.sum()).head(options.importance).to_string(float_format="%.4f"))
    if options.refit:
        all_rows = parts["train"] | parts["gap"] | parts["valid"]
        whole = lightgbm.Dataset(features[all_rows], target[all_rows], categorical_feature=categories)
        measure(f"{task}  refit", lightgbm.train(settings, whole, model.best_iteration), model.best_iteration)


def main():
    options = arguments()
    table = read(options.frame)
    features, categories, split = features_of(table, options)
    print(f"{len(features)} rows, {features.shape[1]} features, {len(categories)} of them categorical")
    tasks = [name.removeprefix("y_") for name in table.column_names if name.startswith("y_")]
    for task in names(options.tasks) or tasks:
        learn(task, features, categories, table, split, options)
    for title, areas in AREAS.items():
        areas = [area for area in areas if area is not None]
        print(f"mean AUC over {len(areas)} binary cells, {title}: {numpy.mean(areas):.5f}")


if __name__ == "__main__":
    main()
