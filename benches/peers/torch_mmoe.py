"""An MMoE in PyTorch on the frame that polytask learns from, as a practitioner would set it up.

In:  a folder written by `polytask frame <job> --as-of DATE --out FRAME`.
Out: the holdout's AUC (binary tasks) or RMSE and R2 (regressions), per task and per cell, on the console.

    python benches/peers/torch_mmoe.py FRAME --keys household_id,product_id --regressions spend

Inputs: embeddings of categoricals, the scenario among them; numbers after sign(x) log(1 + |x|), standardised on the training rows, each
with an indicator of missing. Experts, towers and their widths are those of polytask's defaults; Adam, mini-batches, dropout; early stopping
on the mean validation loss of the tasks. `--most-values 50` leaves out categoricals with more values than that (memorised ids go stale).
`--refit` also learns once more from train, gap and valid, with the number of passes that was chosen, as polytask does.
"""

import argparse
import copy
import time
from pathlib import Path

import numpy
import torch
from torch import nn
from torch.nn import functional as F

from lightgbm_tasks import AREAS, features_of, names, read, report


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frame", type=Path)
    parser.add_argument("--keys", default="household_id,product_id")
    parser.add_argument("--categorical", default="household_id,product_id,store_id,manufacturer_id")
    parser.add_argument("--regressions", default="spend", help="tasks that are not binary, learned as log(1 + y)")
    parser.add_argument("--without", default="", help="features to leave out")
    parser.add_argument("--most-values", type=int, default=0, help="leave out categoricals with more values; 0 = keep all")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rate", type=float, default=0.001, help="step size of Adam")
    parser.add_argument("--batch", type=int, default=2048)
    parser.add_argument("--epochs", type=int, default=6, help="passes over the rows, at most")
    parser.add_argument("--patience", type=int, default=1, help="passes without a better validation loss after which training stops")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--refit", action="store_true")
    return parser.parse_args()


class Mmoe(nn.Module):
    """Ma et al. (2018), "Modeling task relationships in multi-task learning with multi-gate mixture-of-experts"."""

    def __init__(self, sizes, numbers, tasks, dropout, embedding=8, experts=4, layers=(96, 48), tower=32):
        super().__init__()
        # Row 0 is for missing and unknown values.
        self.embeddings = nn.ModuleList(nn.Embedding(size + 1, embedding) for size in sizes)
        for table in self.embeddings:
            nn.init.normal_(table.weight, std=0.05)
        width = len(sizes) * embedding + numbers
        self.experts = nn.ModuleList(
            nn.Sequential(
                nn.Linear(width, layers[0]), nn.ReLU(), nn.Dropout(dropout), nn.Linear(layers[0], layers[1]), nn.ReLU(), nn.Dropout(dropout)
            )
            for _ in range(experts)
        )
        self.gates = nn.ModuleList(nn.Linear(width, experts) for _ in range(tasks))
        self.towers = nn.ModuleList(nn.Sequential(nn.Linear(layers[1], tower), nn.ReLU(), nn.Linear(tower, 1)) for _ in range(tasks))

    def forward(self, codes, numbers):
        x = torch.cat([table(codes[:, at]) for at, table in enumerate(self.embeddings)] + [numbers], dim=1)
        hidden = torch.stack([expert(x) for expert in self.experts], dim=1)
        mixed = [(torch.softmax(gate(x), dim=1).unsqueeze(2) * hidden).sum(1) for gate in self.gates]
        return torch.cat([tower(m) for tower, m in zip(self.towers, mixed)], dim=1)


def inputs(features, categories, split):
    """Codes (0 = missing or unknown) and standardised numbers with indicators of missing."""
    codes = torch.from_numpy(numpy.stack([features[name].to_numpy() + 1 for name in categories], axis=1).astype("int64"))
    columns = []
    for name in (name for name in features.columns if name not in categories):
        values = features[name].to_numpy()
        values = numpy.sign(values) * numpy.log1p(numpy.abs(values))
        known = values[split == "train"]
        known = known[~numpy.isnan(known)]
        missing = numpy.isnan(values)
        if known.size and known.std() > 0:
            columns.append(numpy.where(missing, 0, (values - known.mean()) / known.std()).astype("float32"))
        if missing.any():
            columns.append(missing.astype("float32"))
    return codes, torch.from_numpy(numpy.stack(columns, axis=1))


