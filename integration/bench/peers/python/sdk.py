"""The MCP Python SDK as a resource server: TokenVerifier with PyJWT's client for key sets."""

import jwt
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import BearerAuthBackend, RequireAuthMiddleware
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.routes import build_resource_metadata_url, create_protected_resource_routes
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.routing import Route

from common import arguments, serve, trivial

args = arguments()


class JWTVerifier(TokenVerifier):
    def __init__(self):
        self.keys = jwt.PyJWKClient(args.jwks_uri)

    async def verify_token(self, token: str) -> AccessToken | None:
        try:
            # It blocks while it fetches the keys, once in five minutes. A thread would cost every request more.
            key = self.keys.get_signing_key_from_jwt(token)
            claims = jwt.decode(
                token,
                key,
                algorithms=["RS256", "ES256"],
                issuer=args.issuer,
                audience=args.resource,
                options={"require": ["exp", "iss", "aud"]},
            )
        except jwt.PyJWTError:
            return None
        return AccessToken(
            token=token,
            client_id=claims.get("client_id", ""),
            scopes=claims.get("scope", "").split(),
            expires_at=claims["exp"],
            resource=args.resource,
            subject=claims.get("sub"),
            claims=claims,
        )


settings = AuthSettings(
    issuer_url=args.issuer,  # as text: AnyHttpUrl would append a slash to an issuer without a path
    resource_server_url=args.resource,
    required_scopes=[args.scope],
    validate_token_resource=True,
)


def trivial_app() -> Starlette:
    """What MCPServer.streamable_http_app puts around its transport, around a trivial endpoint."""
    if args.no_auth:
        return Starlette(routes=[Route(args.path, endpoint=Trivial(), methods=["POST"])])
    backend = BearerAuthBackend(JWTVerifier(), resource_server_url=settings.resource_server_url)
    protected = RequireAuthMiddleware(
        trivial, settings.required_scopes, build_resource_metadata_url(settings.resource_server_url)
    )
    return Starlette(
        routes=[
            Route(args.path, endpoint=protected, methods=["POST"]),
            *create_protected_resource_routes(
                resource_url=settings.resource_server_url,
                authorization_servers=[settings.issuer_url],
                scopes_supported=settings.required_scopes,
            ),
        ],
        middleware=[Middleware(AuthenticationMiddleware, backend=backend), Middleware(AuthContextMiddleware)],
    )


class Trivial:
    """Starlette takes an object for an ASGI application, and a function for one of its own kind."""

    async def __call__(self, scope, receive, send):
        await trivial(scope, receive, send)


def mcp_app() -> Starlette:
    server = MCPServer("notes", auth=settings, token_verifier=JWTVerifier(), log_level="ERROR")

    @server.tool()
    def list_notes() -> str:
        return "no notes"

    @server.tool()
    def delete_note() -> str:
        return "deleted"

    return server.streamable_http_app(
        streamable_http_path=args.path,
        stateless_http=True,
        json_response=True,
        transport_security=TransportSecuritySettings(
            allowed_hosts=["mcp.example.com"], allowed_origins=["https://app.example.com"]
        ),
    )


serve(trivial_app() if args.endpoint == "trivial" else mcp_app())
