"""Executors beyond one process, and jobs whose results are kept part by part. No model knows of it."""
