"""Cross features of a history and a candidate: named columns, normalised on training data only."""
