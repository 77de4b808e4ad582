"""Plain arrays say what PyTorch says, whatever the shapes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.features.feature_columns import Column, buckets_of
from tacit.rankers.cnn import CNN
from tacit.rankers.dcn import DCN
from tacit.rankers.layers import joint
from tacit.rankers.linear import Linear
from tacit.rankers.mlp import MLP
from tacit.rankers.neural import NeuralRanker

WIDTHS = st.lists(st.integers(1, 9), max_size=3)


@st.composite
def columns(draw: st.DrawFn) -> list[Column]:
    """Any mixture of plain features, vectors of one or two families, and last events."""
    built = [
        Column(f"plain{n}", "history", draw(st.sampled_from(["user", "item", "pair"]))) for n in range(3)
    ]
    for family in draw(st.lists(st.sampled_from(["text", "collaborative"]), unique=True)):
        size = draw(st.integers(1, 19))
        built += [Column(f"{side}_{d}", family, side) for side in ("user", "item") for d in range(size)]
    events, size = draw(st.integers(0, 6)), draw(st.integers(1, 9))
    built += [Column(f"recent{k}_{d}", "sequence", "user") for k in range(events) for d in range(size)]
    built += [Column(f"cross{k}", "crosses", "bucket") for k in range(draw(st.integers(0, 3)))]
    return draw(st.permutations(built))


@st.composite
def rankers(draw: st.DrawFn) -> NeuralRanker:
    tasks = {f"task{n}": n + 1.0 for n in range(draw(st.integers(0, 3)))}
    hidden = draw(WIDTHS)
    return draw(
        st.sampled_from(
            [
                Linear(tasks=tasks),
                MLP(tasks=tasks, hidden=hidden),
                MLP(tasks=tasks, hidden=hidden, streams=2),
                DCN(tasks=tasks, hidden=hidden, crosses=draw(st.integers(0, 3)), rank=None),
                DCN(tasks=tasks, hidden=hidden, crosses=2, rank=draw(st.integers(1, 4))),
                CNN(
                    tasks=tasks,
                    hidden=hidden,
                    channels=draw(st.lists(st.integers(1, 5), max_size=3)),
                    kernel=draw(st.integers(1, 5)),
                    stride=draw(st.integers(1, 4)),
                    filters=draw(st.integers(1, 5)),
                    span=draw(st.integers(1, 4)),
                ),
            ]
        )
    )


@settings(max_examples=150)
@given(rankers(), columns(), st.integers(0, 30), st.integers(0, 2**31 - 1))
def test_scores_equal_pytorch(ranker: NeuralRanker, columns: list[Column], n: int, seed: int) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        networks = [ranker.network(columns).eval() for _ in range(2)]
        for network in networks:
            for weights in network.parameters():  # the last layer starts at zero, which would hide the others
                torch.nn.init.normal_(weights, std=0.3)
        features = torch.randn(n, len(columns))
        buckets = buckets_of(columns)
        features[:, buckets] = torch.randint(0, 2**24, (n, len(buckets))).float() * (torch.rand(n, 1) < 0.7)
        with torch.inference_mode():
            expected = torch.stack([network(features) for network in networks]).mean(0).numpy()
    ranker.members_ = [
        {name: tensor.numpy() for name, tensor in network.state_dict().items()} for network in networks
    ]
    scores = ranker.score(features.numpy(), np.zeros(n, dtype=np.float32))
    np.testing.assert_allclose(scores, joint(expected, ranker.task_weights), rtol=1e-4, atol=1e-4)


def test_an_output_without_weight_has_no_say() -> None:
    logits = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 9.0]], dtype=np.float32)
    np.testing.assert_array_equal(joint(logits, [0.3, 0.7, 0.0]), joint(logits[:, :2], [0.3, 0.7]))
    np.testing.assert_array_equal(joint(logits, [0.0, 2.0, 0.0]), logits[:, 1])


@given(st.lists(st.tuples(st.floats(-15, 15), st.floats(0.1, 9)), min_size=1, max_size=4))
def test_joint_log_odds_are_those_of_the_mean_probability(tasks: list[tuple[float, float]]) -> None:
    logits, weights = np.array(tasks).T
    mean = np.average(1 / (1 + np.exp(-logits)), weights=weights)
    built = joint(logits[None].astype(np.float32), weights.tolist())
    assert built[0] == pytest.approx(np.log(mean / (1 - mean)), rel=1e-3, abs=1e-3)
