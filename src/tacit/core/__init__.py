"""What every room stands on: errors, array types, randomness, clock, progress, manifests.

Imports nothing of Tacit and nothing heavier than NumPy.
"""
