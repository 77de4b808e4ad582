from tacit.models.rp3beta import RP3Beta
from tacit.testing.conformance import Conformance


class TestRP3Beta(Conformance):
    minimum_ndcg = 0.1

    def make(self) -> RP3Beta:
        return RP3Beta()
