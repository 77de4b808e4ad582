"""Stores for services of several processes."""

from tests.store.conftest import empty_postgres, postgres

__all__ = ["empty_postgres", "postgres"]
