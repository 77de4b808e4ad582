"""Cleaning, reporting, and the types that all other rooms speak."""
