// A web page that is an MCP client: nothing but the official SDK, its version
// by the page's own path (/v1 or /v2), the browser's fetch and its address bar.
import { UnauthorizedError as UnauthorizedV1 } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { Credentials, answerTo, memory } from './credentials.mjs';

const { newClient, newTransport, Unauthorized, finish } = {
  '/v1': {
    newClient: (info) => new ClientV1(info),
    newTransport: (url, options) => new TransportV1(url, options),
    Unauthorized: UnauthorizedV1,
    finish: (transport, answer) => transport.finishAuth(answer.get('code')),
  },
  '/v2': {
    newClient: (info) => new Client(info),
    newTransport: (url, options) => new StreamableHTTPClientTransport(url, options),
    Unauthorized: UnauthorizedError,
    finish: (transport, answer) => transport.finishAuth(answer),
  },
}[location.pathname];

const steps = memory('steps', []);

function show(step) {
  const item = document.createElement('li');
  item.textContent = step;
  document.querySelector('#steps').append(item);
}

// operation is the method of the JSON-RPC message in a body.
function operation(body) {
  try {
    return JSON.parse(body).method;
  } catch {
    return undefined;
  }
}

// watched is fetch that shows what the page itself gets to see of an answer.
async function watched(input, init) {
  let seen;
  try {
    const res = await fetch(input, init);
    seen = [res.status, res.headers.get('WWW-Authenticate')];
    return res;
  } catch (err) {
    seen = [err];
    throw err;
  } finally {
    const step = [init?.method ?? 'GET', input, operation(init?.body), ...seen].filter(Boolean).join(' ');
    steps.set([...steps.get(), step]);
    show(step);
  }
}

async function connect({ server, token }, answer) {
  const authProvider = new Credentials();
  const options = token ? { requestInit: { headers: { Authorization: `Bearer ${token}` } } } : { authProvider };
  const transport = newTransport(new URL(server), { ...options, fetch: watched });
  if (answer) await finish(transport, answer);
  const client = newClient({ name: 'mcpauth example page', version: '1.0.0' });
  await client.connect(transport);
  const { tools } = await client.listTools();
  const called = await client.callTool({ name: 'whoami', arguments: {} });
  await transport.terminateSession();
  await client.close();
  return {
    client_id: authProvider.clientInformation()?.client_id,
    tools: tools.map((tool) => tool.name).sort(),
    whoami: called.structuredContent,
  };
}

async function run(wanted, answer) {
  const result = document.querySelector('#result');
  try {
    result.textContent = JSON.stringify(await connect(wanted, answer), null, 2);
    result.dataset.state = 'done';
  } catch (err) {
    if (!answer && err instanceof Unauthorized) return; // the browser is on its way to sign in
    result.textContent = String(err);
    result.dataset.state = 'failed';
  }
}

const wanted = memory('wanted', null);
steps.get().forEach(show);
const answer = answerTo(location);
if (answer) run(wanted.get(), answer);
document.querySelector('button').addEventListener('click', () => {
  const value = (name) => document.querySelector(`[name=${name}]`).value;
  wanted.set({ server: value('server'), token: value('token') });
  run(wanted.get());
});
