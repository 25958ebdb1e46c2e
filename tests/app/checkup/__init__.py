"""Tests of app/checkup/."""
