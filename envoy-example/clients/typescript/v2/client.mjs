// The official TypeScript SDK, version 2, through the whole OAuth flow.
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { run } from '../oauth.mjs';

await run({
  Client, StreamableHTTPClientTransport, UnauthorizedError,
  finish: (transport, answer) => transport.finishAuth(answer),
});
