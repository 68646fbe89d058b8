"""The official Python SDK, version 1, through the whole OAuth flow."""

import asyncio
import sys

import httpx
from mcp import ClientSession
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientMetadata

from browser import CLIENT_METADATA, Browser, Credentials, report


async def main(url: str) -> None:
    browser, credentials = Browser(), Credentials()

    async def callback():
        return browser.answer["code"], browser.answer.get("state")

    auth = OAuthClientProvider(
        server_url=url,
        client_metadata=OAuthClientMetadata.model_validate(CLIENT_METADATA),
        storage=credentials,
        redirect_handler=browser.open,
        callback_handler=callback,
    )
    async with httpx.AsyncClient(auth=auth, timeout=30) as http_client:
        async with streamable_http_client(url, http_client=http_client) as (read, write, _):
            async with ClientSession(read, write) as session:
                await session.initialize()
                report(credentials, await session.list_tools(), await session.call_tool("whoami", {}))


asyncio.run(main(sys.argv[1]))
