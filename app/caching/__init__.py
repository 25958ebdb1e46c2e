"""The response cache: what is kept, how long, and how a read is answered from it."""
