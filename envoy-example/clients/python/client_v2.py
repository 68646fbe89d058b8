"""The official Python SDK, version 2, through the whole OAuth flow."""

import asyncio
import sys

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata

from browser import CLIENT_METADATA, Browser, Credentials, report


async def main(url: str) -> None:
    browser, credentials = Browser(), Credentials()

    async def callback() -> AuthorizationCodeResult:
        return AuthorizationCodeResult.model_validate(browser.answer)

    auth = OAuthClientProvider(
        server_url=url,
        client_metadata=OAuthClientMetadata.model_validate(CLIENT_METADATA),
        storage=credentials,
        redirect_handler=browser.open,
        callback_handler=callback,
    )
    async with httpx2.AsyncClient(auth=auth, timeout=30) as http_client:
        async with Client(streamable_http_client(url, http_client=http_client)) as client:
            report(credentials, await client.list_tools(), await client.call_tool("whoami", {}))


asyncio.run(main(sys.argv[1]))
