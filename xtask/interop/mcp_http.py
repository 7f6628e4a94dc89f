"""The official MCP SDK for Python hires through a running node, over streamable HTTP.

Usage: mcp_http.py BASE_URL TOKEN (of a node with the agent `json.echo`; the token's limit is 2 AINU)
"""
import asyncio
import sys

import httpx2
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client


async def main(base: str, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        async with (
            streamable_http_client(f"{base}/mcp", http_client=http) as streams,
            ClientSession(streams[0], streams[1]) as session,
        ):
            await session.initialize()
            tools = await session.list_tools()
            assert "json.echo" in [tool.name for tool in tools.tools], tools
            heard = []

            async def progress(done, total, message):
                heard.append(message)

            said = {"say": "hi"}
            meta = {"ainur/reserve": "1", "ainur/idempotency-key": "once"}
            first = await session.call_tool("json.echo", said, progress_callback=progress, meta=meta)
            assert not first.is_error and first.structured_content == said, first
            assert heard, "no progress was told"
            again = await session.call_tool("json.echo", said, meta=meta)
            assert again.meta["ainur/task"] == first.meta["ainur/task"], (first, again)
            await session.call_tool("json.echo", said, meta={"ainur/reserve": "1"})
            third = await session.call_tool("json.echo", said, meta={"ainur/reserve": "1"})
            assert third.is_error and "allows 2 AINU" in third.content[0].text, third
            resources = await session.list_resources()
            assert len(resources.resources) == 2, resources
            read = await session.read_resource(resources.resources[0].uri)
            assert "hi" in read.contents[0].text, read


asyncio.run(main(*sys.argv[1:]))
print("mcp over HTTP: hired twice, found a task by its key, was stopped by its budget")
