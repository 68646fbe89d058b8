// The MCP Inspector's command line: MCP 2025-11-25, and 2026-07-28 if it is told
// so. ../typescript/oauth.mjs tells how to use this program.
//
// The Inspector does one thing in a run, so it runs once for the list of tools,
// where it signs in, and once for each tool, with the credentials that the run
// before has stored. It opens a browser and listens for the answer by itself;
// here the browser is this program, which opens what the Inspector prints. Asked
// whether it may get more scope, the person says yes.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { wanted } from '../typescript/oauth.mjs';

const cli = fileURLToPath(new URL('node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js', import.meta.url));
const { PATH, PROTOCOL = '2025-11-25', SCOPE } = process.env;
if (SCOPE) throw new Error('the Inspector takes no scopes');
const era = PROTOCOL < '2026-07-28' ? 'legacy' : 'modern';

for (const url of process.argv.slice(2)) console.log(JSON.stringify(await visit(url)));

async function visit(url) {
  const home = await mkdtemp(join(tmpdir(), 'mcpauth-inspector-'));
  try {
    const asked = [];
    const { tools } = await inspect(home, url, asked, '--method', 'tools/list');
    const results = [];
    for (const tool of wanted()) {
      const result = await inspect(home, url, asked, '--method', 'tools/call', '--tool-name', tool.name, '--tool-args-json', JSON.stringify(tool.arguments));
      if (result.isError) throw new Error(`${tool.name}: ${JSON.stringify(result.content)}`);
      results.push({ tool: tool.name, result: result.structuredContent });
    }
    return { url, asked, tools: tools.map((tool) => tool.name).sort(), results, state: JSON.parse(await readFile(join(home, 'oauth.json'), 'utf8')) };
  } finally {
    await rm(home, { recursive: true });
  }
}

// inspect runs the Inspector and returns the result that it prints.
async function inspect(home, url, asked, ...args) {
  const env = {
    PATH, HOME: home, MCP_STORAGE_DIR: home,
    MCP_AUTO_OPEN_ENABLED: 'true', BROWSER: 'true', // true(1) opens nothing
  };
  const child = spawn(process.execPath, [cli, '--cli', '--server-url', url, '--transport', 'http', '--protocol-era', era,
    '--callback-url', 'http://127.0.0.1:0/oauth/callback', '--format', 'json', ...args], { env });
  let out = '', err = '', browsing;
  child.stdout.on('data', (data) => { out += data; });
  child.stderr.on('data', (data) => {
    err += data;
    const found = /navigate to: (\S+)\n/.exec(err);
    if (found) {
      err = err.replace(found[0], '');
      const page = new URL(found[1]);
      asked.push(page.searchParams.get('scope') ?? '');
      browsing = fetch(page).then((res) => res.text());
    }
    if (err.includes('[y/N] ')) {
      err = err.replace('[y/N] ', '');
      child.stdin.write('y\n');
    }
  });
  const status = await new Promise((resolve) => child.on('close', resolve));
  await browsing;
  if (status !== 0) throw new Error(`status ${status}: ${err}${out}`);
  const answer = JSON.parse(out);
  return answer.result ?? answer;
}
