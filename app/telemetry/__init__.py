"""Traces: what a part of the requests went through, told to whoever collects them (OpenTelemetry)."""
