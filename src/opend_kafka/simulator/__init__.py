"""An OpenD stand-in that the official SDKs can connect to."""
