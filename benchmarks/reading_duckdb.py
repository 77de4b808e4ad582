"""The same rules as in `reading_polars`, in DuckDB's SQL; the kept rows end as a sorted table in memory."""

from pathlib import Path

import duckdb

SQL = """
create temp table distinct_rows as
select distinct user_id, item_id, lower(event) as event,
    try_cast("timestamp" as double) as "timestamp", try_cast(value as double) as value
from read_csv(getvariable('path'), header = false, skip = 1, auto_detect = false, delim = ',', quote = '"',
    null_padding = true, strict_mode = false, columns = {'user_id': 'varchar', 'item_id': 'varchar',
    'event': 'varchar', 'timestamp': 'varchar', 'value': 'varchar', 'beyond': 'varchar'})
where user_id is not null and item_id is not null and event is not null and beyond is null
    and try_cast("timestamp" as double) between 631152000 and getvariable('now') + 86400;

create temp table events as
select * exclude since from (
    select *, "timestamp" - lag("timestamp") over (
        partition by user_id, item_id, event order by "timestamp") as since
    from distinct_rows)
where event not in ('view', 'click') or since is null or since > 2;
drop table distinct_rows;

create temp table fast as
select distinct user_id from (
    select user_id from events where event in ('view', 'click', 'cart', 'purchase')
    group by user_id, floor("timestamp" / 60)
    having count(distinct item_id) >= 20 and count(distinct floor("timestamp")) >= 10
    union all
    select user_id from events where event in ('view', 'click', 'cart', 'purchase')
    group by user_id, floor("timestamp" / 3600)
    having count(distinct item_id) >= 300 and count(distinct floor("timestamp")) >= 10);

create temp table breadth as
select user_id, count(distinct item_id) as items, ln(1 + count(distinct item_id)) as log
from events where event in ('view', 'click', 'cart', 'purchase') group by user_id;

create temp table kept as
select * from events where user_id not in (
    select user_id from fast join breadth using (user_id), (
        select median(log) as middle, 1.4826 * mad(log) as spread, median(items) as usual from breadth),
        (select count(distinct item_id) as catalogue from events
            where event in ('view', 'click', 'cart', 'purchase'))
    where log > middle + 3 * greatest(spread, 0.4) or items > greatest(catalogue / 2, 2 * usual))
order by user_id, "timestamp";
drop table events;
"""


def kept(path: Path, now: float) -> duckdb.DuckDBPyRelation:
    """Return the rows of a log that pass every rule, sorted by user and time."""
    connection = duckdb.connect()
    connection.execute("set variable path = $path", {"path": str(path)})
    connection.execute("set variable now = $now", {"now": now})
    connection.execute(SQL)
    return connection.table("kept")
