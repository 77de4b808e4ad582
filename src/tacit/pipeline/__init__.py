"""The two stages: retrieve, unite, compute features, rank; fitted in time order."""
