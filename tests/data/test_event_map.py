"""What the user says that event types mean."""

import polars as pl
import pytest

from tacit.core.errors import ConfigError
from tacit.data.clean import apply_rules
from tacit.data.event_map import NO_EVENT_MAP, EventMap, advice_on_unknown, nothing_says_yes
from tacit.data.event_names import meaning
from tacit.data.rules import Rules


def test_words_and_strengths() -> None:
    names = ("wave", "dismissed", "peek", "blink", "wink")
    choices = EventMap.parse(dict(zip(names, ("yes", "No", "shown", 0.25, "-.5"), strict=True)))
    assert [choices.strength(name) for name in names] == [1, -1, 0, 0.25, -0.5]
    assert choices.unknown(names) == []
    assert EventMap.parse(choices.to_dict()) == choices


def test_without_a_choice_the_name_counts() -> None:
    choices = EventMap.parse({"wave": "no"})
    assert choices.meaning("refund") == meaning("refund")
    assert choices.chosen("refund") is None and not choices.ignored("refund")
    assert NO_EVENT_MAP.unknown(["view", "teleported"]) == ["teleported"]


@pytest.mark.parametrize(
    ("said", "read"), [("pv", "view"), ("Add To Cart", "cart"), ("swipe-up", "Swipe_Up")]
)
def test_a_choice_holds_for_every_spelling_and_for_the_common_name(said: str, read: str) -> None:
    assert EventMap.parse({said: "ignore"}).ignored(read)


@pytest.mark.parametrize("value", ["perhaps", 2, "-1.5", True, None, [1], "nan"])
def test_what_is_no_meaning_is_refused(value: object) -> None:
    with pytest.raises(ConfigError, match=r"\[events\]: 'wave' is .*yes, no, shown, ignore or a strength"):
        EventMap.parse({"wave": value})


def test_two_meanings_of_one_type_are_refused() -> None:
    with pytest.raises(ConfigError, match="--event-map: 'pv' and 'view' are the same event type"):
        EventMap.parse({"pv": "no", "view": "yes"}, where="--event-map")


def test_a_log_in_which_nothing_says_yes_is_refused_in_words() -> None:
    sentence = nothing_says_yes(["impression", "refund"])
    assert sentence is not None and "'impression', 'refund'" in sentence
    assert "--event-map impression=yes" in sentence
    assert nothing_says_yes(["impression", "refund"], EventMap.parse({"impression": "yes"})) is None
    assert nothing_says_yes(["view"], EventMap.parse({"view": "shown"})) is not None
    assert nothing_says_yes([]) is None


def test_unknown_types_are_said() -> None:
    assert advice_on_unknown(["view", "refund"]) is None
    advice = advice_on_unknown(["view", "xyz", "foo bar"])
    assert advice is not None and "'foo bar', 'xyz'" in advice and '--event-map "foo bar"=no' in advice
    many = advice_on_unknown([f"x{n}y" for n in range(9)])
    assert many is not None and "and 4 more" in many


def test_ignored_events_are_left_out_with_their_reason() -> None:
    frame = pl.DataFrame(
        {
            "user_id": ["u", "u"],
            "item_id": ["a", "b"],
            "event": ["view", "Heartbeat"],
            "timestamp": [1e9, 1e9],
            "value": [None, None],
            "seq": [None, None],
            "line": [1, 2],
        },
        schema_overrides={"value": pl.Float64, "seq": pl.Int64, "timestamp": pl.Float64},
    )
    ignoring = EventMap.parse({"heartbeat": "ignore"})
    events, removed = apply_rules(frame, Rules(), now=2e9, event_map=ignoring)
    assert events["line"].to_list() == [1]
    assert removed.rows() == [(2, "event type ignored")]
