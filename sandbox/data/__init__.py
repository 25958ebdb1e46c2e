"""What the simulated organisations hold: events with their parts, generated alike on every run."""
