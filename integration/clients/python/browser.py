"""What all versions of the Python SDK need of their user: a place for
credentials, and somebody who opens the browser. The example's authorization
server asks nobody, so "opening the browser" is to read where it redirects to.

The programs beside this file are used as ../typescript/oauth.mjs tells: URLs as
arguments; TOOLS, PROTOCOL, SCOPE, LOGIN and CLIENT_URL in the environment; a line of JSON for each
URL on the standard output.
"""

import asyncio
import json
import os
import re
import sys
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
    "scope": os.environ.get("SCOPE") or None,
}

PATIENCE = 60  # seconds for a visit

PROTOCOL = os.environ.get("PROTOCOL", "")
LOGIN = os.environ.get("LOGIN", "")
CLIENT_URL = os.environ.get("CLIENT_URL") or None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


def redirection(url: str) -> str:
    """Opens the authorization URL and returns where the answer leads to: in the
    end, since a gateway may stand for the provider. Then its page asks about the
    client, and the person agrees. It may be an error."""
    client = query(url)["redirect_uri"]
    if LOGIN:
        url = f"{LOGIN}?{urllib.parse.urlencode({'url': url})}"
    opener = urllib.request.build_opener(_NoRedirect, urllib.request.HTTPCookieProcessor())
    form = None
    while True:
        try:
            page = opener.open(url, form).read().decode()
            asked = re.search(r'name="request" value="([^"]+)"', page)
            if not asked:
                return ""
            url = url.partition("?")[0]
            form = urllib.parse.urlencode({"request": asked[1], "decision": "agree"}).encode()
        except urllib.error.HTTPError as err:
            url, form = err.headers.get("location", ""), None
        if not url or url.startswith(client):
            break
    return url


class Browser:
    """Opens authorization URLs and keeps what came back to the client last."""

    def __init__(self, asked: list[str]):
        self.asked = asked  # the scope of each request
        self.answer = {}

    async def open(self, url: str) -> None:
        self.asked.append(scope_of(url))
        location = redirection(url)
        if not location.startswith(CALLBACK):
            raise RuntimeError(f"no redirect to the client: {location}")
        self.answer = query(location)
        if "error" in self.answer:
            raise RuntimeError(f"authorization refused: {location}")


def query(url: str) -> dict[str, str]:
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))


def scope_of(url: str) -> str:
    return query(url).get("scope", "")


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


async def use(session, told: dict) -> None:
    """Lists the tools and calls those of TOOLS."""
    tools = await session.list_tools()
    told["tools"] = sorted(tool.name for tool in getattr(tools, "tools", tools))
    for word in os.environ.get("TOOLS", "whoami").split():
        name, _, arguments = word.partition("=")
        result = await session.call_tool(name, json.loads(arguments or "{}"))
        if getattr(result, "is_error", None) or getattr(result, "isError", None):
            raise RuntimeError(f"{name}: {result.content}")
        answer = getattr(result, "structured_content", None) or getattr(result, "structuredContent", None)
        told["results"].append({"tool": name, "result": answer})


def first(err: BaseException) -> str:
    """What went wrong first: a task group hides it in itself."""
    while isinstance(err, BaseExceptionGroup):
        err = err.exceptions[0]
    return f"{type(err).__name__}: {err}"


def run(visit) -> None:
    """Runs visit for each URL among the arguments and prints what it tells: it
    puts that into its argument, and returns the credentials."""

    async def each() -> None:
        for url in sys.argv[1:]:
            told = {"url": url, "asked": [], "results": []}
            credentials = Credentials()
            try:
                await asyncio.wait_for(visit(told, credentials), PATIENCE)
            except BaseException as err:
                told["error"] = first(err)
            if credentials.client:
                told["client_id"] = credentials.client.client_id
            if credentials.tokens:
                told["token"] = credentials.tokens.access_token
                told["refresh"] = bool(credentials.tokens.refresh_token)
            print(json.dumps(told), flush=True)

    asyncio.run(each())
