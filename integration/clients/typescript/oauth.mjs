// What all versions of the TypeScript SDK need of their user: a place for
// credentials, and somebody who opens the browser. The example's authorization
// server asks nobody, so "opening the browser" is to read where it redirects to.
//
// All programs in clients/ are used alike:
//
//   arguments   URLs of MCP servers. Each is gone to in turn, with no token and
//               no registration to begin with.
//   TOOLS       the tools to call in order, separated by spaces, a tool's
//               arguments as name={"json":1}; the default is whoami
//   PROTOCOL    the version of MCP to speak, where the client leaves the choice;
//               the default is the client's own
//   SCOPE       the scopes that the client asks for by itself; the default, none,
//               leaves them to what the gateway and the server say
//   LOGIN       where somebody logs in, for a server that asks: a URL that is given
//               the authorization URL as its parameter url, and redirects to
//               where the server sends the user in the end
//   CLIENT_URL  the URL of the client's metadata document, which is then its ID: see
//               clientMetadataUrl and client_metadata_url of the SDKs
//   METADATA    more client metadata to register with, in JSON (TypeScript only)
//
// They print one line of JSON for each URL:
//
//   {"url": …, "client_id": …, "token": …, the last access token,
//    "refresh": whether there is a refresh token with it,
//    "asked": [the scope parameter of each authorization request],
//    "tools": [the names listed], "results": [{"tool": …, "result": …}, …],
//    "error": what ended the visit before its end}
//
// With an error, what comes after it is missing.

export const callback = 'http://127.0.0.1:33333/callback'; // nobody listens there

class Credentials {
  constructor(asked) { this.asked = asked; }
  get redirectUrl() { return callback; }
  get clientMetadataUrl() { return process.env.CLIENT_URL || undefined; }
  get clientMetadata() {
    return {
      client_name: 'mcpauth example client',
      redirect_uris: [callback],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      ...(process.env.SCOPE && { scope: process.env.SCOPE }),
      ...JSON.parse(process.env.METADATA || '{}'),
    };
  }
  state() { return (this.sentState = crypto.randomUUID()); }
  clientInformation() { return this.client; }
  saveClientInformation(client) { this.client = client; }
  tokens() { return this.saved; }
  saveTokens(tokens) { this.saved = tokens; }
  codeVerifier() { return this.verifier; }
  saveCodeVerifier(verifier) { this.verifier = verifier; }
  discoveryState() { return this.discovery; }
  saveDiscoveryState(state) { this.discovery = state; }

  async redirectToAuthorization(url) {
    this.asked.push(url.searchParams.get('scope') ?? '');
    const start = process.env.LOGIN ? `${process.env.LOGIN}?${new URLSearchParams({ url })}` : url;
    const { location, status, text } = await approve(start, (to) => to.startsWith(callback));
    if (!location) throw new Error(`no redirect to the client: ${status} ${text}`);
    this.answer = new URL(location).searchParams;
    if (this.answer.get('error')) throw new Error(`authorization refused: ${this.answer}`);
    if ((this.answer.get('state') || undefined) !== this.sentState) throw new Error('another state came back');
  }
}

// approve opens a URL as a browser does whose person agrees: it follows redirects up to one
// for which arrived is true, keeps cookies, and sends the form of the page on which a
// gateway asks about the client, where it stands for the provider. It returns that
// redirect, or the last answer.
export async function approve(url, arrived) {
  const cookies = new Map();
  let request = { redirect: 'manual' };
  for (;;) {
    const res = await fetch(url, { ...request, headers: { cookie: [...cookies].map((pair) => pair.join('=')).join('; ') } });
    for (const set of res.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(set);
      cookies.set(name, value);
    }
    const location = res.headers.get('location'), text = await res.text();
    const asked = /name="request" value="([^"]+)"/.exec(text);
    if (location && arrived(location)) return { location };
    if (location) {
      [url, request] = [new URL(location, url), { redirect: 'manual' }];
    } else if (asked) {
      url = new URL(new URL(url).pathname, url);
      request = { redirect: 'manual', method: 'POST', body: new URLSearchParams({ request: asked[1], decision: 'agree' }) };
    } else {
      return { status: res.status, text };
    }
  }
}

// wanted returns the tools to call, with their arguments.
export function wanted() {
  return (process.env.TOOLS ?? 'whoami').split(' ').filter(Boolean).map((word) => {
    const [name, ...json] = word.split('=');
    return { name, arguments: json.length ? JSON.parse(json.join('=')) : {} };
  });
}

// run is the program. The SDK leaves it to its user to finish the authorization
// and to try again, both at the start and when a tool needs more scope.
export async function run(sdk) {
  for (const url of process.argv.slice(2)) await report(url, (told) => visit(told, sdk));
}

// report prints what a visit tells, which it puts into its argument.
export async function report(url, visit) {
  const told = { url, asked: [], results: [] };
  try {
    await visit(told);
  } catch (err) {
    told.error = `${err?.cause ? `${err}: ${err.cause}` : err}`;
  }
  console.log(JSON.stringify(told));
}

async function visit(told, { newClient, StreamableHTTPClientTransport, UnauthorizedError, finish }) {
  const { url } = told;
  const authProvider = new Credentials(told.asked);
  let client, transport;
  const connect = async () => {
    transport = new StreamableHTTPClientTransport(new URL(url), { authProvider });
    client = newClient({ name: 'mcpauth example client', version: '1.0.0' });
    await client.connect(transport);
  };
  const authorized = async (step) => {
    try {
      return await step();
    } catch (err) {
      if (!(err instanceof UnauthorizedError)) throw err;
    }
    await finish(transport, authProvider.answer);
    if (step !== connect) await client.close().then(connect);
    return await step();
  };

  try {
    await authorized(connect);
    const { tools } = await authorized(() => client.listTools());
    told.tools = tools.map((tool) => tool.name).sort();
    for (const tool of wanted()) {
      const result = await authorized(() => client.callTool(tool));
      if (result.isError) throw new Error(`${tool.name}: ${JSON.stringify(result.content)}`);
      told.results.push({ tool: tool.name, result: result.structuredContent });
    }
  } finally {
    told.client_id = authProvider.client?.client_id;
    told.token = authProvider.saved?.access_token;
    told.refresh = Boolean(authProvider.saved?.refresh_token);
    await client?.close();
  }
}
