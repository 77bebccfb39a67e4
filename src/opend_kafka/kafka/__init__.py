"""Everything that talks to Kafka and to the schema registry."""
