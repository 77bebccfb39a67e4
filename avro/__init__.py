"""The Avro schemas, one file a named type. The wheel carries this folder as opend_kafka.avro."""
