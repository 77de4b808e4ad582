"""The ten-line service that Tacit is measured beside: FastAPI around the factors of one model.

    FACTORS=factors.npz uvicorn --factory ten_line_peer:create_app

A list is a product of factors, the items of the history set aside, and the ten best. There are no events, no
reasons, no checks.
"""

import os
from typing import Any

import numpy as np
from fastapi import FastAPI


def create_app() -> FastAPI:
    app = FastAPI()
    model = np.load(os.environ["FACTORS"])
    users, items, offsets, seen = (model[name] for name in ("users", "items", "offsets", "seen"))
    row_of = {name: row for row, name in enumerate(model["user_ids"].tolist())}
    ids = model["item_ids"].tolist()

    @app.get("/v1/users/{user_id}/recommendations")
    def recommend(user_id: str, k: int = 10) -> list[dict[str, Any]]:
        row = row_of[user_id]
        scores = items @ users[row]
        scores[seen[offsets[row] : offsets[row + 1]]] = -np.inf
        best = np.argpartition(-scores, k)[:k]
        best = best[np.argsort(-scores[best])]
        return [{"item_id": ids[item], "score": float(scores[item])} for item in best]

    return app
