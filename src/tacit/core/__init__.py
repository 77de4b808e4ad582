"""What every other package uses: errors, array types, randomness, clock, progress, manifests.

Imports nothing of Tacit and nothing heavier than NumPy.
"""
