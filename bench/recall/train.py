#!/usr/bin/env python3
"""Fits the weights of memory/ranker_weights.inc and memory/relevance_weights.inc.

    bench/recall/make_conversations.py --conversations 6 --seed 1 > train.json
    build/mnema bench memory --locomo train.json --features train.jsonl
    bench/recall/train.py train.jsonl --ranker memory/ranker_weights.inc --relevance memory/relevance_weights.inc
    bench/recall/train.py other.jsonl --evaluate memory/ranker_weights.inc

The features are those that recall itself computes, so there is one definition of them. The ranker is linear; its loss is
-log of the evidence's share in a softmax over the candidates of a question. The relevance is
a logistic regression that tells the best candidate of a question about its own conversation from that of one about
somebody else's. Needs numpy. Deterministic.

Conversations out of scripts differ from real ones: their turns are shorter, and their questions have other words. So the
fit starts from weights that were set by hand, and decays to them instead of to zero: it corrects what one would expect,
and what is written lies half-way.
"""
import argparse
import json
import re
from pathlib import Path

import numpy as np

WEIGHTS = Path(__file__).parent / "../../memory/ranker_weights.inc"  # says the order of the features
PRIOR = {"cosine": 7, "bm25 share": 4, "cover around": 3, "cover before": 1, "thread best 3": 0.4, "thread best": 0.1,
         "cosine 1 after": 2, "cosine 2 after": 1, "cosine 1 before": 1, "cosine 2 before": 0.5,
         "share 1 before": 0.8, "share 1 after": 0.8, "share 2 before": 0.4, "share 2 after": 0.4, "speaker": 1.2,
         "date": 1.5, "tells time": 0.6, "tells number": 0.5, "asks": -0.8, "answers": 0.3, "log words": 0.5,
         "few words": -0.6, "log rank": 0.3, "tokens": 4, "tokens around": 3}
DECAY = 0.4
TRUST = 0.5  # in the fit: so far from the weights set by hand the written ones lie
STEPS = 400
RATE = 0.03


def read(path, names):
    questions, gates = [], []
    for line in open(path):
        question = json.loads(line)
        if "foreign" in question:
            gates.append((question["foreign"], question["cosine"], question["words_share"]))
            continue
        candidates = question["candidates"]
        if not candidates:
            continue
        values = np.array([[c["features"].get(name, np.nan) for name in names] for c in candidates], np.float64)
        evidence = np.array([c["evidence"] for c in candidates], np.float64)
        questions.append((values, evidence, question["evidence"], question["category"]))
    return questions, gates


def fit(questions, names):
    questions = [q for q in questions if q[1].sum() > 0]
    values = np.concatenate([q[0] for q in questions])
    mean, spread = np.nanmean(values, 0), np.nanstd(values, 0) + 1e-6
    scaled = np.nan_to_num((values - mean) / spread)
    lengths = np.array([len(q[0]) for q in questions])
    starts = np.r_[0, np.cumsum(lengths)[:-1]]
    segment = np.repeat(np.arange(len(lengths)), lengths)
    evidence = np.concatenate([q[1] for q in questions])
    target = evidence / np.add.reduceat(evidence, starts)[segment]
    prior = np.array([PRIOR.get(name, 0.0) for name in names]) * spread
    weights = prior.copy()
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, STEPS + 1):  # Adam (Kingma and Ba, 2015)
        scores = scaled @ weights
        powers = np.exp(scores - np.maximum.reduceat(scores, starts)[segment])
        shares = powers / np.add.reduceat(powers, starts)[segment]
        slope = scaled.T @ (shares - target) / len(lengths) + DECAY * (weights - prior)
        first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope * slope
        weights -= RATE * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    return mean, (prior + TRUST * (weights - prior)) / spread


def evaluate(questions, mean, weights):
    shares, kinds = [], {}
    for values, evidence, wanted, category in questions:
        order = np.argsort(-(np.nan_to_num(values - mean) @ weights), kind="stable")
        found = [evidence[order[:k]].sum() / wanted for k in (5, 10, 25)]
        shares.append(found)
        kinds.setdefault(category, []).append(found)
    print("all", len(shares), np.round(np.mean(shares, 0), 3))
    for kind, found in sorted(kinds.items()):
        print(" ", kind, len(found), np.round(np.mean(found, 0), 3))


