"""LangChain's adapters: the bridge's tools, and a retriever over its memory."""

import asyncio
import json
import os

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import BaseTool
from langchain_mcp_adapters.client import MultiServerMCPClient

URL, KEY = os.environ["BRIDGE_URL"], os.environ["BRIDGE_KEY"]


def answer(result) -> dict:
    """The JSON of a result, be it a text or a list of blocks."""
    text = result if isinstance(result, str) else "".join(block["text"] for block in result if block["type"] == "text")
    return json.loads(text)


class MemoryRetriever(BaseRetriever):
    recall: BaseTool

    def _get_relevant_documents(self, query, *, run_manager):
        return asyncio.run(self._aget_relevant_documents(query, run_manager=run_manager))

    async def _aget_relevant_documents(self, query, *, run_manager):
        found = answer(await self.recall.ainvoke({"query": query, "limit": 3}))
        return [
            Document(page_content=entry["content"], id=entry["id"], metadata={"tags": entry["tags"], "score": entry["score"]})
            for entry in found["items"]
        ]


def connection(**how) -> MultiServerMCPClient:
    return MultiServerMCPClient({"bridge": how})


async def use(client: MultiServerMCPClient) -> None:
    tools = {tool.name: tool for tool in await client.get_tools()}
    for content in ["The boiler was serviced in March", "Anna plays the cello", "The garden gate is blue"]:
        assert answer(await tools["memory_add"].ainvoke({"content": content}))["success"]
    documents = await MemoryRetriever(recall=tools["memory_recall"]).ainvoke("Who plays an instrument?")
    assert documents and documents[0].page_content == "Anna plays the cello", documents


async def main() -> None:
    http = {"transport": "streamable_http", "url": URL}
    await use(connection(**http, headers={"Authorization": f"Bearer {KEY}"}))
    try:
        await asyncio.wait_for(connection(**http, headers={"Authorization": "Bearer wrong"}).get_tools(), 20)
    except BaseException as error:
        assert not isinstance(error, (KeyboardInterrupt, asyncio.TimeoutError)), error
    else:
        raise AssertionError("a wrong key got in")
    arguments = ["--directory", os.environ["BRIDGE_STDIO_DIRECTORY"], "stdio"]
    await use(connection(transport="stdio", command=os.environ["BRIDGE_PROGRAM"], args=arguments))


asyncio.run(main())
