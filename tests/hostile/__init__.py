"""Bytes that no portal sends, over raw sockets, against the whole service: a table of cases and one test over it."""
