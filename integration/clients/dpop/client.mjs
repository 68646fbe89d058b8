// A client that binds its tokens to a key, by the packages dpop and oauth4webapi. It reads
// a job, a JSON object, from its standard input:
//
//	library         "dpop" or "oauth4webapi"
//	url, body       of the requests, each a POST
//	times           how many requests it sends, one after the other
//	key             its private key, a JWK; without it the client makes one
//	token           the access token, or
//	tokenEndpoint   where it gets one, with client_id, client_secret, scope and resource
//
// It prints one line of JSON: the status of each request and the errors of challenges.
import * as dpop from 'dpop';
import * as oauth from 'oauth4webapi';

let text = '';
for await (const piece of process.stdin) text += piece;
const job = JSON.parse(text);
const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
async function keyPair() {
  if (!job.key) return crypto.subtle.generateKey(algorithm, false, ['sign', 'verify']);
  const { d, ...publicKey } = job.key;
  return {
    privateKey: await crypto.subtle.importKey('jwk', { ...publicKey, d }, algorithm, false, ['sign']),
    publicKey: await crypto.subtle.importKey('jwk', publicKey, algorithm, true, ['verify']),
  };
}

const keys = await keyPair();
const client = { client_id: job.client_id ?? 'client' };
const insecure = { [oauth.allowInsecureRequests]: true };
const handle = oauth.DPoP(client, keys);
const report = { status: [], errors: [] };

async function token() {
  if (job.token) return job.token;
  const server = { issuer: job.issuer, token_endpoint: job.tokenEndpoint };
  const parameters = new URLSearchParams({ scope: job.scope, resource: job.resource });
  const response = await oauth.clientCredentialsGrantRequest(server, client, oauth.ClientSecretBasic(job.client_secret), parameters, { DPoP: handle, ...insecure });
  const result = await oauth.processClientCredentialsResponse(server, client, response);
  report.tokenType = result.token_type;
  return result.access_token;
}

const send = {
  // dpop makes proofs; the rest is up to its user.
  async dpop(accessToken) {
    const proof = await dpop.generateProof(keys, job.url, 'POST', send.nonce, accessToken);
    const response = await fetch(job.url, { method: 'POST', headers: { ...headers, authorization: `DPoP ${accessToken}`, dpop: proof }, body: job.body });
    await response.text();
    const nonce = response.headers.get('dpop-nonce');
    if (nonce) send.nonce = nonce;
    const challenge = response.headers.get('www-authenticate') ?? '';
    const error = /error="(\w+)"/.exec(challenge)?.[1];
    if (error) report.errors.push(error);
    if (error === 'use_dpop_nonce') return send.dpop(accessToken);
    return response.status;
  },

  async oauth4webapi(accessToken) {
    try {
      const response = await oauth.protectedResourceRequest(accessToken, 'POST', new URL(job.url), new Headers(headers), job.body, { DPoP: handle, ...insecure });
      await response.text();
      return response.status;
    } catch (e) {
      if (!(e instanceof oauth.WWWAuthenticateChallengeError)) throw e;
      for (const { scheme, parameters } of e.cause) report.errors.push(`${scheme} ${parameters.error ?? ''}`.trim());
      if (oauth.isDPoPNonceError(e)) return send.oauth4webapi(accessToken);
      return e.status;
    }
  },
};

const accessToken = await token();
report.token = accessToken;
for (let i = 0; i < (job.times ?? 1); i++) report.status.push(await send[job.library](accessToken));
console.log(JSON.stringify(report));
