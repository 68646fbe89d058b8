"""The official Python SDK, version 2: MCP 2026-07-28, and 2025-11-25 if it is
told so. browser.py tells how to use this program."""

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata

from browser import CLIENT_METADATA, CLIENT_URL, PROTOCOL, Browser, Credentials, run, use

MODE = "legacy" if PROTOCOL == "2025-11-25" else PROTOCOL or "auto"


async def visit(told: dict, credentials: Credentials) -> None:
    url, browser = told["url"], Browser(told["asked"])

    async def callback() -> AuthorizationCodeResult:
        return AuthorizationCodeResult.model_validate(browser.answer)

    auth = OAuthClientProvider(
        server_url=url,
        client_metadata=OAuthClientMetadata.model_validate(CLIENT_METADATA),
        storage=credentials,
        redirect_handler=browser.open,
        callback_handler=callback,
        client_metadata_url=CLIENT_URL,
    )
    async with httpx2.AsyncClient(auth=auth, timeout=30) as http_client:
        async with Client(streamable_http_client(url, http_client=http_client), mode=MODE) as client:
            await use(client, told)


run(visit)
