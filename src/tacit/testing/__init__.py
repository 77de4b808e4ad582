"""What a test of a new model needs: a small generated log and the conformance kit."""
