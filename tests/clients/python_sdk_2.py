"""The Python SDK, 2.x: the newest revision and the handshake, over HTTP and stdio."""

import asyncio
import json
import os

import httpx2
from mcp import Client, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

URL, KEY = os.environ["BRIDGE_URL"], os.environ["BRIDGE_KEY"]


def http(key: str):
    headers = {"Authorization": f"Bearer {key}"}
    return streamable_http_client(URL, http_client=httpx2.AsyncClient(headers=headers, timeout=30))


async def use(client: Client) -> None:
    tools = {tool.name for tool in (await client.list_tools()).tools}
    assert {"filesystem_read", "terminal_execute", "memory_add"} <= tools, tools
    added = await client.call_tool("memory_add", {"content": "The second SDK was here", "tags": ["sdk2"]})
    assert not added.is_error and added.structured_content["success"], added
    found = await client.call_tool("memory_query", {"query": "second sdk"})
    assert json.loads(found.content[0].text)["count"] >= 1, found
    refused = await client.call_tool("filesystem_read", {"path": "/etc/shadow"})
    assert refused.is_error and "Unsafe" in refused.content[0].text, refused
    ran = await client.call_tool("terminal_execute", {"command": "sleep 4; echo done"})
    assert ran.structured_content["stdout"] == "done\n", ran
    assert (await client.list_prompts()).prompts


async def main() -> None:
    for mode in ["auto", "legacy"]:
        async with Client(http(KEY), mode=mode) as client:
            await use(client)
    try:
        async with asyncio.timeout(20):
            async with Client(http("wrong")) as client:
                await client.list_tools()
    except BaseException as error:
        assert not isinstance(error, (KeyboardInterrupt, TimeoutError)), error
    else:
        raise AssertionError("a wrong key got in")
    server = StdioServerParameters(
        command=os.environ["BRIDGE_PROGRAM"], args=["--directory", os.environ["BRIDGE_STDIO_DIRECTORY"], "stdio"]
    )
    async with Client(stdio_client(server)) as client:
        await use(client)


asyncio.run(main())
