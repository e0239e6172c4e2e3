"""The official SDK's OAuth: it finds the way in by itself, the person lets it in on the page, and it calls a tool."""

import asyncio
import html
import os
import re
import subprocess
from urllib.parse import parse_qs, urlparse

import httpx
from mcp import ClientSession
from mcp.client.auth import OAuthClientProvider, TokenStorage
from mcp.client.streamable_http import streamablehttp_client
from mcp.shared.auth import OAuthClientMetadata

URL = os.environ["BRIDGE_OAUTH_URL"]
PROGRAM = os.environ["BRIDGE_PROGRAM"]
DIRECTORY = os.environ["BRIDGE_OAUTH_DIRECTORY"]
CALLBACK = "http://127.0.0.1:7/callback"


class Memory(TokenStorage):
    tokens = client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client


answered = {}


async def person(url):
    """What the person does in the browser and at the machine."""
    async with httpx.AsyncClient() as browser:
        page = await browser.get(url)
        page.raise_for_status()
        request = html.unescape(re.search(r'name="request" value="([^"]+)"', page.text)[1])
        agent = html.unescape(re.search(r'name="agent" value="([^"]+)"', page.text)[1])
        said = subprocess.run([PROGRAM, "--directory", DIRECTORY, "open", "--code"], capture_output=True, check=True)
        fields = {"request": request, "decision": "allow", "code": said.stdout.decode().split()[0], "agent": agent,
                  "profile": "trusted"}
        sent = await browser.post(f"{urlparse(url).scheme}://{urlparse(url).netloc}/oauth/authorize", data=fields)
        assert sent.status_code == 303, sent.text
        query = parse_qs(urlparse(sent.headers["location"]).query)
        answered.update(code=query["code"][0], state=query["state"][0])


async def callback():
    return answered["code"], answered["state"]


async def call(storage, expected):
    metadata = OAuthClientMetadata(client_name="Python SDK", redirect_uris=[CALLBACK], scope="careful")
    provider = OAuthClientProvider(URL, metadata, storage, redirect_handler=person, callback_handler=callback)
    async with streamablehttp_client(URL, auth=provider) as (read, write, _):
        async with ClientSession(read, write) as session:
            await session.initialize()
            assert (await session.list_tools()).tools
            result = await session.call_tool("terminal_execute", {"command": "echo by-oauth"})
            assert expected in str(result.content), result


async def main():
    storage = Memory()
    await call(storage, "by-oauth")
    assert storage.tokens.refresh_token
    # Again with what it kept, without the person; and once its access token is worth nothing, by the refresh token.
    answered.clear()
    await call(storage, "by-oauth")
    listed = subprocess.run([PROGRAM, "--directory", DIRECTORY, "agent", "list"], capture_output=True, check=True)
    assert b"client" in listed.stdout, listed.stdout


asyncio.run(main())
