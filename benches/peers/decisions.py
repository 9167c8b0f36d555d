"""The same decisions as benches/decisions.rs, by HiGHS (scipy's `milp`) and by scikit-learn's k-means.

    python benches/peers/decisions.py [--candidates 100000] [--users 1000000] [--seconds 600] [--threads N]

Draws placement and users by the formulas of benches/decisions.rs. HiGHS stops at a relative gap of 0.1 % or after `--seconds`, and
tells its own bound. k-means has the same number of clusters on the same standardised columns, from one beginning and from eight:
polytask begins eight times too, on a sample.
"""

import argparse
import os
import time

parser = argparse.ArgumentParser()
parser.add_argument("--candidates", type=int, default=100_000)
parser.add_argument("--users", type=int, default=1_000_000)
parser.add_argument("--seconds", type=float, default=600)
parser.add_argument("--threads", type=int, default=0)
arguments = parser.parse_args()
if arguments.threads:
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)

import numpy as np  # noqa: E402
from scipy.optimize import Bounds, LinearConstraint, milp  # noqa: E402
from scipy.sparse import coo_array  # noqa: E402
from sklearn.cluster import KMeans  # noqa: E402

PLACES, BUDGETS, EACH, COLUMNS, KINDS = 4, 50, 5, 20, 8


def unit(row, salt):
    row, salt = np.asarray(row, dtype=np.uint64), np.asarray(salt, dtype=np.uint64)
    with np.errstate(over="ignore"):
        z = (row * np.uint64(64) + salt + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)).astype(float) / float(1 << 53)


def placement(candidates):
    each = candidates / BUDGETS
    row = np.arange(candidates)
    budget = (unit(row, 1) * BUDGETS).astype(int)
    price = 0.2 + 1.8 * unit(row, 2)
    base = unit(row, 3) * unit(row, 3) * price
    place = np.arange(PLACES)
    value = base[:, None] * (0.3 + 1.4 * unit(row[:, None], 4 + place)) * (1 + 0.2 * place)
    option = np.arange(candidates * PLACES).reshape(candidates, PLACES)
    users = -(-candidates // EACH)

    def rows(of, amount, count):
        at, data = np.broadcast_to(of, option.shape).ravel(), np.broadcast_to(amount, option.shape).ravel()
        return coo_array((data, (at, option.ravel())), shape=(count, option.size)).tocsc()

    most = each * (0.1 + 0.3 * unit(np.arange(BUDGETS), 60))
    limits = [
        LinearConstraint(rows(budget[:, None], price[:, None], BUDGETS), each * 0.02, most),
        LinearConstraint(rows(place, 1.0, PLACES), -np.inf, np.floor(candidates * 0.04 * (1 + place))),
        LinearConstraint(rows(row[:, None] // EACH, 1.0, users), -np.inf, 3.0),
        LinearConstraint(rows(row[:, None], 1.0, candidates), -np.inf, 1.0),
    ]
    return value.ravel(), limits


value, limits = placement(arguments.candidates)
begun = time.perf_counter()
options = {"time_limit": arguments.seconds, "mip_rel_gap": 1e-3}
found = milp(-value, constraints=limits, integrality=np.ones_like(value), bounds=Bounds(0, 1), options=options)
told = "no placement" if found.x is None else f"value {-found.fun:.3f}, bound {-found.mip_dual_bound:.3f}, gap {found.mip_gap:.5f}"
print(f"HiGHS: {arguments.candidates} candidates x {PLACES} places: {time.perf_counter() - begun:.2f} s; {told}")

row = np.arange(arguments.users)[:, None]
column = np.arange(COLUMNS)
bell = unit(row, 2 * column) + unit(row, 2 * column + 1) - 1
users = (4 * unit((row % KINDS) * COLUMNS + column, 61) - 2) + 2 * bell
users = (users - users.mean(axis=0)) / users.std(axis=0)
for beginnings in (1, 8):
    begun = time.perf_counter()
    model = KMeans(n_clusters=KINDS, n_init=beginnings, random_state=7).fit(users)
    seconds, width = time.perf_counter() - begun, model.inertia_ / len(users)
    what = f"{len(users)} users x {COLUMNS} columns, {KINDS} clusters, {beginnings} beginning(s)"
    print(f"scikit-learn: {what}: {seconds:.2f} s; mean squared distance {width:.5f}")
