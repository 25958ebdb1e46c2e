"""The old-style portal in a real Chromium, through the proxy."""
