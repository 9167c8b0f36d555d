"""Throughput of an MMoE in PyTorch, as it is usually published and tuned, in the settings of benches/net_training.rs.

    python benches/peers/torch_training.py [--threads 2] [big] [big-512] [small]

published: one nn.Embedding a field, one nn.Sequential an expert, Adam() over everything.
tuned: the experts' first layers and all gates in one product, their second layers in one batched product, SparseAdam for the
embeddings (one table for all fields) and Adam(fused=True) for the rest; with --compile also through torch.compile.

Prints thousands of rows a second (wall time) of the median of five passes, for training and scoring.
"""

import argparse
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

ROWS = 1 << 18
PASSES = 5
TASKS = 3
NUMBERS = 16
SETTINGS = {
    "big": dict(fields=16, embedding=16, experts=4, layers=(128, 64), batch=2048),
    "big-512": dict(fields=16, embedding=16, experts=4, layers=(128, 64), batch=512),
    "small": dict(fields=8, embedding=8, experts=2, layers=(64, 32), batch=2048),
}


def entries(setting):
    n = setting["fields"]
    return [round(10 * 20_000 ** (i / (n - 1))) for i in range(n)]


def data(setting):
    g = torch.Generator().manual_seed(1)
    ids = torch.stack([(torch.rand(ROWS, generator=g) ** 3 * e).long().clamp(max=e - 1) for e in entries(setting)], dim=1)
    numbers = torch.randn(ROWS, NUMBERS, generator=g)
    labels = (torch.rand(ROWS, TASKS, generator=g) < 0.2).float()
    return ids, numbers, labels


class Published(nn.Module):
    def __init__(self, setting):
        super().__init__()
        first, second = setting["layers"]
        self.embeddings = nn.ModuleList(nn.Embedding(e, setting["embedding"]) for e in entries(setting))
        width = setting["fields"] * setting["embedding"] + NUMBERS
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(width, first), nn.ReLU(), nn.Linear(first, second), nn.ReLU()) for _ in range(setting["experts"])
        )
        self.gates = nn.ModuleList(nn.Linear(width, setting["experts"]) for _ in range(TASKS))
        self.towers = nn.ModuleList(nn.Sequential(nn.Linear(second, 32), nn.ReLU(), nn.Linear(32, 1)) for _ in range(TASKS))

    def forward(self, ids, numbers):
        x = torch.cat([e(ids[:, i]) for i, e in enumerate(self.embeddings)] + [numbers], dim=1)
        experts = torch.stack([expert(x) for expert in self.experts], dim=1)
        mixed = [(torch.softmax(gate(x), dim=1).unsqueeze(2) * experts).sum(1) for gate in self.gates]
        return torch.cat([tower(m) for tower, m in zip(self.towers, mixed)], dim=1)


class Tuned(nn.Module):
    def __init__(self, setting):
        super().__init__()
        first, second = setting["layers"]
        sizes = entries(setting)
        self.n, self.first = setting["experts"], first
        self.embedding = nn.Embedding(sum(sizes), setting["embedding"], sparse=True)
        self.register_buffer("offsets", torch.tensor([0] + sizes[:-1]).cumsum(0))
        width = setting["fields"] * setting["embedding"] + NUMBERS
        self.stacked = nn.Linear(width, self.n * first + TASKS * self.n)
        bound = first**-0.5
        self.w2 = nn.Parameter(torch.empty(self.n, first, second).uniform_(-bound, bound))
        self.b2 = nn.Parameter(torch.zeros(self.n, 1, second))
        bound = second**-0.5
        self.w3 = nn.Parameter(torch.empty(TASKS, second, 32).uniform_(-bound, bound))
        self.b3 = nn.Parameter(torch.zeros(TASKS, 1, 32))
        self.w4 = nn.Parameter(torch.empty(TASKS, 32, 1).uniform_(-0.17, 0.17))
        self.b4 = nn.Parameter(torch.zeros(TASKS, 1, 1))

    def dense(self, embedded, numbers):
        x = torch.cat([embedded.flatten(1), numbers], dim=1)
        both = self.stacked(x)
        hidden = F.relu(both[:, : self.n * self.first]).view(-1, self.n, self.first).transpose(0, 1)
        experts = F.relu(torch.baddbmm(self.b2, hidden, self.w2))
        gates = torch.softmax(both[:, self.n * self.first :].view(-1, TASKS, self.n), dim=2)
        mixed = torch.bmm(gates, experts.transpose(0, 1)).transpose(0, 1)
        return torch.baddbmm(self.b4, F.relu(torch.baddbmm(self.b3, mixed, self.w3)), self.w4).squeeze(2).T

    def forward(self, ids, numbers):
        return self.dense(self.embedding(ids + self.offsets), numbers)


def run(name, model, optimizers, setting, rows):
    ids, numbers, labels = rows
    batch = setting["batch"]
    times = []
    for _ in range(PASSES + 1):
        order = torch.randperm(ROWS)
        begun = time.perf_counter()
        for at in range(0, ROWS, batch):
            picked = order[at : at + batch]
            loss = F.binary_cross_entropy_with_logits(model(ids[picked], numbers[picked]), labels[picked], reduction="none").mean(0).sum()
            for optimizer in optimizers:
                optimizer.zero_grad(set_to_none=True)
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
        times.append(time.perf_counter() - begun)
    training = ROWS / statistics.median(times[1:]) / 1e3
    times = []
    with torch.inference_mode():
        for _ in range(PASSES + 1):
            begun = time.perf_counter()
            for at in range(0, ROWS, 4096):
                torch.sigmoid(model(ids[at : at + 4096], numbers[at : at + 4096]))
            times.append(time.perf_counter() - begun)
    scoring = ROWS / statistics.median(times[1:]) / 1e3
    print(f"{name:20} training {training:8.1f} k rows/s, scoring {scoring:8.1f} k rows/s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="*", default=list(SETTINGS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compile", action="store_true", help="also the tuned model through torch.compile")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    print(f"torch {torch.__version__}, threads {arguments.threads}, {ROWS} rows a pass, median of {PASSES} passes")
    for name in arguments.settings:
        setting = SETTINGS[name]
        rows = data(setting)
        torch.manual_seed(1)
        published = Published(setting)
        run(f"{name} published", published, [torch.optim.Adam(published.parameters())], setting, rows)
        for compiled in [False, True] if arguments.compile else [False]:
            tuned = Tuned(setting)
            sparse = torch.optim.SparseAdam(list(tuned.embedding.parameters()))
            dense = torch.optim.Adam([p for n, p in tuned.named_parameters() if not n.startswith("embedding")], fused=True)
            if compiled:
                tuned.dense = torch.compile(tuned.dense)
            run(f"{name} tuned{' compiled' if compiled else ''}", tuned, [sparse, dense], setting, rows)


if __name__ == "__main__":
    main()
