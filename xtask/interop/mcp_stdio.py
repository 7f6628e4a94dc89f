"""The official MCP SDK for Python hires through `ainur mcp`, as any MCP client would.

Usage: mcp_stdio.py BINARY DATA_DIR (with the agent `json.echo` in it)
"""
import asyncio
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


async def main(binary: str, data_dir: str) -> None:
    arguments = ["--data-dir", data_dir, "mcp", "--reserve", "1", "--limit", "2"]
    server = StdioServerParameters(command=binary, args=arguments)
    async with stdio_client(server) as streams, ClientSession(*streams) as session:
        await session.initialize()
        tools = await session.list_tools()
        assert "json.echo" in [tool.name for tool in tools.tools], tools
        heard = []

        async def progress(done, total, message):
            heard.append(message)

        first = await session.call_tool("json.echo", {"say": "hi"}, progress_callback=progress)
        assert not first.is_error and first.structured_content == {"say": "hi"}, first
        assert any(message.startswith("settled") for message in heard), heard
        second = await session.call_tool("json.echo", {"say": "more"})
        assert "more" in second.content[0].text, second
        third = await session.call_tool("json.echo", {})
        assert third.is_error and "budget" in third.content[0].text, third
        resources = await session.list_resources()
        assert len(resources.resources) == 2, resources
        read = await session.read_resource(resources.resources[0].uri)
        assert "more" in read.contents[0].text, read


asyncio.run(main(*sys.argv[1:]))
print("the official SDK hired twice, was stopped by its budget, and read what it bought")
