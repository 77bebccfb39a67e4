"""Recordings: raw pushes in a file, as OpenD sent them. docs/recording.md describes the file."""
