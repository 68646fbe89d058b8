"""What the programs of this folder share: their arguments, a trivial endpoint, and uvicorn."""

import argparse
import socket

import uvicorn
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse

ORIGIN = "https://app.example.com"

# With these the SDKs put their own parts around an endpoint that does next to nothing.
ANSWER = {"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": "no notes"}]}}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--issuer", required=True)
    parser.add_argument("--jwks-uri", required=True)
    parser.add_argument("--resource", required=True)
    parser.add_argument("--path", required=True, help="that of the resource")
    parser.add_argument("--scope", required=True)
    parser.add_argument("--endpoint", choices=["trivial", "mcp"], required=True)
    parser.add_argument("--no-auth", action="store_true", help="the same server without its middleware for tokens")
    return parser.parse_args()


async def trivial(scope, receive, send):
    """An ASGI endpoint that reads the request and answers like a call of a tool."""
    while (await receive()).get("more_body"):
        pass
    await JSONResponse(ANSWER)(scope, receive, send)


def for_browsers(app):
    """The README of the SDK has this middleware for clients in browsers."""
    return CORSMiddleware(
        app,
        allow_origins=[ORIGIN],
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["*"],
        expose_headers=["Mcp-Session-Id", "WWW-Authenticate"],
    )


def serve(app) -> None:
    """Serve on a free port, which the first line of the output names."""
    # asyncio switches Nagle's algorithm off only for sockets that say that they are of TCP.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    print("listening on 127.0.0.1:%d" % listener.getsockname()[1], flush=True)
    # Envoy keeps its connections; with the default of five seconds one of them would end
    # at the very moment when a request is sent on it.
    config = uvicorn.Config(for_browsers(app), log_level="error", access_log=False, timeout_keep_alive=3600)
    uvicorn.Server(config).run(sockets=[listener])
