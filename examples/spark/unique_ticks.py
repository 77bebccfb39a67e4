"""Ticks from Kafka, each once, as a table of Parquet files: with Spark Structured Streaming.

opend-kafka schemas show opend.Ticker > ticker.avsc
spark-submit --packages org.apache.spark:spark-sql-kafka-0-10_2.13:4.0.0,\
org.apache.spark:spark-avro_2.13:4.0.0 unique_ticks.py localhost:9092 opend ticker.avsc ticks

It takes what stands in Kafka now, and ends; the next run goes on there, and still knows what came
before. trigger(processingTime="1 second") in place of availableNow lets it go on for ever.
"""

import re
import sys
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.avro.functions import from_avro
from pyspark.sql.functions import expr

#: How long a tick is known again, by when workers received it. None comes late by that.
REMEMBERED = "1 day"

#: Before the Avro bytes stand 5 bytes where there is a registry, and 10 where there is none.
AVRO = "substring(value, if(hex(substring(value, 1, 1)) = '00', 6, 11))"


def ticks(spark: SparkSession, bootstrap_servers: str, prefix: str, schema: str) -> DataFrame:
    """Give all ticks as they come. `schema` is what they were written with."""
    return (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", bootstrap_servers)
        .option("subscribePattern", rf"{re.escape(prefix)}\.ticker(\..*)?")
        .option("startingOffsets", "earliest")
        .load()
        .select(from_avro(expr(AVRO), schema).alias("tick"))
        .select("tick.*", "tick.provenance.ingest_time")
    )


def main(
    bootstrap_servers: str, prefix: str, schema_file: str, target: str, form: str = "parquet"
) -> None:
    """Append to the table `target` what has come since the last run."""
    spark = SparkSession.builder.appName("unique-ticks").getOrCreate()
    every = ticks(spark, bootstrap_servers, prefix, Path(schema_file).read_text())
    once = every.withWatermark("ingest_time", REMEMBERED).dropDuplicatesWithinWatermark(
        ["market", "code", "sequence"]
    )
    writing = once.writeStream.format(form).option("checkpointLocation", f"{target}.checkpoint")
    writing.trigger(availableNow=True).start(target).awaitTermination()


if __name__ == "__main__":
    main(*sys.argv[1:])
