"""Portals as they run: what one is made of and how long it lives, which of them a request is for, and how all are made anew."""
