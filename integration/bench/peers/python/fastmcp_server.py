"""FastMCP as a resource server: RemoteAuthProvider with its JWTVerifier."""

from fastmcp import FastMCP
from fastmcp.server.auth import JWTVerifier, RemoteAuthProvider, require_scopes
from fastmcp.server.auth.middleware import RequireAuthMiddleware
from mcp.server.auth.routes import build_resource_metadata_url
from pydantic import AnyHttpUrl
from starlette.applications import Starlette
from starlette.routing import Route

from common import arguments, serve, trivial

args = arguments()

auth = RemoteAuthProvider(
    token_verifier=JWTVerifier(jwks_uri=args.jwks_uri, issuer=args.issuer, audience=args.resource),
    authorization_servers=[AnyHttpUrl(args.issuer)],
    base_url=args.resource.removesuffix(args.path),
    # At the verifier, a missing scope would be answered like a bad token.
    required_scopes=[args.scope],
    scopes_supported=[args.scope],
    challenge_scopes=[args.scope],
)


def trivial_app() -> Starlette:
    """What FastMCP.http_app puts around its transport, around a trivial endpoint."""
    routes = auth.get_routes(mcp_path=args.path)
    protected = RequireAuthMiddleware(
        trivial, auth.required_scopes, build_resource_metadata_url(AnyHttpUrl(args.resource)), auth.challenge_scopes
    )
    return Starlette(routes=[*routes, Route(args.path, endpoint=protected, methods=["POST"])], middleware=auth.get_middleware())


def mcp_app():
    server = FastMCP("notes", auth=auth)

    @server.tool
    def list_notes() -> str:
        return "no notes"

    @server.tool(auth=require_scopes("write:notes"))
    def delete_note() -> str:
        return "deleted"

    return server.http_app(path=args.path, stateless_http=True, json_response=True)


serve(trivial_app() if args.endpoint == "trivial" else mcp_app())
