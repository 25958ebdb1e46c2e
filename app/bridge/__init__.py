"""The bridge between old portals and the forms of real-time events: its script, and what it may load."""
