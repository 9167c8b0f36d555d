"""The same figures on the same rows as benches/intervals.rs, resampled with scikit-learn and NumPy.

    python benches/peers/sklearn_intervals.py [--resamples 2] [--careful] [--figures] [--compare FIGURES]

Draws the rows by the formula of benches/intervals.rs, times N resamples of every cell and total, and extrapolates to 1,000 in
proportion (each resample does the same work). scikit-learn takes the counts of the entities as `sample_weight`. `--careful`
does what a careful NumPy programme would: rows sorted once, ranks by cumulated sums, the rest by sums per entity. Figures per
entity (gauc, ndcg_at_k, ...) are left out here, which favours Python. `--compare`: output of
`cargo bench --bench intervals -- --figures`; largest difference of the figures both have.
"""

import argparse
import time

import numpy as np
from sklearn import metrics as m

ROWS, SCENARIOS, BINS = 480_000, 4, 10
RATES = [0.3, 0.1, 0.03]
TASKS = [("click", 0.3), ("cart", 0.1), ("purchase", 0.03), ("spend", None)]


def unit(row, salt):
    with np.errstate(over="ignore"):
        z = (row * np.uint64(16) + np.uint64(salt + 1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)).astype(float) / float(1 << 53)


def night():
    row = np.arange(ROWS, dtype=np.uint64)
    seen, taste = 0.5 + unit(row, 1), 0.25 + 1.5 * unit(row // np.uint64(8), 2)
    labels = [(unit(row, 6 + task) < RATES[task] * seen * taste).astype(float) for task in range(3)]
    said = [RATES[task] * seen * (0.5 + unit(row, 3 + task)) for task in range(3)]
    labels.append(labels[2] * (100.0 + np.floor(9900.0 * unit(row, 9))))
    said.append(said[2] * 5000.0)
    return (row // np.uint64(8)).astype(int), (row % np.uint64(SCENARIOS)).astype(int), labels, said


def in_order(p, *values):
    order = np.argsort(-p, kind="stable")
    return [p[order], *(value[order] for value in values)]


def ece(y, p, w):
    p, y, w = in_order(p, y, w)
    before = np.cumsum(w) - w
    bins = np.minimum(np.floor(before * BINS / w.sum() + 1e-9), BINS - 1).astype(int)
    return np.abs(np.bincount(bins, w * (p - y), BINS)).sum() / w.sum()


def lift(y, p, w):
    p, y, w = in_order(p, y, w)
    inside = np.clip(w.sum() / 10 - (np.cumsum(w) - w), 0, w)
    return 10 * (inside * y).sum() / (w * y).sum()


def lorenz(y, by, w):
    by, y, w = in_order(by, y, w)
    ends = np.append(np.flatnonzero(np.diff(by)), len(by) - 1)
    shares, mass = np.append(0, np.cumsum(w * y)[ends]), np.append(0, np.cumsum(w)[ends])
    return 2 * m.auc(mass / mass[-1], shares / shares[-1]) - 1


def binary(y, p, w, threshold):
    said = p >= threshold
    base = np.average(y, weights=w)
    return {
        "base_rate": base,
        "auc": m.roc_auc_score(y, p, sample_weight=w),
        "pr_auc": m.average_precision_score(y, p, sample_weight=w),
        "log_loss": m.log_loss(y, p, sample_weight=w),
        "base_log_loss": m.log_loss(y, np.full(len(y), base), sample_weight=w),
        "brier": m.brier_score_loss(y, p, sample_weight=w),
        "ece": ece(y, p, w),
        "predicted_observed": (w * p).sum() / (w * y).sum(),
        "lift": lift(y, p, w),
        "accuracy": m.accuracy_score(y, said, sample_weight=w),
        "precision": m.precision_score(y, said, sample_weight=w),
        "recall": m.recall_score(y, said, sample_weight=w),
        "f1": m.f1_score(y, said, sample_weight=w),
    }


def amounts(y, p, w, _):
    mean = np.average(y, weights=w)
    return {
        "base_rate": mean,
        "rmse": m.root_mean_squared_error(y, p, sample_weight=w),
        "base_rmse": m.root_mean_squared_error(y, np.full(len(y), mean), sample_weight=w),
        "mae": m.mean_absolute_error(y, p, sample_weight=w),
        "r2": m.r2_score(y, p, sample_weight=w),
        "predicted_observed": (w * p).sum() / (w * y).sum(),
        "gini": lorenz(y, p, w) / lorenz(y, y, w),
        "lift": lift(y, p, w),
    }


class Careful:
    """A cell whose rows are sorted once and whose sums are added up by entity once."""

    def __init__(self, y, p, entity, threshold, entities):
        self.kind = "amounts" if threshold is None else "binary"
        order = np.argsort(-p, kind="stable")
        self.p, self.y, self.entity = p[order], y[order], entity[order]
        self.best, self.best_entity = np.sort(y)[::-1], entity[np.argsort(-y, kind="stable")]
        if self.kind == "binary":
            loss = -(y * np.log(p) + (1 - y) * np.log(1 - p))
            said = p >= threshold
            terms = [np.ones(len(y)), y, loss, (p - y) ** 2, p, said & (y > 0), said & (y == 0)]
        else:
            terms = [np.ones(len(y)), y - y.mean(), (y - y.mean()) ** 2, p, (p - y) ** 2, np.abs(p - y)]
        self.sums = np.stack([np.bincount(entity, term, entities) for term in terms])

    def resample(self, counts):
        total = self.sums @ counts
        w = counts[self.entity]
        taken = np.cumsum(w)
        hits = np.cumsum(w * self.y)
        rows, labels = taken[-1], hits[-1]
        area = (w * self.y * (2 * taken - w)).sum()
        inside = np.clip(rows / 10 - (taken - w), 0, w)
        captured = (inside * self.y).sum()
        if self.kind == "binary":
            above = (self.y > 0) & (w > 0)
            precision = (w[above] * hits[above] / taken[above]).sum()
            bins = np.minimum((taken - w) * BINS // rows, BINS - 1).astype(int)
            gaps = np.abs(np.bincount(bins, w * (self.p - self.y), BINS)).sum()
            return [total, area, captured, precision, gaps]
        w = counts[self.best_entity]
        taken = np.cumsum(w)
        return [total, area, captured, (w * self.best * (2 * taken - w)).sum()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resamples", type=int, default=2)
    parser.add_argument("--careful", action="store_true")
    parser.add_argument("--figures", action="store_true")
    parser.add_argument("--compare")
    options = parser.parse_args()
    entity, scenario, labels, said = night()
    cells = []
    for name in ["*", *(f"s{at}" for at in range(SCENARIOS))]:
        rows = slice(None) if name == "*" else scenario == int(name[1:])
        for at, (task, threshold) in enumerate(TASKS):
            cells.append((name, task, threshold, labels[at][rows], said[at][rows], entity[rows]))
    figures = {}
    if options.figures or options.compare:
        for name, task, threshold, y, p, _ in cells:
            own = (amounts if threshold is None else binary)(y, p, np.ones(len(y)), threshold)
            figures.update({(name, task, metric): value for metric, value in own.items()})
    if options.figures:
        for key, value in figures.items():
            print(*key, repr(float(value)), sep="\t")
    if options.compare:
        worst, compared = (0.0, None), 0
        for line in open(options.compare):
            parts = line.rstrip("\n").split("\t")
            if len(parts) == 6 and tuple(parts[:3]) in figures and parts[3].startswith("Some("):
                value, stated = figures[tuple(parts[:3])], float(parts[3][5:-1])
                worst = max(worst, (abs(value - stated) / max(abs(value), 1.0), parts[:3]), key=lambda own: own[0])
                compared += 1
        print(f"{compared} figures compared, largest difference {worst[0]:.1e} ({worst[1]})")
    random = np.random.default_rng(1)
    entities = entity.max() + 1
    if options.careful:
        cells = [Careful(y, p, own, threshold, entities) for _, _, threshold, y, p, own in cells]
    begun, worked = time.perf_counter(), time.process_time()
    for _ in range(options.resamples):
        counts = np.bincount(random.integers(0, entities, entities), minlength=entities).astype(float)
        for cell in cells:
            if options.careful:
                cell.resample(counts)
                continue
            _, _, threshold, y, p, own = cell
            w = counts[own]
            (amounts if threshold is None else binary)(y, p, w, threshold)
    seconds, worked = time.perf_counter() - begun, time.process_time() - worked
    each, work = seconds / max(options.resamples, 1), worked / max(options.resamples, 1)
    print(f"{options.resamples} resamples: {seconds:.2f} s; 1,000 would take {each * 1000:.0f} s, {work * 1000:.0f} s of processor time (extrapolated)")


if __name__ == "__main__":
    main()
