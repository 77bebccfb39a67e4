"""The whole job in one process, for people to see."""
