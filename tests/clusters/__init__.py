"""Real services for tests, started from published jars on loopback: Kafka and a schema registry.

`apache_kafka.running` starts Apache Kafka and `apicurio.running` a schema registry that speaks
Confluent's API. Both need Linux, Java 17 and Maven; where one is missing they raise `Unavailable`,
which `requirement.skipping_unless_required` turns into a skip. The first use downloads the jars
(about 45 MB for Kafka, 140 MB for the registry); later uses work offline.
"""
