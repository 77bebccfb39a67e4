// What a consumer of ticks needs, whatever its Kafka client.

import avro from "avsc";

/** 64 bits, whole: sequences are larger than a Number can tell apart. Give it to avsc as typeHook. */
export const longsAsBigInt = (schema) => ((schema.type ?? schema) === "long" ? bigInts : undefined);

const bigInts = avro.types.LongType.__with({
  fromBuffer: (buffer) => buffer.readBigInt64LE(),
  toBuffer: (value) => {
    const buffer = Buffer.alloc(8);
    buffer.writeBigInt64LE(value);
    return buffer;
  },
  fromJSON: BigInt,
  toJSON: String,
  isValid: (value) => typeof value === "bigint",
  compare: (one, other) => (one < other ? -1 : Number(one > other)),
});

/**
 * Gives ticks each once and by sequence within each security, and says what to commit.
 *
 * A tick waits `delayMs` for those that belong before it; one that comes later still is given on at
 * once, as `late`. `remembered` ticks of each security are known again; OpenD repeats 1000 at most.
 */
export class TickWindow {
  #delayMs;
  #remembered;
  #securities = new Map(); // "HK.00700" → its seen sequences, the waiting ticks, the last one given on
  #partitions = new Map(); // "topic partition" → where it was taken up, and the next offset

  constructor({ delayMs = 500, remembered = 4096 } = {}) {
    this.#delayMs = delayMs;
    this.#remembered = remembered;
  }

  /** Takes up a partition; gives the offset to read from: what stands before `committed` is only remembered. */
  assigned(topic, partition, committed) {
    this.#partitions.set(`${topic} ${partition}`, { topic, partition, goingOn: committed, next: committed });
    return Math.max(0, committed - this.#remembered);
  }

  /** Forgets a partition, and what waits of it: who has it now reads that again. */
  revoked(topic, partition) {
    this.#partitions.delete(`${topic} ${partition}`);
    for (const security of this.#securities.values())
      security.waiting = security.waiting.filter((one) => one.topic !== topic || one.partition !== partition);
  }

  /** Takes the next record's tick; yields it where it is late. The others come by `due`. */
  *take(tick, { topic, partition, offset }, now) {
    const from = this.#partitions.get(`${topic} ${partition}`);
    from.next = Math.max(from.next, offset + 1);
    const security = this.#security(`${tick.market}.${tick.code}`);
    const isNew = !security.seen.has(tick.sequence);
    this.#remember(security, tick.sequence);
    if (!isNew || offset < from.goingOn) return;
    if (security.last > tick.sequence) yield { tick, late: true };
    else security.waiting.push({ tick, topic, partition, offset, until: now + this.#delayMs });
  }

  /** Yields the ticks whose time has come, and those that belong before them. `Infinity`: all. */
  *due(now) {
    for (const security of this.#securities.values()) {
      if (!security.waiting.some(({ until }) => until <= now)) continue;
      security.waiting.sort(({ tick: one }, { tick: other }) => (one.sequence < other.sequence ? -1 : 1));
      const end = security.waiting.findLastIndex(({ until }) => until <= now) + 1;
      for (const { tick } of security.waiting.splice(0, end)) {
        security.last = tick.sequence;
        yield { tick, late: false };
      }
    }
  }

  /** Gives what to commit: no offset above a tick that waits. */
  offsets() {
    const waiting = [...this.#securities.values()].flatMap((security) => security.waiting);
    return [...this.#partitions.values()].map(({ topic, partition, next }) => {
      const held = waiting.filter((one) => one.topic === topic && one.partition === partition);
      const offset = held.reduce((least, one) => Math.min(least, one.offset), next);
      return { topic, partition, offset: String(offset) };
    });
  }

  #security(name) {
    if (!this.#securities.has(name)) this.#securities.set(name, { seen: new Set(), waiting: [], last: -1n });
    return this.#securities.get(name);
  }

  #remember({ seen }, sequence) {
    seen.add(sequence); // a Set keeps the order in which its members came
    if (seen.size > this.#remembered) seen.delete(seen.values().next().value);
  }
}
