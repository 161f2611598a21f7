"""Profiles of a gateway under load, and what else is counted rather than timed: see docs/perf.md."""
