-- Ticks each once, with Flink SQL. NOT RUN by the project's tests, unlike its neighbours.
--
-- It takes the Kafka SQL connector, the format avro-confluent, and topics in Confluent's wire format.

SET 'table.exec.state.ttl' = '1 d'; -- how long a tick is known again

CREATE TABLE ticks (
  market STRING NOT NULL,
  code STRING NOT NULL,
  sequence BIGINT NOT NULL,
  event_time TIMESTAMP(6), -- UTC
  price DOUBLE NOT NULL,
  volume BIGINT NOT NULL,
  arrived AS PROCTIME()
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = 'localhost:9092',
  'properties.group.id' = 'unique-ticks',
  'topic-pattern' = 'opend\.ticker(\..*)?',
  'scan.startup.mode' = 'earliest-offset',
  'format' = 'avro-confluent',
  'avro-confluent.url' = 'http://localhost:8081'
);

-- The first of each (market, code, sequence), as Flink's "Deduplication" wants it to be said.
CREATE VIEW unique_ticks AS
SELECT market, code, sequence, event_time, price, volume
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY market, code, sequence ORDER BY arrived ASC) AS nth
  FROM ticks
)
WHERE nth = 1;

SELECT * FROM unique_ticks;
