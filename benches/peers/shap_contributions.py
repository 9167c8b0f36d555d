"""SHAP's GradientExplainer on a PyTorch MMoE of the shape of a published network, against benches/contributions.rs.

    python benches/peers/shap_contributions.py data/complete_journey/runs/<run>/model [--rows 200] [--threads 2]

The network of model.json in PyTorch (random weights: the time does not depend on them): 4 experts and gates over the same input
columns, a tower a task. Ids cannot be explained by gradients, so that the explainer sees the columns that embeddings yield, as is
usual; its contributions are then summed by field. Settings are SHAP's defaults: 200 samples a row, here over 100 background rows.

Prints seconds for the rows given, the same for 10,000 rows (the work is linear in the rows), and the largest gap between
base + sum of contributions and the raw output as a share of its spread.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import shap
import torch
from torch import nn


class Mmoe(nn.Module):
    def __init__(self, width, experts, layers, tower, tasks):
        super().__init__()
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(width, layers[0]), nn.ReLU(), nn.Linear(layers[0], layers[1]), nn.ReLU()) for _ in range(experts)
        )
        self.gates = nn.ModuleList(nn.Linear(width, experts) for _ in range(tasks))
        self.towers = nn.ModuleList(nn.Sequential(nn.Linear(layers[1], tower), nn.ReLU(), nn.Linear(tower, 1)) for _ in range(tasks))

    def forward(self, x):
        experts = torch.stack([expert(x) for expert in self.experts], dim=1)
        mixed = [(torch.softmax(gate(x), dim=1).unsqueeze(2) * experts).sum(1) for gate in self.gates]
        return torch.cat([tower(own) for tower, own in zip(self.towers, mixed)], dim=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(1)
    saved = json.loads((given.model / "model.json").read_text())
    form, fields = saved["of"]["settings"], saved["shape"]["fields"]
    wide = {"categorical": form["embedding"], "text": form["embedding"], "numeric": form["numeric_embedding"]}
    widths = [wide.get(field["kind"]["type"], field["kind"].get("width", 1)) for field in fields]
    tasks = len(saved["shape"]["tasks"])
    model = Mmoe(sum(widths), form["experts"], form["expert_layers"], form["tower_layers"][0], tasks).eval()
    background, rows = torch.randn(100, sum(widths)), torch.randn(given.rows, sum(widths))
    explainer = shap.GradientExplainer(model, background)
    explainer.shap_values(rows[:2])
    begun = time.perf_counter()
    values = np.asarray(explainer.shap_values(rows))
    seconds = time.perf_counter() - begun
    by_field = np.add.reduceat(values, np.cumsum([0] + widths[:-1]), axis=1)
    with torch.no_grad():
        raw, base = model(rows).numpy(), model(background).mean(0).numpy()
    gap = np.abs(base + by_field.sum(1) - raw).max(0) / raw.std(0)
    print(f"{given.rows} rows, {len(widths)} fields in {sum(widths)} columns, {tasks} tasks, {given.threads} threads: {seconds:.2f} s")
    print(f"10,000 rows: {seconds * 10_000 / given.rows:.0f} s; largest residual / spread by task: " + ", ".join(f"{own:.2f}" for own in gap))


if __name__ == "__main__":
    main()
