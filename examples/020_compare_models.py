"""What beats the simple answers on a log? Cut it in time, fit on the past, ask about the future."""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import tacit
from tacit.data.read import read_items
from tacit.data.shop import generate
from tacit.engine.train import encoded
from tacit.evaluation.evaluate import evaluate_all
from tacit.evaluation.leaderboard import leaderboard
from tacit.evaluation.split import make_split
from tacit.pipeline.zoo import SIMPLE, models

folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp())
generate(users=150, items=130, events=3_500).write(folder)  # your files go here instead

log = tacit.read(folder / "events.csv")
split = make_split(log.events, read_items(folder / "items.jsonl"), share=0.2)
split = replace(split, catalogue=encoded(split.catalogue, "tfidf")[1])  # "auto" takes the language model
print(f"{len(split.train):,} events to learn from, {len(split.queries):,} users asked about")

config = tacit.Config(windows=2, ranker=None)  # what "blend" and "tacit" are made of
makers = models(config)
names = ("popular", "trending", "itemknn", "ease", "content", "blend")
outcomes = evaluate_all({name: makers[name] for name in names}, split)

report = leaderboard(outcomes, split, simple=SIMPLE)
for row in report["models"]:
    if row["slice"] == "all":
        ndcg = row["metrics"]["ndcg@10"]
        print(f"{row['name']:<10} NDCG@10 {ndcg['value']:.4f} [{ndcg['low']:.4f}, {ndcg['high']:.4f}]")
print(report["conclusion"])
