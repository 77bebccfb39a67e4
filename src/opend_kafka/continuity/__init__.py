"""No silent loss: which ticks have come, which have not, and what becomes of those. Pure."""
