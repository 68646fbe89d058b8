// An authorization server for MCP with oidc-provider. oidcprovider.go, one folder
// up, starts it and says what is in its environment.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTLSServer } from 'node:https';
import Provider, { errors } from 'oidc-provider';

const { ISSUER, RESOURCE, TOKEN_FORMAT, ALGORITHM, KEYS, COOKIE_KEY, GATEWAY_SECRET, GATEWAY_CALLBACK, TLS_PORT, TLS_CERT, TLS_KEY, CLIENT_CERT } = process.env;
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
  }, {
    // RFC 9449: a client whose tokens are bound to its key.
    client_id: 'keyed', client_secret: GATEWAY_SECRET, token_endpoint_auth_method: 'client_secret_basic', dpop_bound_access_tokens: true,
    redirect_uris: [], response_types: [], grant_types: ['client_credentials'], scope: scopes.join(' '),
  }, ...TLS_PORT ? [{
    // RFC 8705, section 2.2: a client with a certificate of its own making.
    client_id: 'robot', token_endpoint_auth_method: 'self_signed_tls_client_auth', tls_client_certificate_bound_access_tokens: true,
    jwks: { keys: [JSON.parse(CLIENT_CERT)] },
    redirect_uris: [], response_types: [], grant_types: ['client_credentials'], scope: scopes.join(' '),
  }] : []],
  ...TLS_PORT ? { clientAuthMethods: ['client_secret_basic', 'none', 'self_signed_tls_client_auth'] } : {},

  features: {
    registration: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    clientCredentials: { enabled: true },
    dPoP: { enabled: true },
    mTLS: {
      enabled: Boolean(TLS_PORT),
      certificateBoundAccessTokens: true,
      selfSignedTlsClientAuth: true,
      getCertificate: (ctx) => ctx.req.socket.getPeerX509Certificate(),
    },
    resourceIndicators: {
      enabled: true,
      async getResourceServerInfo(ctx, resource) {
        if (resource !== RESOURCE) throw new errors.InvalidTarget();
        return {
          scope: scopes.join(' '),
          audience: resource,
          accessTokenFormat: TOKEN_FORMAT, // "jwt"; "opaque" is the default
          jwt: { sign: { alg: ALGORITHM } },
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
const serve = (req, res) => provider.callback()(req, res);
createServer(serve).listen(new URL(ISSUER).port, '127.0.0.1');

// Clients with certificates come over TLS. The provider compares the certificate itself.
if (TLS_PORT) {
  const tls = { cert: readFileSync(TLS_CERT), key: readFileSync(TLS_KEY), requestCert: true, rejectUnauthorized: false };
  createTLSServer(tls, serve).listen(TLS_PORT, '127.0.0.1');
}
