"""OpenD's protocol, pure: bytes in, events out, bytes to send. No socket and no clock."""
