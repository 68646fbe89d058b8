"""FastMCP's client: MCP 2026-07-28, and 2025-11-25 if it is told so. It opens a
browser and listens for the answer by itself. browser.py tells how to use this
program."""

import os
import threading
import time
import urllib.error
import urllib.request
import webbrowser

from fastmcp import Client
from fastmcp.client.auth import OAuth

from browser import PROTOCOL, Credentials, redirection, run, scope_of, use

MODE = "legacy" if PROTOCOL == "2025-11-25" else PROTOCOL or "auto"


class Browser(webbrowser.BaseBrowser):
    """The browser of this process: it opens the URL and follows the redirect."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def open(self, url, new=0, autoraise=True):
        self.asked.append(scope_of(url))
        threading.Thread(target=self.follow, args=(redirection(url),), daemon=True).start()
        return True

    def follow(self, location):
        while True:  # FastMCP opens the browser first and listens then
            try:
                return urllib.request.urlopen(location).close()
            except urllib.error.HTTPError:
                return  # FastMCP says what is wrong
            except urllib.error.URLError:
                time.sleep(0.05)


browser = Browser()
webbrowser.register("example", None, browser, preferred=True)


async def visit(told: dict, credentials: Credentials) -> None:
    browser.asked = told["asked"]
    scope = os.environ.get("SCOPE")
    client = Client(told["url"], auth=OAuth(scopes=scope) if scope else "oauth", mode=MODE)
    try:
        async with client:
            await use(client, told)
    finally:
        context = client.transport.auth.context
        credentials.client, credentials.tokens = context.client_info, context.current_tokens


run(visit)
