"""Evaluation: metrics, paired bootstrap intervals, slices, the leaderboard."""
