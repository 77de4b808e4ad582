"""Durable events and items (SQLite, PostgreSQL by URL) and artifact directories; knows no model class."""
