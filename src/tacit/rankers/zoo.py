"""The rankers that a configuration can name."""

from collections.abc import Mapping

from tacit.rankers.cnn import CNN
from tacit.rankers.dcn import DCN
from tacit.rankers.lambdamart import LambdaMART
from tacit.rankers.linear import Linear
from tacit.rankers.mlp import MLP
from tacit.rankers.ranker import Ranker

RANKERS: Mapping[str, type[Ranker]] = {
    "linear": Linear,
    "mlp": MLP,
    "dcn": DCN,
    "cnn": CNN,
    "lambdamart": LambdaMART,
}
