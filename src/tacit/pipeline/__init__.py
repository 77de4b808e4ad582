"""Two stages in a row: retrieve, unite, make features, rank; fitted in time order."""
