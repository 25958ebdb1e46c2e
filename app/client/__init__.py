"""A small HTTP/1.1 client for calls to Dynamics: one request, one answer, a connection that is kept where that is safe."""
