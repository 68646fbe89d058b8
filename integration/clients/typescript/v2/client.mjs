// The official TypeScript SDK, version 2, which speaks MCP 2025-11-25 and
// before, and 2026-07-28 if it is told so. ../oauth.mjs tells how to use this
// program.
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { run } from '../oauth.mjs';

const protocol = process.env.PROTOCOL;
const options = !protocol ? {} : protocol >= '2026-07-28'
  ? { versionNegotiation: { mode: { pin: protocol } } }
  : { supportedProtocolVersions: [protocol] };

await run({
  StreamableHTTPClientTransport, UnauthorizedError,
  newClient: (info) => new Client(info, options),
  finish: (transport, answer) => transport.finishAuth(answer),
});
