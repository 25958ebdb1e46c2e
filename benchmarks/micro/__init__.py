"""Work counted instead of timed: a guard against regressions that gives the same numbers on any machine (README.md beside)."""
