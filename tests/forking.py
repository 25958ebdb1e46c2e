"""Processes that are there after some milliseconds: forked from one that has imported what they need.

A process of the tests has one such server, whoever asks for it, and its last ``set_forkserver_preload`` is that of all: so all
that any test runs in such a process stands here. What is missing here each of them would import anew.
"""

import multiprocessing

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    ["app.cli.serving", "app.main", "tests.app.cutover.stores", "tests.app.outbox.killing", "tests.hostile.starting"]
)
