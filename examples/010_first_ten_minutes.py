"""From files to recommendations: a generated shop, one fit, three questions."""

import sys
import tempfile
from pathlib import Path

import tacit
from tacit.data.shop import generate

folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp())
generate(users=150, items=130, events=3_500).write(folder)  # your files go here instead

log = tacit.read(folder / "events.csv")
print(f"{log.rows_in:,} rows, {len(log.events):,} kept; rejected rows: {log.reasons}")

model = tacit.fit(log, folder / "items.jsonl")
for item in model.recommend("u00012", k=3):
    print(item.item_id, item.title, item.reasons)
for item in model.recommend(history=["i00001", "i00002"], k=3):
    print(item.item_id, item.title, item.reasons)

model.save(folder / "model")
again = tacit.load(folder / "model")
assert again.recommend("u00012", k=3) == model.recommend("u00012", k=3)
print(again.batch(k=5).head(3))
