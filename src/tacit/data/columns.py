"""The names of the columns of a cleaned event log and of a catalogue, in one place.

A cleaned event frame has ``user_id``, ``item_id``, ``event`` (String, never null), ``timestamp``
(Float64 Unix seconds, null where unknown), ``value`` (Float64, null where absent), ``seq`` (Int64: the
order within the user, null where unknown), ``line`` (Int64: the line or row of the source it came from)
and, once weighed, ``weight`` (Float32). In a log that was cleaned on disk (`tacit.data.clean_buckets`) texts
are categories (`tacit.data.categories`), whose codes are the places of the texts in text order.

A catalogue frame has ``item_id`` (String, unique) and any of the columns below; every other column is an
attribute.
"""

USER = "user_id"
ITEM = "item_id"
EVENT = "event"
TIMESTAMP = "timestamp"
VALUE = "value"
SEQ = "seq"
LINE = "line"
FILE = "file"
"""Beside the line of a rejected row of a log in several files; events have no such column."""
WEIGHT = "weight"
SOURCE = "source"
"""Who sent an event, where that is known: the name of a key of the service, or a column of a log."""

TITLE = "title"
DESCRIPTION = "description"
AVAILABLE = "available"
CREATED_AT = "created_at"
EXPIRES_AT = "expires_at"
"""When an item that was put to a service leaves every list; in a file it is an attribute like others."""
TEXT = "text"
