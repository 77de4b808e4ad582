"""Text to vectors: language models by package, path, name or endpoint, and a fallback without one."""
