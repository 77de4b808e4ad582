"""Dropout by bytes and convolutions without a map say what the plain ones say."""

import pytest
import torch

from tacit.rankers.layers import outer_convolutions
from tacit.rankers.networks import OuterProduct, dropped


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5])
def test_a_share_is_dropped_and_the_mean_stays(share: float) -> None:
    torch.manual_seed(3)
    state = dropped(torch.ones(1_003, 97), share)
    assert torch.all((state == 0) | (state == state.max()))
    assert float((state == 0).float().mean()) == pytest.approx(share, abs=0.01)
    assert float(state.mean()) == pytest.approx(1, abs=0.02)


def test_every_byte_of_a_draw_decides_alike() -> None:
    torch.manual_seed(3)
    zero = (dropped(torch.ones(20_000, 8), 0.5) == 0).float()
    assert zero.mean(dim=0) == pytest.approx([0.5] * 8, abs=0.02)
    assert torch.corrcoef(zero.T).fill_diagonal_(0).abs().max() < 0.05


def test_nearly_all_may_be_dropped() -> None:
    state = dropped(torch.ones(20_000, 8), 0.999)
    assert set(state.unique().tolist()) == {0, 256}


def test_what_is_dropped_has_no_gradient() -> None:
    torch.manual_seed(3)
    state = torch.ones(50, 4, requires_grad=True)
    built = dropped(state, 0.25)
    built.sum().backward()
    assert state.grad is not None
    assert torch.equal(state.grad, built.detach())


def test_a_seed_drops_the_same() -> None:
    built = []
    for _ in range(2):
        torch.manual_seed(5)
        built.append(dropped(torch.ones(30, 7), 0.3))
    assert torch.equal(*built)


def test_the_product_without_the_map_equals_that_of_the_map() -> None:
    torch.manual_seed(3)
    part = OuterProduct(range(9), range(9, 16), channels=(3, 2), kernel=3, stride=2)
    features = torch.randn(5, 16)
    outer = features[:, :9, None] * features[:, None, 9:]
    expected = part.convolutions(outer[:, None]).flatten(1)
    arrays = {f"map.{name}": tensor.detach().numpy() for name, tensor in part.convolutions.named_parameters()}
    plain = outer_convolutions(arrays, "map", features[:, :9].numpy(), features[:, 9:].numpy(), 2)
    torch.testing.assert_close(torch.from_numpy(plain).flatten(1), expected.detach())
