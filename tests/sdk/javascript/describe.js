// Prints the SDK's messages of one package: {message: {field: {number, type, rule, default}}}.
//
//   node describe.js InitWebSocket
import root from "futu-api/proto.js";

const messages = {};
for (const message of root.lookup(process.argv[2]).nestedArray) {
  messages[message.name] = Object.fromEntries(
    Object.values(message.fields).map((field) => [
      field.name,
      {
        number: field.id,
        type: field.type,
        rule: field.rule ?? "optional",
        default: field.options?.default ?? null,
      },
    ]),
  );
}
process.stdout.write(JSON.stringify(messages) + "\n");
