"""Honest numbers: metrics, paired bootstrap intervals, slices, the leaderboard."""
