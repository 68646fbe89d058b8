// Reads JSON-RPC bodies, a line of hexadecimal digits each, and prints their operations:
// method, name and uri of each message, as JSON. A body that JSON.parse refuses is null. Each
// message is read twice: as it is, and copied by assignment, as code does that merges objects.
import readline from "node:readline";

const text = (value) => (typeof value === "string" ? value.toWellFormed?.() ?? value : null);

function operation(message) {
  if (typeof message !== "object" || message === null) return null;
  const params = typeof message.params === "object" && message.params !== null ? message.params : {};
  return [text(message.method), text(params.name), text(params.uri)];
}

function copy(value) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const result = {};
  for (const key of Object.keys(value)) result[key] = value[key];
  if (result.params) result.params = copy(result.params);
  return result;
}

function read(body) {
  let document;
  try {
    document = JSON.parse(body.toString("utf8"));
  } catch {
    return null;
  }
  const messages = Array.isArray(document) ? document : [document];
  return [...messages, ...messages.map(copy)].map(operation).filter(Boolean);
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(read(Buffer.from(line.trim(), "hex"))));
}
