"""The sockets around the protocol."""
