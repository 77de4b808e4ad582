"""Which column has which role: by its name, else by its content."""

import re
from collections.abc import Mapping, Sequence

import polars as pl

from tacit.core.errors import ConfigError, DataError
from tacit.data.event_names import plain_name
from tacit.data.times import parser_for
from tacit.reading.choices import EVENT, ITEM, ROLES, SEQ, TIMESTAMP, USER, VALUE

_NAMES: dict[str, str] = {
    USER: "userid user uid visitorid visitor customerid customer clientid memberid member accountid "
    "userpseudoid reviewerid usermd5 householdid viewerid shopperid personid sessionid session sid "
    "anonymousid 用户 用户id 用户编号 用户名 会员 会员id 会员编号",
    ITEM: "itemid item iid productid product movieid movie asin parentasin sku gameid game bookid book "
    "articleid newsid songid trackid track artistid videoid contentid goodsid offerid listingid "
    "商品 商品id 商品编号 物品 物品id 产品 产品id 电影 电影id",
    EVENT: "event eventtype eventname action actiontype behavior behaviour behaviortype type interaction "
    "interactiontype activity verb 行为 行为类型 事件 事件类型",
    TIMESTAMP: "timestamp time ts datetime date eventtime eventtimestamp createdat unixtime unixreviewtime "
    "ratingtime reviewtime timestampms timestampmillis eventdate when 时间 日期 时间戳 行为时间",
    VALUE: "value rating score stars overall eventvalue hours playtime dwell dwelltime duration watchtime "
    "weight purchase count 评分 分数 数值 时长",
    SEQ: "seq order sequence position step rank 顺序 序号",
}
_ORDER = {role: {name: place for place, name in enumerate(names.split())} for role, names in _NAMES.items()}


def roles_by_name(names: Sequence[str]) -> dict[str, str]:
    """Return role -> column for columns with known names; the most certain name of a role wins."""
    found: dict[str, str] = {}
    for role in ROLES:
        known = [(_ORDER[role][plain_name(name)], name) for name in names if plain_name(name) in _ORDER[role]]
        free = [(place, name) for place, name in sorted(known) if name not in found.values()]
        if free:
            found[role] = free[0][1]
    return found


def roles_by_content(frame: pl.DataFrame, known: Mapping[str, str]) -> dict[str, str]:
    """Return role -> column; roles without a known name are guessed from the content of the columns.

    A column of times is the timestamp, one of few words the event, one of few small numbers the value; of
    the other columns the first is the user and the second the item.
    """
    roles = dict(known)
    left = [name for name in frame.columns if name not in roles.values()]
    if USER in roles and ITEM in roles:
        return roles  # the others may be anything: where names are known, nothing is guessed
    for role, fits in ((TIMESTAMP, _holds_times), (EVENT, _holds_events), (VALUE, _holds_ratings)):
        if role not in roles and len(left) > 2:
            chosen = next((name for name in reversed(left) if fits(frame[name])), None)
            if chosen is not None:
                roles[role] = chosen
                left.remove(chosen)
    for role in (USER, ITEM):
        if role not in roles and left:
            roles[role] = left.pop(0)
    return roles


def roles_of(frame: pl.DataFrame, named: bool, wanted: Mapping[str, str] | None) -> dict[str, str]:
    """Return role -> column of an event log.

    Parameters
    ----------
    frame : polars.DataFrame
        A sample, all columns text.
    named : bool
        Whether the columns' names come from the file.
    wanted : mapping of role to column, optional
        The caller's choice; a column may be given by its place, from 1.

    Raises
    ------
    ConfigError
        If ``wanted`` holds an unknown role or column, or one column for two roles.
    DataError
        If there is no user or no item column.
    """
    roles = {role: _column(frame.columns, role, column) for role, column in (wanted or {}).items()}
    _check_once(roles)
    if named:
        guesses = roles_by_name([name for name in frame.columns if name not in roles.values()])
        roles = {**{r: c for r, c in guesses.items() if r not in roles}, **roles}
    roles = roles_by_content(frame.with_columns(pl.all().cast(pl.String)), roles)
    for role in (USER, ITEM):
        if role not in roles:
            raise DataError(
                f"no {role} column among {', '.join(frame.columns)}; name it with --map COLUMN={role} "
                f"(in Python mapping={{{role!r}: COLUMN}})"
            )
    return {role: roles[role] for role in ROLES if role in roles}


def looks_like_header(first: Sequence[str], second: Sequence[str]) -> bool:
    """Return whether the first row names columns rather than holding values."""
    cells = [cell.strip() for cell in first]
    if any(not cell or _is_number(cell) for cell in cells):
        return False
    if all(re.fullmatch(r"\w+:(token|token_seq|float|float_seq)", cell) for cell in cells):
        return True
    plain = {plain_name(cell) for cell in cells}
    known = {name for names in _ORDER.values() for name in names} | {"id", "title", "name", "genres", "text"}
    # One such word may be a value, as in "u1,i1,purchase".
    if plain & (_ORDER[USER].keys() | _ORDER[ITEM].keys()) or len(plain & known) > min(1, len(cells) - 1):
        return True
    if len(set(cells)) < len(cells) or len(second) != len(first):
        return False
    return any(_is_number(cell) for cell in second) and all(re.match(r"[^\W\d]", cell) for cell in cells)


def _column(names: Sequence[str], role: str, column: str) -> str:
    if role not in ROLES:
        raise ConfigError(f"there is no role {role!r}; known: {', '.join(ROLES)}")
    if column in names:
        return column
    if column.isdigit() and 1 <= int(column) <= len(names):
        return names[int(column) - 1]
    raise ConfigError(f"there is no column {column!r} for the {role}; columns: {', '.join(names)}")


def _check_once(roles: Mapping[str, str]) -> None:
    for role, column in roles.items():
        if twice := [other for other in roles if other != role and roles[other] == column]:
            raise ConfigError(f"the column {column!r} cannot be both {role} and {twice[0]}; name two columns")


def _holds_times(column: pl.Series) -> bool:
    parse = parser_for(column)
    if parse is None:
        return False
    seconds = parse(column.head(1_000)).drop_nulls()
    # Numbers are times only if they lie between 1990 and 2100.
    return len(seconds) > 0 and bool(seconds.is_between(6.3e8, 4.2e9).mean() > 0.9)  # type: ignore[operator]


def _holds_events(column: pl.Series) -> bool:
    known = column.drop_nulls()
    if not len(known) or known.n_unique() > min(30, max(2, len(known) // 2)):
        return False
    return not any(_is_number(cell) for cell in known.unique().to_list())


def _holds_ratings(column: pl.Series) -> bool:
    numbers = column.cast(pl.Float64, strict=False)
    known = numbers.drop_nulls()
    if not len(known) or len(known) < 0.5 * len(column):
        return False
    return known.n_unique() <= 21 and float(known.abs().max() or 0) <= 100  # type: ignore[arg-type]


def _is_number(cell: str) -> bool:
    return bool(re.fullmatch(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", cell))