def fit_relevance(gates):
    """Newton's method on a balanced logistic regression; weights per unit."""
    foreign = np.array([g[0] for g in gates], bool)
    inputs = np.array([[g[1], g[2], 1] for g in gates], np.float64)
    balance = np.where(foreign, 0.5 / foreign.mean(), 0.5 / (1 - foreign.mean()))
    weights = np.zeros(3)
    for _ in range(30):
        chance = 1 / (1 + np.exp(-inputs @ weights))
        slope = inputs.T @ (balance * (chance - ~foreign)) + 1e-2 * weights * [1, 1, 0] * len(gates) / 100
        curve = (inputs * (balance * chance * (1 - chance))[:, None]).T @ inputs + 1e-6 * np.eye(3)
        weights -= np.linalg.solve(curve, slope)
    return weights


def report_gate(gates, weights, cut):
    foreign = np.array([g[0] for g in gates], bool)
    chance = 1 / (1 + np.exp(-np.array([[g[1], g[2], 1] for g in gates]) @ weights))
    print(f"cut {cut}: own refused {np.mean(chance[~foreign] < cut):.3f}, foreign {np.mean(chance[foreign] < cut):.3f}")
    at = np.quantile(chance[~foreign], 0.01)
    print(f"at 1 % of one's own ({at:.3f}): foreign {np.mean(chance[foreign] < at):.3f}")


def read_weights(path):
    found = re.findall(r'\{"([^"]+)", ([-\d.e]+), ([-\d.e]+)\}', open(path).read())
    return {name: (float(mean), float(weight)) for name, mean, weight in found}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("features", nargs="+", help="JSON lines of `mnema bench memory --features`")
    arguments.add_argument("--ranker", help="file to write the ranker's weights to")
    arguments.add_argument("--relevance", help="file to write the calibration to")
    arguments.add_argument("--embedder", default="all-minilm-l6-v2/mean/2")
    arguments.add_argument("--cut", type=float, default=0.30)
    arguments.add_argument("--evaluate", help="weights to measure instead of fitting")
    given = arguments.parse_args()
    questions, gates = [], []
    names = list(read_weights(WEIGHTS))
    for path in given.features:
        more, gates_here = read(path, names)
        questions += more
        gates += gates_here
    if given.evaluate:
        known = read_weights(given.evaluate)
        mean = np.array([known[name][0] for name in names])
        weights = np.array([known[name][1] for name in names])
    else:
        mean, weights = fit(questions, names)
    evaluate(questions, mean, weights)
    if len({foreign for foreign, _, _ in gates}) == 2:  # of one conversation alone, no question is foreign
        relevance = fit_relevance(gates)
        report_gate(gates, relevance, given.cut)
        # The logistic is moved so that the cut refuses one in two hundred of one's own questions.
        own = np.array([[g[1], g[2], 1] for g in gates if not g[0]]) @ relevance
        relevance[2] += np.log(given.cut / (1 - given.cut)) - np.quantile(own, 0.005)
        report_gate(gates, relevance, given.cut)
        if given.relevance:
            line = (f'Calibration{{"{given.embedder}", EntryKind::kEpisode, {relevance[0]:.3f}, {relevance[1]:.3f}, '
                    f"{relevance[2]:.3f}}},\n")
            others = [old for old in open(given.relevance) if line[:line.index("kEpisode") + 8] not in old]
            open(given.relevance, "w").write("".join(others) + line)
    if given.ranker:
        with open(given.ranker, "w") as file:
            file.write("// Made by bench/recall/train.py: name, mean, weight. In the order of RankFeature.\n")
            for name, average, weight in zip(names, mean, weights):
                file.write(f'{{"{name}", {average:.5f}, {weight:.5f}}},\n')


if __name__ == "__main__":
    main()
