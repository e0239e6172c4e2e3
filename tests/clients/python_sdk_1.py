"""The Python SDK, 1.x: sessions over HTTP, and stdio."""

import asyncio
import json
import os

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client

URL, KEY = os.environ["BRIDGE_URL"], os.environ["BRIDGE_KEY"]


async def use(session: ClientSession) -> None:
    await session.initialize()
    tools = {tool.name: tool for tool in (await session.list_tools()).tools}
    assert tools["filesystem_read"].annotations.readOnlyHint is True
    assert tools["terminal_execute"].annotations.destructiveHint is True
    # The SDK holds structured content against the tool's output schema.
    added = await session.call_tool("memory_add", {"content": "The SDK was here", "tags": ["sdk1"]})
    assert not added.isError and added.structuredContent["success"], added
    found = await session.call_tool("memory_query", {"query": "sdk was", "tags": ["sdk1"]})
    assert json.loads(found.content[0].text)["count"] == found.structuredContent["count"] >= 1, found
    refused = await session.call_tool("memory_query", {"query": "x", "limit": -1})
    assert refused.isError and "limit" in refused.content[0].text, refused

    seen = []
    async def progress(done, total, message):
        seen.append(done)
    slow = await session.call_tool("terminal_execute", {"command": "sleep 4; echo done"}, progress_callback=progress)
    assert slow.structuredContent["stdout"] == "done\n" and seen == sorted(seen) and seen, (slow, seen)

    resources = (await session.list_resources()).resources
    assert any(str(resource.uri).startswith("memory://") for resource in resources), resources
    assert (await session.get_prompt("recall", {"topic": "SDK"})).messages


async def main() -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    async with streamablehttp_client(URL, headers=headers) as (reader, writer, _):
        async with ClientSession(reader, writer) as session:
            await use(session)
    try:
        async with streamablehttp_client(URL, headers={"Authorization": "Bearer wrong"}) as (reader, writer, _):
            async with ClientSession(reader, writer) as session:
                await asyncio.wait_for(session.initialize(), 10)
    except BaseException as error:  # an ExceptionGroup of the transport's task group
        assert not isinstance(error, (KeyboardInterrupt, asyncio.TimeoutError)), error
    else:
        raise AssertionError("a wrong key got in")
    server = StdioServerParameters(
        command=os.environ["BRIDGE_PROGRAM"], args=["--directory", os.environ["BRIDGE_STDIO_DIRECTORY"], "stdio"]
    )
    async with stdio_client(server) as (reader, writer):
        async with ClientSession(reader, writer) as session:
            await use(session)


asyncio.run(main())
