"""A conformance kit for models: three lines test a new one."""
