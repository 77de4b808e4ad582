"""The picture of a pipeline shows the components that a configuration holds."""

from dataclasses import replace

from tacit.features.families import FAMILIES, USUAL
from tacit.models.trending import Trending
from tacit.pipeline import register
from tacit.pipeline.config import Config
from tacit.reporting.pipeline_picture import pipeline_markdown, pipeline_picture


def test_every_component_of_the_configuration_is_drawn_with_what_it_is() -> None:
    config = Config()
    picture = " ".join(pipeline_picture(config).replace("│", " ").split())
    for one in config.retrievers:
        assert one.name in picture
        assert register.summary_of("retriever", one) in picture
    assert "ranker mlp" in picture
    assert "learned on 3 folds" in picture
    assert all(name in picture for name in USUAL)
    assert "re-ranker" not in picture
    assert all(len(line) <= 104 for line in pipeline_picture(config).splitlines())


def test_what_is_not_there_is_not_drawn_and_what_differs_is_written() -> None:
    config = Config(
        retrievers={"trending": {"half_life": 3.0}, "mine": {"model": "ease", "l2": 2.0}, "popular": {}},
        ranker=None,
        encoder="none",
        windows=1,
        candidates=50,
    )
    picture = pipeline_picture(config)
    assert "trending (half_life=3.0)" in picture
    assert "mine (ease: l2=2.0)" in picture
    assert "popular (" not in picture
    assert "3 retrievers, each up to 50 candidates" in picture
    assert "learned on 1 fold " in picture.replace("\n", " ")
    for absent in ("ranker", "features", "encoder"):
        assert absent not in picture


def test_families_and_a_re_ranker_of_the_configuration_are_drawn() -> None:
    config = Config(
        ranker={"name": "linear", "families": ["retrieval", "sequence"]}, rerank={"name": "pair", "top": 7}
    )
    picture = pipeline_picture(config)
    assert "re-ranker pair (top=7)" in picture
    features = picture[picture.index("in families") : picture.index("ranker linear")]
    words = features.replace(",", " ").split()
    assert [name for name in FAMILIES if name in words] == ["retrieval", "sequence"]


def test_a_component_of_ones_own_is_drawn_by_its_class() -> None:
    class Mine(Trending):
        """Not registered."""

        name: str = "mine"

    picture = pipeline_picture(replace(Config(), retrievers=[Mine()]))
    assert "a retriever of your own:" in picture
    assert "Mine" in picture


def test_markdown_is_the_picture_as_a_block() -> None:
    assert pipeline_markdown(Config()) == f"```text\n{pipeline_picture(Config())}\n```\n"
