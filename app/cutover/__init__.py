"""The staged cutover: which organisation answers a request, what it says when asked beside the other, and the way back."""
