// What both versions of the TypeScript SDK need of their user: a place for
// credentials, and somebody who opens the browser. The example's authorization
// server asks nobody, so "opening the browser" is to read where it redirects to.

export const callback = 'http://127.0.0.1:33333/callback'; // nobody listens there

export class Credentials {
  get redirectUrl() { return callback; }
  get clientMetadata() {
    return {
      client_name: 'mcpauth example client',
      redirect_uris: [callback],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    };
  }
  state() { return (this.sentState ??= crypto.randomUUID()); }
  clientInformation() { return this.client; }
  saveClientInformation(client) { this.client = client; }
  tokens() { return this.saved; }
  saveTokens(tokens) { this.saved = tokens; }
  codeVerifier() { return this.verifier; }
  saveCodeVerifier(verifier) { this.verifier = verifier; }
  discoveryState() { return this.discovery; }
  saveDiscoveryState(state) { this.discovery = state; }

  async redirectToAuthorization(url) {
    const res = await fetch(url, { redirect: 'manual' });
    const location = res.headers.get('location');
    if (!location?.startsWith(callback)) throw new Error(`no redirect to the client: ${res.status} ${await res.text()}`);
    this.answer = new URL(location).searchParams;
    if (this.answer.get('error')) throw new Error(`authorization refused: ${this.answer}`);
    if (this.answer.get('state') !== this.sentState) throw new Error('another state came back');
  }
}

// run connects to the URL given as the first argument, with no token to begin
// with, and prints what the MCP server knows of its caller.
export async function run({ Client, StreamableHTTPClientTransport, UnauthorizedError, finish }) {
  const url = new URL(process.argv[2]);
  const authProvider = new Credentials();
  const newTransport = () => new StreamableHTTPClientTransport(url, { authProvider });
  const newClient = () => new Client({ name: 'mcpauth example client', version: '1.0.0' });

  const transport = newTransport();
  try {
    await newClient().connect(transport);
    throw new Error('connected without a token');
  } catch (err) {
    if (!(err instanceof UnauthorizedError)) throw err;
  }
  await finish(transport, authProvider.answer);

  const client = newClient();
  await client.connect(newTransport());
  const { tools } = await client.listTools();
  const result = await client.callTool({ name: 'whoami', arguments: {} });
  await client.close();
  console.log(JSON.stringify({
    client_id: authProvider.client.client_id,
    tools: tools.map((tool) => tool.name).sort(),
    whoami: result.structuredContent,
  }));
}
