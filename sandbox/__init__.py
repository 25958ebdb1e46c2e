"""A simulated Dynamics organisation: the old outbound Events API and the new real-time one, with faults on demand.

It imports nothing of the product, and the product imports nothing of it, the `demo` command excepted.
"""

from sandbox.server import Sandbox, SandboxThread

__all__ = ["Sandbox", "SandboxThread"]