def targets(table, tasks, regressions, split):
    """Labels as they are learned (NaN = none) and, for regressions, the centre and spread that undo their scale."""
    columns, scales = [], {}
    for task in tasks:
        labels = table[f"y_{task}"].to_pandas().to_numpy(dtype="float64")
        if task in regressions:
            labels = numpy.log1p(labels)
            known = labels[(split == "train") & ~numpy.isnan(labels)]
            scales[task] = (known.mean(), known.std())
            labels = (labels - known.mean()) / known.std()
        columns.append(labels.astype("float32"))
    return torch.from_numpy(numpy.stack(columns, axis=1)), scales


def loss_of(out, labels, regression):
    """Sum over the tasks of the mean loss of the rows that have a label, and each of these means."""
    means = []
    for at, squared in enumerate(regression):
        own = ~torch.isnan(labels[:, at])
        if own.any():
            loss = F.mse_loss if squared else F.binary_cross_entropy_with_logits
            means.append(loss(out[own, at], labels[own, at]) * (0.5 if squared else 1.0))
    return torch.stack(means).sum()


def predict(model, data, rows):
    model.eval()
    codes, numbers, _ = data
    with torch.inference_mode():
        return torch.cat([model(codes[part], numbers[part]) for part in rows.split(8192)])


def validation(model, data, rows, regression):
    out, labels = predict(model, data, rows), data[2][rows]
    return loss_of(out, labels, regression).item()


def train(model, data, rows, regression, options, passes, valid=None):
    """Trains for `passes` passes, or until `valid` says stop; gives the model of the best pass and their number."""
    codes, numbers, labels = data
    optimizer = torch.optim.Adam(model.parameters(), lr=options.rate)
    shuffled = torch.Generator().manual_seed(options.seed)
    best = None
    for done in range(1, passes + 1):
        model.train()
        for part in rows[torch.randperm(len(rows), generator=shuffled)].split(options.batch):
            optimizer.zero_grad(set_to_none=True)
            loss_of(model(codes[part], numbers[part]), labels[part], regression).backward()
            optimizer.step()
        if valid is None:
            continue
        loss = validation(model, data, valid, regression)
        print(f"pass {done}: validation loss {loss:.5f}", flush=True)
        if best is None or loss < best[0]:
            best = (loss, done, copy.deepcopy(model.state_dict()))
        elif done - best[1] >= options.patience:
            break
    if best is not None:
        model.load_state_dict(best[2])
    return passes if best is None else best[1]


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    table = read(options.frame)
    features, categories, split = features_of(table, options)
    tasks = [name.removeprefix("y_") for name in table.column_names if name.startswith("y_")]
    regression = [task in names(options.regressions) for task in tasks]
    codes, numbers = inputs(features, categories, split)
    labels, scales = targets(table, tasks, names(options.regressions), split)
    data = (codes, numbers, labels)
    taught = ~torch.isnan(labels).all(dim=1).numpy()
    rows = {part: torch.from_numpy(numpy.flatnonzero(taught & (split == part))) for part in ("train", "gap", "valid", "holdout")}
    sizes = [int(codes[:, at].max()) for at in range(codes.shape[1])]
    print(f"{len(features)} rows, {features.shape[1]} features, {len(categories)} of them categorical, {numbers.shape[1]} numbers")

    def fresh():
        torch.manual_seed(options.seed)
        return Mmoe(sizes, numbers.shape[1], len(tasks), options.dropout)

    def measure(title, model):
        held = rows["holdout"]
        out = predict(model, data, held).double().numpy()
        scenario = table["scenario"].to_pandas().to_numpy()[held.numpy()]
        for at, task in enumerate(tasks):
            truth = table[f"y_{task}"].to_pandas().to_numpy(dtype="float64")[held.numpy()]
            own = ~numpy.isnan(truth)
            predicted = out[own, at]
            if task in scales:
                centre, spread = scales[task]
                predicted = numpy.expm1(predicted * spread + centre)
            report(f"{task}  {title}", truth[own], predicted, scenario[own], task in scales)

    began = time.monotonic()
    model = fresh()
    passes = train(model, data, rows["train"], regression, options, options.epochs, rows["valid"])
    print(f"{passes} passes, {time.monotonic() - began:.1f} s")
    measure("train", model)
    if options.refit:
        model = fresh()
        train(model, data, torch.cat([rows["train"], rows["gap"], rows["valid"]]), regression, options, passes)
        measure("refit", model)
    for title, areas in AREAS.items():
        areas = [area for area in areas if area is not None]
        print(f"mean AUC over {len(areas)} binary cells, {title}: {numpy.mean(areas):.5f}")


if __name__ == "__main__":
    main()
