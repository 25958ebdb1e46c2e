"""How people steer the cutover while the proxy runs: who may, what they see, and what they change."""
