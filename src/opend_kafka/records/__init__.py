"""From OpenD's messages to Avro bytes, pure."""
