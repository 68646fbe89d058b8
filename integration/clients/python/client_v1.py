"""The official Python SDK, version 1: MCP 2025-11-25, and in its releases up to
1.22 MCP 2025-06-18. browser.py tells how to use this program."""

from mcp import ClientSession
from mcp.client import streamable_http
from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import OAuthClientMetadata

from browser import CLIENT_METADATA, CLIENT_URL, Browser, Credentials, run, use


def connection(url: str, auth: OAuthClientProvider):
    if hasattr(streamable_http, "streamable_http_client"):
        import httpx

        client = httpx.AsyncClient(auth=auth, timeout=30)
        return streamable_http.streamable_http_client(url, http_client=client)
    return streamable_http.streamablehttp_client(url, auth=auth)


async def visit(told: dict, credentials: Credentials) -> None:
    url, browser = told["url"], Browser(told["asked"])

    async def callback():
        return browser.answer["code"], browser.answer.get("state")

    auth = OAuthClientProvider(
        server_url=url,
        client_metadata=OAuthClientMetadata.model_validate(CLIENT_METADATA),
        storage=credentials,
        redirect_handler=browser.open,
        callback_handler=callback,
        **({"client_metadata_url": CLIENT_URL} if CLIENT_URL else {}),  # releases up to 1.22 have none
    )
    async with connection(url, auth) as (read, write, _):
        async with ClientSession(read, write) as session:
            await session.initialize()
            await use(session, told)


run(visit)
