"""A soak: a portal's load for a while, faults and rude callers all the time, and a look at whether anything grows."""
