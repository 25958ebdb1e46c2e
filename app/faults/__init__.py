"""What stands between a failing Dynamics, or too many visitors, and everybody else: docs/reliability.md."""
