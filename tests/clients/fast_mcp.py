"""FastMCP's client, over HTTP and stdio."""

import asyncio
import os

from fastmcp import Client
from fastmcp.client.transports import StdioTransport, StreamableHttpTransport

URL, KEY = os.environ["BRIDGE_URL"], os.environ["BRIDGE_KEY"]


def http(key: str) -> StreamableHttpTransport:
    return StreamableHttpTransport(URL, headers={"Authorization": f"Bearer {key}"})


async def use(client: Client) -> None:
    async with client:
        names = [tool.name for tool in await client.list_tools()]
        assert names == [tool.name for tool in await client.list_tools()] and "memory_recall" in names, names
        ran = await client.call_tool("terminal_execute", {"command": "echo hello"})
        content = ran.structured_content
        assert content["stdout"] == "hello\n" and content["exit_code"] == 0, content
        refused = await client.call_tool("terminal_execute", {"command": "rm -rf /"}, raise_on_error=False)
        assert refused.is_error and "Dangerous command blocked" in refused.content[0].text, refused


async def main() -> None:
    await use(Client(http(KEY)))
    try:
        async with asyncio.timeout(20):
            async with Client(http("wrong")) as client:
                await client.list_tools()
    except BaseException as error:
        assert not isinstance(error, (KeyboardInterrupt, TimeoutError)), error
    else:
        raise AssertionError("a wrong key got in")
    directory = os.environ["BRIDGE_STDIO_DIRECTORY"]
    await use(Client(StdioTransport(os.environ["BRIDGE_PROGRAM"], ["--directory", directory, "stdio"])))


asyncio.run(main())
