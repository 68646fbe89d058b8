"""What both versions of the Python SDK need of their user: a place for
credentials, and somebody who opens the browser. The example's authorization
server asks nobody, so "opening the browser" is to read where it redirects to.
"""

import json
import urllib.error
import urllib.parse
import urllib.request

CALLBACK = "http://127.0.0.1:33333/callback"  # nobody listens there

CLIENT_METADATA = {
    "client_name": "mcpauth example client",
    "redirect_uris": [CALLBACK],
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "none",
}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


class Browser:
    """Opens the authorization URL and keeps what came back to the client."""

    def __init__(self):
        self.answer = {}

    async def open(self, url: str) -> None:
        try:
            urllib.request.build_opener(_NoRedirect).open(url)
            raise RuntimeError("the authorization server did not redirect")
        except urllib.error.HTTPError as err:
            location = err.headers.get("location", "")
        if not location.startswith(CALLBACK):
            raise RuntimeError(f"no redirect to the client: {err.code} {location}")
        self.answer = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(location).query))
        if "error" in self.answer:
            raise RuntimeError(f"authorization refused: {self.answer}")


class Credentials:
    """The SDK's TokenStorage, in memory; empty to begin with."""

    def __init__(self):
        self.tokens = None
        self.client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client_info):
        self.client = client_info


def report(credentials: Credentials, tools, result) -> None:
    """Prints what the MCP server knows of its caller."""
    structured = getattr(result, "structured_content", None) or getattr(result, "structuredContent", None)
    print(
        json.dumps(
            {
                "client_id": credentials.client.client_id,
                "tools": sorted(tool.name for tool in tools.tools),
                "whoami": structured,
            }
        )
    )
