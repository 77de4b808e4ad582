"""What beats the simple answers on a log? Cut it in time, fit on the past, ask about the future."""

import sys
import tempfile
from pathlib import Path

import tacit
from tacit.data.shop import generate

folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp())
generate(users=150, items=130, events=3_500).write(folder)  # your files go here instead

log = tacit.read(folder / "events.csv")
for line in tacit.check(log, folder / "items.jsonl").advice:
    print("-", line)

reported = tacit.evaluate(
    log,
    folder / "items.jsonl",
    share=0.2,
    models=["popular", "trending", "itemknn", "ease", "content", "blend"],
    # What "blend" and "tacit" are made of; without an encoder named, the language model reads the texts.
    config=tacit.Config(windows=2, ranker=None, encoder="tfidf"),
)
print(reported.table().select("model", "ndcg@10", "low", "high", "difference", "ms_per_list"))
print(reported.table("new-user").select("model", "ndcg@10", "low", "high"))
print(reported.conclusion)
(folder / "evaluation.html").write_text(reported.html(), "utf-8")
