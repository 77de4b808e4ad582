"""For tests of new models: a small generated log and the conformance kit."""
