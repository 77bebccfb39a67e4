// Ticks from Kafka, each once and in order:
//
//   npm install
//   node consume-ticks.js localhost:9092 http://localhost:8081 opend my-group
//
// At least once: what was processed after the last commit is processed again after a crash.

import kafkaJavascript from "@confluentinc/kafka-javascript";
import { SchemaRegistry, SchemaType } from "@kafkajs/confluent-schema-registry";
import { longsAsBigInt, TickWindow } from "./ticks.js";

const { Kafka, ErrorCodes, logLevel } = kafkaJavascript.KafkaJS;
const COMMIT_EVERY_MS = 1000;

const [brokers, registryUrl, prefix, groupId] = process.argv.slice(2);
const registry = new SchemaRegistry(
  { host: registryUrl },
  { [SchemaType.AVRO]: { typeHook: longsAsBigInt } },
);
const window = new TickWindow();
let stopping = false;

const consumer = new Kafka({ kafkaJS: { brokers: brokers.split(","), logLevel: logLevel.WARN } }).consumer({
  kafkaJS: { groupId, fromBeginning: true, autoCommit: false },
  rebalance_cb: async (event, partitions) => {
    if (event.code !== ErrorCodes.ERR__ASSIGN_PARTITIONS) {
      if (!stopping) await commit(); // while they are ours, so that the next consumer goes on here
      for (const { topic, partition } of partitions) window.revoked(topic, partition);
      return undefined;
    }
    const committed = await consumer.committed(partitions, 10_000);
    return committed.map(({ topic, partition, offset }) => ({
      topic,
      partition,
      offset: window.assigned(topic, partition, Math.max(0, Number(offset) || 0)),
    }));
  },
});

function give(items) {
  for (const { tick, late } of items)
    console.log(`${tick.market}.${tick.code} ${tick.sequence} ${tick.price} ${tick.volume}${late ? " late" : ""}`);
}

async function commit() {
  const offsets = window.offsets();
  if (offsets.length > 0) await consumer.commitOffsets(offsets);
}

await consumer.connect();
await consumer.subscribe({ topics: [new RegExp(`^${prefix.replaceAll(".", "\\.")}\\.ticker(\\..*)?$`)] });
await consumer.run({
  eachMessage: async ({ topic, partition, message }) => {
    const tick = await registry.decode(message.value);
    give(window.take(tick, { topic, partition, offset: Number(message.offset) }, Date.now()));
  },
});

const ticking = setInterval(() => give(window.due(Date.now())), 50);
const committing = setInterval(commit, COMMIT_EVERY_MS);

for (const signal of ["SIGINT", "SIGTERM"])
  process.once(signal, async () => {
    clearInterval(ticking);
    clearInterval(committing);
    give(window.due(Infinity));
    await commit();
    stopping = true;
    await consumer.disconnect();
  });
