// The official TypeScript SDK, version 1, through the whole OAuth flow.
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { run } from '../oauth.mjs';

await run({
  Client, StreamableHTTPClientTransport, UnauthorizedError,
  finish: (transport, answer) => transport.finishAuth(answer.get('code')),
});
