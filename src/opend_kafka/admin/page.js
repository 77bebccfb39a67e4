// Shows what the worker tells by server-sent events. Text goes into the page as text, never as HTML.
"use strict";

const at = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

// Without news for so long, the worker counts as gone; milliseconds, as everywhere here.
const SILENT = 8000;
const RETRY_FIRST = 1000;
const RETRY_MOST = 5000;
const GAPS_SHOWN = 8;
const EVENTS_SHOWN = 14;

const WORDS = {
  initialising: ["Logging in", "warn"],
  checking: ["OpenD is not ready", "warn"],
  subscribing: ["Subscribing", "warn"],
  live: ["Live", "good"],
  degraded: ["OpenD has lost its login", "bad"],
  closing: ["Stopping", "calm"],
};
const HOPS = {
  exchange_to_opend: "Exchange – OpenD",
  opend_to_worker: "OpenD – worker",
  worker_to_ack: "Worker – Kafka’s answer",
};
const OUTCOMES = { repaired: ["repaired", "good"], unrepairable: ["lost", "bad"], disproved: ["nothing was missing", "calm"] };
const BAD_EVENTS = ["LINK_DOWN", "KICKED_OUT", "LOGIN_FAILED", "LOGIN_LOST", "FORCED_LOGOUT", "DELIVERY_FAILED", "QUOTA_SHORT", "SUBSCRIPTION_REFUSED"];
const WARN_EVENTS = ["NOT_READY", "SUBSCRIPTION_LOST", "FRAME_DAMAGED", "BACKPRESSURE_BEGAN", "PRODUCER_RESTARTED", "STREAM_STALE"];

// Formats.
const whole = (number) => Math.round(number).toLocaleString("en");
const few = (number) => (number >= 100 || number === 0 ? whole(number) : number.toFixed(number >= 10 ? 1 : 2).replace(/\.?0+$/, ""));
const many = (count, one, more) => `${whole(count)} ${count === 1 ? one : more}`;

function bytes(number) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  while (number >= 1024 && unit < units.length - 1) { number /= 1024; unit += 1; }
  return `${few(number)} ${units[unit]}`;
}

function latency(seconds) {
  if (seconds === null) return "–";
  if (seconds >= 1) return `${few(seconds)} s`;
  const milliseconds = seconds * 1000;
  return `${milliseconds < 99.95 ? milliseconds.toFixed(1) : whole(milliseconds)} ms`;
}

function duration(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60), days = Math.floor(hours / 24);
  if (days) return `${days} d ${hours % 24} h`;
  if (hours) return `${hours} h ${minutes % 60} min`;
  return minutes ? `${minutes} min` : `${seconds} s`;
}

const clock = (time) => new Date(time).toLocaleTimeString("en-GB");

// Parts of the page.
function say(id, text) {
  const place = at(id);
  if (place.textContent !== text) place.textContent = text;  // a live region speaks at each change
}

function show(id, text) { at(id).hidden = !text; say(id, text || ""); }

function element(name, content, attributes = {}) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...[content].flat());
  return made;
}

