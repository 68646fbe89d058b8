// What the SDK needs of a page: a place for credentials that outlasts the way to
// the authorization server and back, and that way itself.

const volatile = new Map();

// memory is one value in the tab's storage. A page without an origin of its own
// (in a sandbox) has none and keeps the value until it is left.
export function memory(name, initial) {
  if (origin === 'null') return { get: () => volatile.get(name) ?? initial, set: (value) => volatile.set(name, value) };
  return {
    get: () => JSON.parse(sessionStorage.getItem(name)) ?? initial,
    set: (value) => sessionStorage.setItem(name, JSON.stringify(value)),
  };
}

const client = memory('client');
const tokens = memory('tokens');
const verifier = memory('verifier');
const discovery = memory('discovery');
const state = memory('state');

export class Credentials {
  get redirectUrl() { return origin + location.pathname; }
  get clientMetadata() {
    return {
      client_name: 'mcpauth example page',
      redirect_uris: [this.redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    };
  }
  state() {
    state.set(crypto.randomUUID());
    return state.get();
  }
  clientInformation() { return client.get() ?? undefined; }
  saveClientInformation(value) { client.set(value); }
  tokens() { return tokens.get() ?? undefined; }
  saveTokens(value) { tokens.set(value); }
  codeVerifier() { return verifier.get(); }
  saveCodeVerifier(value) { verifier.set(value); }
  discoveryState() { return discovery.get() ?? undefined; }
  saveDiscoveryState(value) { discovery.set(value); }
  redirectToAuthorization(url) { location.assign(url); }
}

// answerTo returns the parameters that the authorization server sent the browser
// back with, or null, and takes them out of the address bar.
export function answerTo({ search, pathname }) {
  const answer = new URLSearchParams(search);
  if (!answer.has('code') && !answer.has('error')) return null;
  history.replaceState(null, '', pathname);
  if (answer.get('state') !== state.get()) throw new Error('another state came back');
  return answer;
}
