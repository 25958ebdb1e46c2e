"""How the service runs: settings, assembly, the backend, guards, telemetry and the command line."""
