"""The packages that turn tools into what a model's API takes: Google, OpenAI, Anthropic, LangChain."""

import asyncio
import base64
import json
import os

from agents.mcp import MCPServerStreamableHttp
from agents.mcp.util import MCPUtil
from anthropic.lib.tools.mcp import async_mcp_tool
from google.genai import types
from google.genai._mcp_utils import mcp_to_gemini_tools
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_mcp_adapters.client import MultiServerMCPClient
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client

URL, HEADERS = os.environ["BRIDGE_URL"], {"Authorization": f"Bearer {os.environ['BRIDGE_KEY']}"}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="


def is_open(schema: dict) -> bool:
    """Whether it has an object of any fields, which OpenAI's strict mode does not know."""
    below = [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]
    is_map = schema.get("type") == "object" and not schema.get("properties")
    return is_map or any(map(is_open, below))


def google(tools) -> None:
    for tool, converted in zip(tools, mcp_to_gemini_tools(tools), strict=True):
        declared = converted.function_declarations[0]
        assert declared.name == tool.name and declared.parameters.type == types.Type.OBJECT, declared
        assert set(declared.parameters.properties) == set(tool.inputSchema["properties"]), tool.name
        # Google's own type for schemas refuses every word that it does not know.
        types.FunctionDeclaration(name=tool.name, description=tool.description, parameters=tool.inputSchema)
    read = next(tool for tool in tools if tool.name == "filesystem_read")
    form = mcp_to_gemini_tools([read])[0].function_declarations[0].parameters.properties["as"]
    assert form.enum == ["text", "base64", "auto", "document"], form


async def openai(tools) -> None:
    async with MCPServerStreamableHttp({"url": URL, "headers": HEADERS}) as server:
        for tool in await server.list_tools():
            converted = MCPUtil.to_function_tool(tool, server, True)
            assert converted.strict_json_schema != is_open(tool.inputSchema), f"{tool.name} in the strict mode"
        assert sum(not is_open(tool.inputSchema) for tool in tools) > 40


def anthropic(tools, session) -> None:
    for tool in tools:
        converted = async_mcp_tool(tool, session).to_dict()
        assert converted["input_schema"] == tool.inputSchema, tool.name
        assert all(len(name) <= 64 for name in tool.inputSchema["properties"]), tool.name


async def langchain() -> None:
    client = MultiServerMCPClient({"bridge": {"transport": "streamable_http", "url": URL, "headers": HEADERS}})
    tools = {tool.name: tool for tool in await client.get_tools()}
    for tool in tools.values():
        converted = convert_to_openai_tool(tool)
        assert converted["function"]["parameters"]["type"] == "object", converted
    blocks = await tools["filesystem_read"].ainvoke({"path": "pixel.png", "as": "auto"})
    assert [block["type"] for block in blocks] == ["text", "image"], blocks


async def main() -> None:
    async with streamablehttp_client(URL, HEADERS) as (reader, writer, _), ClientSession(reader, writer) as session:
        await session.initialize()
        tools = (await session.list_tools()).tools
        google(tools)
        await openai(tools)
        anthropic(tools, session)
        script = f"echo {PIXEL} | base64 -d > pixel.png"
        made = await session.call_tool("terminal_execute", {"command": script})
        assert made.structuredContent["success"], made
        shown = await session.call_tool("filesystem_read", {"path": "pixel.png", "as": "auto"})
        # A client that gives its model the structured part alone still says that there is a picture.
        media = shown.structuredContent["media"]
        assert media == [{"type": "image", "mime_type": "image/png", "size": len(base64.b64decode(PIXEL)), "content": 1}], media
        assert json.loads(shown.content[0].text)["media"] == media and shown.content[1].data == PIXEL, shown
    await langchain()


asyncio.run(main())
