// The official TypeScript SDK, version 1, which speaks MCP 2025-11-25.
// ../oauth.mjs tells how to use this program.
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { run } from '../oauth.mjs';

await run({
  StreamableHTTPClientTransport, UnauthorizedError,
  newClient: (info) => new Client(info),
  finish: (transport, answer) => transport.finishAuth(answer.get('code')),
});