function drawn(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function bar(id, part, tone = "") {
  const width = Math.max(0, Math.min(1, part)) * 100;
  const svg = drawn("svg", { viewBox: "0 0 100 6", preserveAspectRatio: "none" });
  svg.append(drawn("rect", { width: width.toFixed(2), height: 6, class: tone }));
  at(id).replaceChildren(svg);
}

// A line through the points, the newest at the right; where there is null, there is none.
function chart(points, most, format, label, kind = "") {
  const svg = drawn("svg", { class: `chart ${kind}`, viewBox: `0 0 ${most - 1} 30`, preserveAspectRatio: "none", role: "img" });
  const known = points.filter((one) => one !== null);
  const high = Math.max(...known, 0);
  svg.setAttribute("aria-label", known.length ? `${label}: between ${format(Math.min(...known))} and ${format(high)}` : `${label}: nothing yet`);
  svg.append(drawn("path", { class: "base", d: `M0 29.5H${most - 1}` }));
  const y = (value) => (29 - 27 * (high ? value / high : 0)).toFixed(1);
  let line = "", area = "", begun = null, last = null;
  const close = () => { if (begun !== null) area += `L${last} 29.5H${begun}Z`; begun = null; };
  points.forEach((value, index) => {
    if (value === null) { close(); return; }
    const x = most - points.length + index;
    line += `${begun === null ? "M" : "L"}${x} ${y(value)}`;
    area += begun === null ? `M${x} 29.5L${x} ${y(value)}` : `L${x} ${y(value)}`;
    if (begun === null) begun = x;
    last = x;
  });
  close();
  svg.append(drawn("path", { class: "area", d: area }), drawn("path", { class: "line", d: line }));
  return svg;
}

const measure = (text, picture) => element("td", element("div", [element("span", text), picture], { class: "measure" }));

function rows(id, made, none, columns) {
  const body = at(id).tBodies[0];
  body.replaceChildren(...(made.length ? made : [element("tr", element("td", none, { colspan: columns, class: "none" }))]));
}

const rest = (id, count) => show(id, count > 0 ? `and ${whole(count)} more in status` : "");

// What the worker tells.
let ahead = 0;  // of this machine's clock, the worker's
let told = null;

function sessionWords(status) {
  if (WORDS[status.session]) return WORDS[status.session];
  return [status.was_live ? "Reconnecting" : "Connecting to OpenD", status.was_live ? "bad" : "warn"];
}

function showSession(status) {
  const [words, tone] = sessionWords(status);
  at("session").dataset.tone = tone;
  say("state-words", words);
  document.title = `${words} · opend-kafka`;
  show("cause", status.session === "live" ? "" : status.cause);
  const markets = status.traded.filter((market) => market in status.markets);
  show("markets", markets.map((market) => `${market} ${status.markets[market].toLowerCase().replaceAll("_", " ")}`).join(" · "));
  say("where", `worker ${status.worker} · OpenD at ${status.opend}`);
  const opend = status.conn_id === "0" ? "" : ` · OpenD ${status.server_version}, connection ${status.conn_id}`;
  say("version", `opend-kafka ${status.version}${opend}`);
}

function showAge() {
  if (told && !document.body.classList.contains("gone")) {
    say("since", `since ${clock(told.since)}, for ${duration(Date.now() + ahead - told.since)}`);
  }
}

function showTrouble(status) {
  const list = status.not_ready.filter((reason) => !reason.startsWith("OpenD: "));
  const { stale } = status.subscriptions;
  if (stale.count) list.push(`Silent while their market trades: ${stale.first.join(", ")}`);
  at("trouble").hidden = list.length === 0;
  const items = list.map((text) => element("li", text));
  if (at("trouble-list").textContent !== list.join("")) at("trouble-list").replaceChildren(...items);
}

function showSummary(status) {
  const { counts, subscriptions } = status;
  const wanted = Object.values(subscriptions.by_subtype).reduce((sum, one) => sum + one.wanted, 0);
  say("subscriptions", `${whole(subscriptions.standing)} of ${whole(wanted)}`);
  const other = ["refused", "short", "stale"].filter((name) => subscriptions[name].count);
  say("subscriptions-more", other.map((name) => `${whole(subscriptions[name].count)} ${{ short: "over quota" }[name] || name}`).join(", ") || "stand");
  at("subscriptions").className = other.length || subscriptions.standing < wanted ? "tone-warn" : "";

  const { quota } = status;
  const all = quota ? quota.used + quota.remaining : 0;
  say("quota", quota ? `${whole(quota.used)} used` : "–");
  say("quota-more", quota ? `${whole(quota.remaining)} left` : "not known yet");
  bar("quota-bar", all ? quota.used / all : 0, all && quota.remaining === 0 ? "tone-warn" : "");

  const part = counts.buffered_bytes / (status.max_buffered_bytes || 1);
  say("buffer", bytes(counts.buffered_bytes));
  say("buffer-more", status.reading ? `${many(counts.buffered_records, "record", "records")}; limit ${bytes(status.max_buffered_bytes)}` : "full: not reading from OpenD");
  bar("buffer-bar", part, status.reading ? (part > 0.5 ? "tone-warn" : "") : "tone-bad");

  say("lost", whole(counts.ticks_missing));
  at("lost").className = counts.gaps.unrepairable ? "tone-bad" : "";
  const lost = counts.gaps.unrepairable ? `in ${many(counts.gaps.unrepairable, "gap", "gaps")}; ` : "";
  say("lost-more", `${lost}${whole(counts.ticks_repaired)} repaired`);

  const letters = Object.entries(counts.dead_letters);
  say("letters", whole(letters.reduce((sum, [, count]) => sum + count, 0)));
  at("letters").className = letters.length ? "tone-warn" : "";
  say("letters-more", letters.map(([reason, count]) => `${whole(count)} ${reason.replaceAll("_", " ")}`).join(", ") || "none");

  const failed = counts.delivery_failures, waiting = status.unacknowledged_s > 5;
  say("kafka", failed ? `${whole(failed)} refused` : waiting ? "Silent" : "Answers");
  at("kafka").className = failed || waiting ? "tone-bad" : "";
  say("kafka-more", waiting ? `for ${duration(status.unacknowledged_s * 1000)}` : counts.brokers_up ? `${many(counts.brokers_up, "broker", "brokers")} connected` : "");
}

function showSubtypes(status) {
  const { history, subscriptions } = status;
  const names = [...new Set([...Object.keys(subscriptions.by_subtype), ...Object.keys(history.subtypes)])].sort();
  rows("subtypes", names.map((name) => {
    const { wanted = 0, standing = 0 } = subscriptions.by_subtype[name] || {};
    const past = history.subtypes[name] || { records_per_s: 0, latency: { p50_s: null, p99_s: null }, rates: [], latencies: [] };
    const missing = standing < wanted;
    return element("tr", [
      element("th", [name, element("span", missing ? `${whole(standing)} of ${whole(wanted)}` : `${whole(standing)} subscribed`, { class: "small-only" })], { scope: "row" }),
      element("td", missing ? `${whole(standing)} of ${whole(wanted)}` : whole(standing), missing ? { class: "tone-warn" } : {}),
      measure(few(past.records_per_s), chart(past.rates, history.points, few, `${name}, records a second`)),
      measure(`${latency(past.latency.p50_s)} · ${latency(past.latency.p99_s)}`, chart(past.latencies, history.points, latency, `${name}, latency to Kafka`, "second")),
    ]);
  }), "Nothing is subscribed", 4);
}

function showHops(status) {
  rows("hops", Object.entries(status.history.hops).map(([hop, one]) => element("tr", [
    element("th", HOPS[hop] || hop, { scope: "row" }), element("td", latency(one.p50_s)), element("td", latency(one.p99_s)),
  ])), "Nothing yet", 3);
}

function showGaps(status) {
  rest("gaps-rest", status.gaps.length - GAPS_SHOWN);
  rows("gaps", status.gaps.slice(0, GAPS_SHOWN).map((gap) => {
    const [word, tone] = OUTCOMES[gap.outcome] || [gap.outcome, "calm"];
    const lost = gap.ticks_missing === null ? "number unknown" : many(gap.ticks_missing, "tick", "ticks");
    const ticks = { repaired: `, ${many(gap.ticks_repaired, "tick", "ticks")}`, unrepairable: `, ${lost}` }[gap.outcome] || "";
    return element("tr", [
      element("td", element("time", clock(gap.time), { datetime: new Date(gap.time).toISOString() })),
      element("td", gap.security),
      element("td", [
        element("span", word, { class: `tone-${tone}` }), ticks,
        element("span", gap.reason.replaceAll("_", " "), { class: "small-only" }),
      ]),
      element("td", gap.reason.replaceAll("_", " ")),
    ]);
  }), "None", 4);
}

// What was said several times in a row stands there once, with its newest time.
function gathered(events) {
  const made = [];
  for (const event of events) {
    const last = made.at(-1);
    if (last && last.kind === event.kind && last.about === event.about && last.detail === event.detail) last.times += 1;
    else made.push({ ...event, times: 1 });
  }
  return made;
}

function showEvents(status) {
  const events = gathered(status.events);
  rest("events-rest", events.length - EVENTS_SHOWN);
  const made = events.slice(0, EVENTS_SHOWN).map((event) => {
    const tone = BAD_EVENTS.includes(event.kind) ? "bad" : WARN_EVENTS.includes(event.kind) ? "warn" : "calm";
    const words = event.kind[0] + event.kind.slice(1).toLowerCase().replaceAll("_", " ");
    const detail = [event.about, event.detail].filter(Boolean).join(": ");
    return element("li", [
      element("time", clock(event.time), { datetime: new Date(event.time).toISOString() }),
      element("span", event.times > 1 ? `${words}, ${event.times} times` : words, { class: `kind tone-${tone}` }),
      element("span", detail, { class: "detail" }),
    ]);
  });
  at("events").replaceChildren(...(made.length ? made : [element("li", "None yet", { class: "quiet" })]));
}

function showAll(status) {
  told = status;
  ahead = status.now - Date.now();
  document.body.classList.remove("gone");
  for (const part of [showSession, showTrouble, showSummary, showSubtypes, showHops, showGaps, showEvents]) part(status);
  showAge();
}

// The worker does not answer: what is shown is old, and says so.
function showGone() {
  document.body.classList.add("gone");
  at("session").dataset.tone = "bad";
  at("trouble").hidden = true;
  say("state-words", "The worker does not answer");
  say("since", told ? `What is below is of ${clock(told.now)}. Trying again.` : "Trying again.");
  show("cause", "");
  show("markets", "");
  document.title = "No answer · opend-kafka";
}

let source = null, watch = 0, retry = 0, wait = RETRY_FIRST;

function lost() {
  disconnect();
  showGone();
  retry = setTimeout(connect, wait);
  wait = Math.min(wait * 1.5, RETRY_MOST);
}

function disconnect() {
  clearTimeout(watch);
  clearTimeout(retry);
  source?.close();
  source = null;
}

function connect() {
  disconnect();
  source = new EventSource("status/stream");
  watch = setTimeout(lost, SILENT);
  source.onerror = lost;
  source.addEventListener("status", (message) => {
    clearTimeout(watch);
    watch = setTimeout(lost, SILENT);
    wait = RETRY_FIRST;
    showAll(JSON.parse(message.data));
  });
}

// A page that nobody sees asks for nothing.
document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : connect()));
setInterval(showAge, 1000);
connect();
