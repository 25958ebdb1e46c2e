"""Registrations that could not be sent are kept safe, and sent later (docs/outbox.md)."""
