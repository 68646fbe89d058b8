// An authorization server for MCP with oidc-provider. oidcprovider.go, one folder
// up, starts it and says what is in its environment.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import Provider, { errors } from 'oidc-provider';

const { ISSUER, RESOURCE, TOKEN_FORMAT, KEYS, COOKIE_KEY, GATEWAY_SECRET, GATEWAY_CALLBACK } = process.env;
const scopes = ['read:notes', 'write:notes'];

const configure = () => new Provider(ISSUER, {
  jwks: JSON.parse(readFileSync(KEYS, 'utf8')),
  cookies: { keys: [COOKIE_KEY] },

  // A client may register any of these, and no others.
  scopes: ['openid', 'offline_access', ...scopes],

  // The gateway asks about opaque tokens. It asks for one itself with oauth_proxy alone.
  clients: [{
    client_id: 'gateway', client_secret: GATEWAY_SECRET,
    redirect_uris: [], response_types: [], grant_types: [],
  }, {
    client_id: 'mcp-gateway', client_secret: GATEWAY_SECRET,
    redirect_uris: [GATEWAY_CALLBACK], response_types: ['code'], grant_types: ['authorization_code', 'refresh_token'],
  }],

  features: {
    registration: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      async getResourceServerInfo(ctx, resource) {
        if (resource !== RESOURCE) throw new errors.InvalidTarget();
        return {
          scope: scopes.join(' '),
          audience: resource,
          accessTokenFormat: TOKEN_FORMAT, // "jwt"; "opaque" is the default
          jwt: { sign: { alg: 'RS256' } },
        };
      },
    },
  },

  // Where the roles come from is the application's affair: here everybody has one.
  extraTokenClaims: async () => ({ roles: ['editor'] }),
});

// New keys are taken at SIGHUP: as at a restart, but what the server keeps in
// memory stays.
let provider = configure();
process.on('SIGHUP', () => { provider = configure(); console.log('keys read'); });
createServer((req, res) => provider.callback()(req, res)).listen(new URL(ISSUER).port, '127.0.0.1');
