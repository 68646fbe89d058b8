// The MCP TypeScript SDK as a resource server: requireBearerAuth with jose.
import { parseArgs } from 'node:util';

import cors from 'cors';
import { createRemoteJWKSet, errors, jwtVerify } from 'jose';
import {
    createMcpExpressApp, getOAuthProtectedResourceMetadataUrl, mcpAuthMetadataRouter, requireBearerAuth,
} from '@modelcontextprotocol/express';
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node';
import { McpServer, OAuthError, OAuthErrorCode, requireScopes } from '@modelcontextprotocol/server';

const { values: args } = parseArgs({
    options: {
        issuer: { type: 'string' },
        'jwks-uri': { type: 'string' },
        resource: { type: 'string' },
        path: { type: 'string' },
        scope: { type: 'string' },
        endpoint: { type: 'string' },
        'no-auth': { type: 'boolean' },
    },
});

const keys = createRemoteJWKSet(new URL(args['jwks-uri']));

const verifier = {
    async verifyAccessToken(token) {
        try {
            const { payload } = await jwtVerify(token, keys, {
                issuer: args.issuer,
                audience: args.resource,
                algorithms: ['RS256', 'ES256'],
                requiredClaims: ['exp'],
            });
            return {
                token,
                clientId: payload.client_id ?? '',
                scopes: (payload.scope ?? '').split(' ').filter(Boolean),
                expiresAt: payload.exp,
                resource: new URL(args.resource),
                extra: { subject: payload.sub },
            };
        } catch (error) {
            // jose's own errors are about the token or the key set; others, such as that nobody
            // answers, become 500.
            if (error instanceof errors.JOSEError) {
                throw new OAuthError(OAuthErrorCode.InvalidToken, 'The access token is not valid');
            }
            throw error;
        }
    },
};

const resource = new URL(args.resource);
const auth = requireBearerAuth({
    verifier,
    requiredScopes: [args.scope],
    resourceMetadataUrl: getOAuthProtectedResourceMetadataUrl(resource),
    expectedResource: resource,
});

// For the endpoint of MCP: one server for each request.
async function mcp(req, res) {
    const server = new McpServer({ name: 'notes', version: '1.0.0' });
    const text = (text) => () => ({ content: [{ type: 'text', text }] });
    server.registerTool('list_notes', {}, text('no notes'));
    server.registerTool('delete_note', { scopeChallenge: requireScopes('write:notes') }, text('deleted'));
    const transport = new NodeStreamableHTTPServerTransport({ sessionIdGenerator: undefined, enableJsonResponse: true });
    await server.connect(transport);
    await transport.handleRequest(req, res, req.body);
}

function trivial(req, res) {
    res.json({ jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text: 'no notes' }] } });
}

const app = createMcpExpressApp({
    allowedHosts: ['127.0.0.1', resource.hostname], allowedOrigins: ['app.example.com'],
});
app.use(cors({ origin: 'https://app.example.com', exposedHeaders: ['WWW-Authenticate', 'Mcp-Session-Id'] }));
if (!args['no-auth']) {
    app.use(mcpAuthMetadataRouter({
        oauthMetadata: {
            issuer: args.issuer,
            authorization_endpoint: `${args.issuer}/authorize`,
            token_endpoint: `${args.issuer}/token`,
            response_types_supported: ['code'],
        },
        resourceServerUrl: resource,
        scopesSupported: [args.scope],
    }));
    app.use(args.path, auth);
}
app.post(args.path, args.endpoint === 'mcp' ? mcp : trivial);

const listener = app.listen(0, '127.0.0.1', () => {
    console.log(`listening on 127.0.0.1:${listener.address().port}`);
});
// As in the programs in Python: Envoy keeps its connections.
listener.keepAliveTimeout = 3_600_000;
