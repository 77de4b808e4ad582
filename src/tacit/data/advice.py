"""Plain words on a quality report: what a shop engineer should know or do, each tied to a number."""

from collections.abc import Iterator

from tacit.data.event_map import NO_EVENT_MAP, EventMap
from tacit.data.ids import IN_WORDS, IdMatch
from tacit.data.quality import MUCH_REJECTED, QualityReport


def advise(report: QualityReport, event_map: EventMap = NO_EVENT_MAP) -> list[str]:
    """Return the advice on a report, what matters most first; event types mean what the user says."""
    if not report.events:
        return ["No event was kept: look at the reasons in the quarantine before anything else."]
    return [
        *_on_ids(report),
        *_on_suspicions(report),
        *_on_rows(report),
        *_on_time(report),
        *_on_amount(report),
        *_on_catalogue(report),
        *_on_split(report),
        *_on_events(report, event_map),
    ]


def rejected_warning(report: QualityReport) -> str | None:
    """Return a warning where so many rows were rejected that the reading itself is in doubt."""
    if report.rejected_share <= MUCH_REJECTED:
        return None
    reason, rows = max(report.reasons.items(), key=lambda pair: pair[1])
    return (
        f"{report.rejected_share:.0%} of the rows were rejected, most of them ({rows:,}) for: {reason}. "
        "If a column is read wrongly, name it with --map COLUMN=role; --quarantine FILE writes the rows."
    )


def suspected(report: QualityReport) -> list[str]:
    """Return the signs of a broken source in sentences: the gravest of the advice."""
    return list(_on_suspicions(report))


def _on_suspicions(report: QualityReport) -> Iterator[str]:
    mend = {
        "sorted_by_item_id": "Export the log again in time order, or do not use leave-one-out on it.",
        "shared_order": "Export the log again in time order, or do not use leave-one-out on it.",
        "leaks_the_future": "Leave the column out of the features.",
        "shifted_titles": "Join titles and ids again before you use the texts.",
        "header_as_row": "Several exports were joined: check that no part is there twice.",
    }
    for suspicion in report.suspicions:
        yield f"{suspicion.text[0].upper()}{suspicion.text[1:]}. {mend[suspicion.code]}"


def _on_rows(report: QualityReport) -> Iterator[str]:
    share = report.rejected_share
    if (alarm := rejected_warning(report)) is not None:
        yield alarm
    elif share > 0.01:
        reason, count = max(report.reasons.items(), key=lambda pair: pair[1])
        yield (
            f"{share:.1%} of the rows were rejected, most of them ({count:,}) for: {reason}. "
            "--quarantine FILE writes them: look whether the export can be fixed."
        )
    if report.services is not None:
        shown = ", ".join(one.title or one.item for one in report.services.items[:3])
        yield (
            f"{report.services.share:.1%} of the events are on lines that look like services, not goods "
            f"({shown}): give them available = false in the catalogue, or they are recommended too."
        )
    if report.cancellations is not None:
        undone = report.cancellations
        yield (
            f"{undone.count:,} events ({undone.share:.1%}) undo a choice (returns, cancelled orders, "
            f"negative quantities); {undone.matched_share:.0%} of them are by a user "
            "who chose that item in this log."
        )
    for one in report.anonymous:
        yield (
            f"{one.note[0].upper()}{one.note[1:]}: give each visitor an id (of the visit, the order or the "
            "cookie), or drop these rows from the file."
        )
    if report.fast_users:
        yield (
            f"{report.fast_users} user(s) still make more than 300 events an hour on average: they may "
            "be bots, shared accounts or an import job."
        )
    if report.repeated_share > 0.2:
        yield (
            f"{report.repeated_share:.0%} of the events repeat an earlier one of the same user, item and "
            "type: repetitions are damped by default, and seen items may be worth recommending again."
        )


def _on_time(report: QualityReport) -> Iterator[str]:
    if report.timing == "none":
        yield (
            "The log has no times: only a random hold-out can test a model on it, and it favours every model."
        )
    if report.timing == "order":
        yield (
            "The log has an order but no times: only leave-one-out can test a model on it, which sees "
            "the future."
        )
    if report.time is None:
        return
    if report.time.untimed:
        yield f"{report.time.untimed:,} events have no time: they count as the oldest."
    if report.time.midnight_share > 0.9:
        yield (
            f"{report.time.midnight_share:.0%} of the events are at midnight: the log knows days only, "
            "so the order within a day is unknown."
        )
    elif report.time.tied_share > 0.3:
        yield (
            f"{report.time.tied_share:.0%} of the events share their moment with another event of the "
            "same user: their order is unknown, so models of sequences have less to learn from."
        )
    if report.time.gaps:
        longest = report.time.gaps[0]
        yield f"The longest gap without any event lasts {longest.days:.1f} days: was the logging down?"
    if report.time.days < 14:
        yield (
            f"The log covers {report.time.days:.1f} days: weekly rhythm and slow tastes cannot be seen in it."
        )


