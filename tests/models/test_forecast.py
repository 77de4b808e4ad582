from tacit.models.forecast import Forecast
from tacit.testing.conformance import Conformance


class TestForecast(Conformance):
    minimum_ndcg = 0.02

    def make(self) -> Forecast:
        return Forecast()
