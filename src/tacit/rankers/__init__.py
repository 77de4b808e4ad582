"""Second-stage models: cross features to the probability that the user acts on the candidate."""
