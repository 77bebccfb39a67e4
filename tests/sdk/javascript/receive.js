// Subscribes with the official SDK, and prints what it receives, one JSON value a line.
//
//   node receive.js HOST PORT KEY COUNT LOGIN_TIMEOUT_MS
//
// First {"login": true} or {"login": false, "cause": …}, which ends it; {"subscribed": true}; then
// each push as {"cmd": …, "push": …}, 64-bit integers as strings, until there were COUNT.
import WebSocket from "ws";

const [host, port, key, count, loginTimeoutMs] = process.argv.slice(2);

// The SDK is made for browsers, whose WebSocket is a global; Node 20 has none.
globalThis.WebSocket = WebSocket;

// The SDK logs to the console, and standard output is for our lines.
console.log = console.debug = console.error;

// The SDK waits 20 s for a login, and has no setting for it.
const SDK_LOGIN_TIMEOUT_MS = 20000;
const setRealTimeout = globalThis.setTimeout;
globalThis.setTimeout = (call, ms, ...rest) =>
  setRealTimeout(call, ms === SDK_LOGIN_TIMEOUT_MS ? Number(loginTimeoutMs) : ms, ...rest);

const { default: ftWebsocket, ftCmdID } = await import("futu-api/main.js");

const HK_SECURITY = 1;
const US_SECURITY = 11;
const ORDER_BOOK = 2;
const TICKER = 4;

function print(line) {
  process.stdout.write(JSON.stringify(line) + "\n");
}

function end(code) {
  process.stdout.write("", () => process.exit(code));
}

let received = 0;
const sdk = new ftWebsocket();

sdk.onPush = (cmd, push) => {
  if (cmd !== ftCmdID.QotUpdateTicker.cmd && cmd !== ftCmdID.QotUpdateOrderBook.cmd) return;
  if (received === Number(count)) return;
  print({ cmd, push: push.$type.toObject(push, { longs: String }) });
  received += 1;
  if (received === Number(count)) end(0);
};

sdk.onlogin = async (loggedIn, answer) => {
  if (!loggedIn) {
    print({ login: false, cause: String(answer) });
    end(1);
    return;
  }
  print({ login: true });
  await sdk.Sub({
    c2s: {
      securityList: [
        { market: HK_SECURITY, code: "00700" },
        { market: US_SECURITY, code: "AAPL" },
      ],
      subTypeList: [TICKER, ORDER_BOOK],
      isSubOrUnSub: true,
      isRegOrUnRegPush: true,
      isFirstPush: false,
    },
  });
  print({ subscribed: true });
};

sdk.start(host, Number(port), false, key);
