"""Options in messages, written as they are typed in a shell."""

import shlex


def map_option(column: str, role: str, option: str = "--map") -> str:
    """Return the option that gives a column a role; blanks and quotes in the name are quoted."""
    return f"{option} {argument(column)}={role}"


def argument(text: str) -> str:
    """Return a text as one argument of a shell; words of any language stay as they are."""
    plain = text.replace("_", "").replace("-", "").isalnum() and not text.startswith("-")
    return text if plain else shlex.quote(text)