def _on_amount(report: QualityReport) -> Iterator[str]:
    per_user = report.events / max(report.users, 1)
    if report.events < 5_000:
        yield f"{report.events:,} events are few: expect popular items and texts to beat learned models."
    if report.histories.single_share > 0.5:
        yield (
            f"{report.histories.single_share:.0%} of the users have a single event: what works for new users "
            "(trends, texts, sessions) matters more here than long histories."
        )
    elif per_user < 5:
        yield f"A user has {per_user:.1f} events on average: short histories, so item texts matter much."
    share = report.rare_items / max(report.items, 1)
    if share > 0.5:
        yield f"{share:.0%} of the items have fewer than five events: their texts say more than their clicks."
    if report.popularity.top.get("1", 0) > 0.3 and report.items >= 100:
        yield (
            f"1 % of the items get {report.popularity.top['1']:.0%} of the events: compare every model "
            "with the popular list, and watch the coverage."
        )


def _on_ids(report: QualityReport) -> Iterator[str]:
    """Say that the ids of two files do not meet, and what would make them meet: nothing does it by itself."""
    if report.catalogue is not None and report.catalogue.ids is not None:
        yield from _on_match(report.catalogue.ids, "event", "the catalogue")
    if report.user_ids is not None:
        yield from _on_match(report.user_ids, "user", "the file of users")


def _on_match(match: IdMatch, one: str, table: str) -> Iterator[str]:
    some = f"{match.exact:.1%} of the {one}s match" if match.exact else f"No {one} matches"
    examples = " and ".join(repr(id_) for id_ in match.examples)
    if match.best is not None:
        done = " and ".join(IN_WORDS[rule] for rule in match.best.split(","))
        merged = match.merged[match.best]
        yield (
            f"{some} {table} ({examples}); {match.by[match.best]:.1%} would after {done}: give --ids "
            f"{match.best} (in Python Reading(ids={match.best.split(',')!r}))"
            + (
                f", but {merged:,} ids would then be one with another id: look at them first."
                if merged
                else "."
            )
        )
    elif not match.exact:
        yield (
            f"{some} {table} ({examples}): look whether the right columns hold the ids, and whether both "
            "files are of one system."
        )


def _on_catalogue(report: QualityReport) -> Iterator[str]:
    catalogue = report.catalogue
    if catalogue is None:
        yield "No catalogue was given: with titles, new items could be recommended from the first minute."
        return
    if catalogue.own:
        yield (
            f"No catalogue was given: the log itself has texts of {catalogue.with_text:,} items, which are "
            "used; a catalogue could name new items before their first event."
        )
        return
    # Ids that would meet after a rule are told of above: the items are not missing.
    unmet = catalogue.ids is not None and (catalogue.ids.best is not None or not catalogue.ids.exact)
    if catalogue.events_unlisted_share > 0.01 and not unmet:
        yield (
            f"{catalogue.events_unlisted_share:.1%} of the events are on items that the catalogue does "
            "not have: complete it, or those items are known by their clicks only."
        )
    textless = catalogue.events_without_text_share - catalogue.events_unlisted_share
    if textless > 0.05:
        yield f"{textless:.1%} of the events are on listed items without any text: a title each would help."
    if catalogue.without_events > 0.1 * max(catalogue.rows, 1) and not unmet:
        yield (
            f"{catalogue.without_events:,} of {catalogue.rows:,} catalogue items have no event: only "
            "their text can get them recommended."
        )
    if catalogue.repeated_ids:
        yield f"{catalogue.repeated_ids:,} catalogue row(s) repeat an id: the first row of each was used."


def _on_split(report: QualityReport) -> Iterator[str]:
    split = report.split
    if split is None:
        return
    if split.cold_event_share > 0.1:
        yield (
            f"{split.cold_event_share:.0%} of the last tenth of the events are on items never seen "
            "before: a model that reads texts has an advantage that clicks cannot give."
        )
    warm = split.warm_test_users / max(split.test_users, 1)
    if warm < 0.5:
        yield (
            f"{warm:.0%} of the users of the last tenth were there before: most requests come from new users."
        )
    if split.warm_test_users < 200:
        yield (
            f"Only {split.warm_test_users} known users are active in the last tenth: expect wide "
            "intervals in the evaluation."
        )


def _on_events(report: QualityReport, event_map: EventMap) -> Iterator[str]:
    choices = [kind for kind in report.event_types if event_map.strength(kind.event) > 0]
    if len(choices) > 1:
        rarest = choices[-1]
        yield (
            f"There are {len(choices)} event types that say yes, the rarest is {rarest.event!r} "
            f"({rarest.share:.1%}): --weights auto shows how well each predicts the strongest."
        )
