"""From files and frames to tables of events, items and users: formats, columns, cells."""
