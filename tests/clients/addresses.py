"""Each list of tools, at its address, through the packages that turn tools into what a model's API takes."""

import asyncio
import os

from agents.mcp import MCPServerStreamableHttp
from agents.mcp.util import MCPUtil
from google.genai import types
from google.genai._mcp_utils import mcp_to_gemini_tools
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_mcp_adapters.client import MultiServerMCPClient

BASE, HEADERS = os.environ["BRIDGE_URL"].removesuffix("/all"), {"Authorization": f"Bearer {os.environ['BRIDGE_KEY']}"}
LISTED = ("filesystem_list", {"path": "."}, "memory")
# At each address, what is called there and what the result must say.
ADDRESSES = {
    "": LISTED,
    "/all": LISTED,
    "/read-only": LISTED,
    "/find": ("tools_find", {"query": "list a folder"}, "filesystem_list"),
    "?tools=files": LISTED,
}


def google(tools) -> None:
    for tool, converted in zip(tools, mcp_to_gemini_tools(tools), strict=True):
        assert converted.function_declarations[0].name == tool.name, converted
        # Google's own type for schemas refuses every word that it does not know.
        types.FunctionDeclaration(name=tool.name, description=tool.description, parameters=tool.inputSchema)


async def openai(address: str, name: str, arguments: dict, expected: str) -> list:
    async with MCPServerStreamableHttp({"url": address, "headers": HEADERS}) as server:
        tools = await server.list_tools()
        for tool in tools:
            MCPUtil.to_function_tool(tool, server, True)
        called = await server.call_tool(name, arguments)
        assert not called.isError and expected in called.content[0].text, called
        told = next(tool for tool in tools if tool.name == name)
        # A client holds a result against the schema that it was told; one that was told none gets text for its model.
        assert (told.outputSchema is None) == (called.structuredContent is None), (address, told.outputSchema, called)
        return tools


async def langchain(address: str, name: str, arguments: dict, expected: str) -> set:
    client = MultiServerMCPClient({"bridge": {"transport": "streamable_http", "url": address, "headers": HEADERS}})
    tools = {tool.name: tool for tool in await client.get_tools()}
    for tool in tools.values():
        assert convert_to_openai_tool(tool)["function"]["parameters"]["type"] == "object", tool
    assert expected in str(await tools[name].ainvoke(arguments)), address
    return set(tools)


async def main() -> None:
    lists = []
    for path, call in ADDRESSES.items():
        tools = await openai(BASE + path, *call)
        google(tools)
        names = {tool.name for tool in tools}
        assert names == await langchain(BASE + path, *call), path
        lists.append(names)
    core, every, reading, finding, files = lists
    assert finding < core and core - finding < every and reading < every and files < every, [len(names) for names in lists]
    assert "filesystem_write" in core & files and "filesystem_write" not in reading | finding


asyncio.run(main())
