"""Past events: recorded from the outbound organisation while it answers, or from saved copies, and answered from one file."""
