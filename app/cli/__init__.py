"""The command line: ``evtmgmt-proxy``."""

from app.cli.commands import cli, main

__all__ = ["cli", "main"]
