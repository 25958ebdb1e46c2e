"""The portal served by the proxy itself: what of its folder is served, and how (docs/static.md)."""
