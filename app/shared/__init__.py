"""What replicas share through Redis or Valkey: the way there, its limits, and what becomes of requests without it."""
