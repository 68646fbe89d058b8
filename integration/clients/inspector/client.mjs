// The MCP Inspector's command line: MCP 2025-11-25, and 2026-07-28 if it is told
// so. ../typescript/oauth.mjs tells how to use this program.
//
// The Inspector does one thing in a run, so it runs once for the list of tools,
// where it signs in, and once for each tool, with the credentials that the run
// before has stored. It opens a browser and listens for the answer by itself;
// here the browser is this program, which opens what the Inspector prints. Asked
// whether it may get more scope, the person says yes. With REFRESH=no it asks for
// no refresh token, which is a setting of the Inspector.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { approve, report, wanted } from '../typescript/oauth.mjs';

const cli = fileURLToPath(new URL('node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js', import.meta.url));
const { PATH, PROTOCOL = '2025-11-25', SCOPE, REFRESH } = process.env;
if (SCOPE) throw new Error('the Inspector takes no scopes');
const era = PROTOCOL < '2026-07-28' ? 'legacy' : 'modern';

// One port for all runs: the Inspector registers once.
const port = await freePort();

for (const url of process.argv.slice(2)) await report(url, visit);

async function visit(told) {
  const home = await mkdtemp(join(tmpdir(), 'mcpauth-inspector-'));
  try {
    await writeFile(join(home, 'servers.json'), JSON.stringify({
      mcpServers: { server: { type: 'streamable-http', url: told.url, oauth: { requestRefreshToken: REFRESH !== 'no' } } },
    }));
    const { tools } = await inspect(home, told.asked, '--method', 'tools/list');
    told.tools = tools.map((tool) => tool.name).sort();
    Object.assign(told, await stored(home));
    for (const tool of wanted()) {
      const result = await inspect(home, told.asked, '--method', 'tools/call', '--tool-name', tool.name, '--tool-args-json', JSON.stringify(tool.arguments));
      if (result.isError) throw new Error(`${tool.name}: ${JSON.stringify(result.content)}`);
      told.results.push({ tool: tool.name, result: result.structuredContent });
    }
    Object.assign(told, await stored(home));
  } finally {
    await rm(home, { recursive: true });
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

// stored returns the credentials that the Inspector keeps in home, of one server: none if
// it has not signed in.
async function stored(home) {
  if (!existsSync(join(home, 'secrets.json'))) return {};
  const read = async (name) => JSON.parse(await readFile(join(home, name), 'utf8'));
  const [{ activeIssuer, byIssuer }] = Object.values((await read('oauth.json')).servers);
  const [, tokens] = Object.entries((await read('secrets.json')).secrets).find(([name]) => name.includes(':tokens:'));
  const { access_token: token, refresh_token: refresh } = JSON.parse(tokens);
  return { client_id: byIssuer[activeIssuer].clientInformation.client_id, token, refresh: Boolean(refresh) };
}

// inspect runs the Inspector and returns the result that it prints.
async function inspect(home, asked, ...args) {
  const env = {
    PATH, HOME: home, MCP_STORAGE_DIR: home, MCP_INSPECTOR_SECRET_STORE: 'file',
    MCP_AUTO_OPEN_ENABLED: 'true', BROWSER: 'true', // true(1) opens nothing
  };
  const child = spawn(process.execPath, [cli, '--cli', '--config', join(home, 'servers.json'), '--server', 'server', '--protocol-era', era,
    '--callback-url', `http://127.0.0.1:${port}/oauth/callback`, '--format', 'json', ...args], { env });
  const pages = [];
  let out = '', err = '', unread = '';
  child.stdout.on('data', (data) => { out += data; });
  child.stderr.on('data', (data) => {
    err += data;
    unread += data;
    for (let found; (found = /navigate to: (\S+)\n|\[y\/N\] /.exec(unread));) {
      unread = unread.slice(found.index + found[0].length);
      if (!found[1]) {
        child.stdin.write('y\n');
        continue;
      }
      asked.push(new URL(found[1]).searchParams.get('scope') ?? '');
      pages.push(approve(found[1], () => false));
    }
  });
  const status = await new Promise((resolve) => child.on('close', resolve));
  await Promise.all(pages);
  if (status !== 0) throw new Error(`status ${status}: ${err}${out}`);
  return JSON.parse(out).result;
}
