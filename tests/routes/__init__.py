"""Tests of routes/."""
