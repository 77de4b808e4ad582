"""The HTTP API: schemas and routes over the engine."""
