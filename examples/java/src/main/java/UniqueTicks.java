import io.apicurio.registry.serde.SerdeConfig;
import io.apicurio.registry.serde.avro.AvroKafkaDeserializer;
import io.apicurio.registry.serde.config.IdOption;
import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.regex.Pattern;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.ProcessorSupplier;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

/**
 * Copies ticks into one topic, each once, exactly once, with Kafka Streams:
 *
 * <p>java -cp 'target/*:target/dependency/*' UniqueTicks localhost:9092
 * http://localhost:8080/apis/registry/v2 opend unique-ticks
 *
 * <p>What it has seen stands in a store that Streams keeps in Kafka, and survives restarts. Records
 * go on byte for byte, in the order in which they came: a late trade stays where it was reported.
 */
final class UniqueTicks {
  /** How long a tick is remembered, by when workers received it. */
  static final Duration REMEMBERED = Duration.ofDays(1);

  private static final String SEEN = "seen-ticks";

  public static void main(String[] args) throws InterruptedException {
    String brokers = args[0], registry = args[1], prefix = args[2], target = args[3];
    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, target);
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    KafkaStreams streams = new KafkaStreams(topology(prefix, target, registry), settings);
    CountDownLatch failed = new CountDownLatch(1);
    streams.setStateListener(
        (state, before) -> {
          if (state == KafkaStreams.State.ERROR) failed.countDown();
        });
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
    streams.start();
    failed.await(); // until then SIGTERM ends it in order
    System.exit(1);
  }

  static Topology topology(String prefix, String target, String registry) {
    StreamsBuilder builder = new StreamsBuilder();
    builder
        .stream(
            Pattern.compile(Pattern.quote(prefix) + "\\.ticker(\\..*)?"),
            Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
        .process(new FirstOfEach(registry))
        .to(target, Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
    return builder.build();
  }

  /** The registry's own ids, as Confluent's wire format has them: 0, then four bytes. */
  static Deserializer<GenericRecord> decoder(String registry) {
    // With Confluent's registry: new KafkaAvroDeserializer(), of io.confluent.
    Deserializer<GenericRecord> decoder = new AvroKafkaDeserializer<>();
    decoder.configure(
        Map.of(
            SerdeConfig.REGISTRY_URL, registry,
            SerdeConfig.ENABLE_CONFLUENT_ID_HANDLER, true,
            SerdeConfig.USE_ID, IdOption.contentId.name()),
        false);
    return decoder;
  }

  private record FirstOfEach(String registry)
      implements ProcessorSupplier<byte[], byte[], byte[], byte[]> {
    @Override
    public Processor<byte[], byte[], byte[], byte[]> get() {
      return new Deduplicator(decoder(registry));
    }

    @Override
    public Set<StoreBuilder<?>> stores() {
      return Set.of(
          Stores.windowStoreBuilder(
              Stores.persistentWindowStore(SEEN, REMEMBERED, REMEMBERED, false),
              Serdes.String(),
              Serdes.ByteArray()));
    }
  }

  private static final class Deduplicator implements Processor<byte[], byte[], byte[], byte[]> {
    private final Deserializer<GenericRecord> decoder;
    private ProcessorContext<byte[], byte[]> context;
    private WindowStore<String, byte[]> seen;

    Deduplicator(Deserializer<GenericRecord> decoder) {
      this.decoder = decoder;
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
      this.context = context;
      seen = context.getStateStore(SEEN);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
      GenericRecord tick = decoder.deserialize("", record.value());
      String identity = tick.get("market") + "." + tick.get("code") + " " + tick.get("sequence");
      long received = (long) ((GenericRecord) tick.get("provenance")).get("ingest_time"); // µs
      long time = received / 1000, around = REMEMBERED.toMillis();
      try (var before = seen.fetch(identity, Math.max(0, time - around), time + around)) {
        if (before.hasNext()) return;
      }
      seen.put(identity, new byte[0], time);
      context.forward(record);
    }

    @Override
    public void close() {
      decoder.close();
    }
  }
}
