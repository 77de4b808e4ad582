"""A service and a client: a list, an event, the next list; a new item that is known at once."""

import subprocess
import sys
import tempfile
from pathlib import Path

import httpx

import tacit
from tacit.data.shop import generate

folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp())
generate(users=150, items=130, events=3_500).write(folder)  # your files go here instead

config = tacit.Config(encoder="tfidf", ranker=None, windows=1)  # quick; the default takes a language model
tacit.fit(folder / "events.csv", folder / "items.jsonl", config=config).save(folder / "model")

# `tacit serve MODEL` in a shell does the same; port 0 takes a free one, which the ready line names.
serve = [sys.executable, "-c", "from tacit.cli import main; main()", "serve", str(folder / "model")]
with subprocess.Popen([*serve, "--port", "0"], stdout=subprocess.PIPE, text=True) as service:
    try:
        assert service.stdout  # the pipe asked for above
        address = service.stdout.readline().split()[-1]
        with httpx.Client(base_url=address, timeout=30) as client:

            def titles_for(user: str) -> list[str]:
                answer = client.get(f"/v1/users/{user}/recommendations", params={"k": 3}).raise_for_status()
                return [item["title"] for item in answer.json()["items"]]

            print("before:", titles_for("visitor-1"))
            event = {"user_id": "visitor-1", "item_id": "i00007", "event": "view"}
            print("stored:", client.post("/v1/events", json={"events": [event]}).json())
            print("after: ", titles_for("visitor-1"))

            session = {"items": ["i00007", "i00012"], "k": 3}
            answer = client.post("/v1/sessions/recommendations", json=session).json()
            print("session:", [item["item_id"] for item in answer["items"]])

            new = {"title": "Trail running shoes", "description": "Light, for muddy paths"}
            client.put("/v1/items/new-1", json=new).raise_for_status()
            similar = client.get("/v1/items/new-1/similar", params={"k": 3}).json()
            print("like the new item:", [item["title"] for item in similar["items"]])
    finally:
        service.terminate()
