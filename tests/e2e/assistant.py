"""An assistant: the client of the official Python SDK on `weir mcp`. All that goes over the wire is kept, and every answer is held to the schema."""

import asyncio
import json
import subprocess
import threading

from support import PATIENCE_S, SECRET_KEY

TEE = 'tee -a "$0" | "$@" | tee -a "$0.answers"'  # the wire, as it is


class Assistant:
    def __init__(self, stack, *args, mode="legacy", env=None, below=()):
        self.stack, self.wire = stack, stack.folder.parent / f"{stack.folder.name}.wire"
        self.wire.write_text("")
        self.wire.with_suffix(".wire.answers").write_text("")
        self.progress = []
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.args, self.mode, self.env = [*map(str, below), *stack.command("mcp", *args)], mode, {**stack.env, **(env or {})}

    def _wait(self, what):
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(PATIENCE_S)

    async def _serve(self, begun, over):
        from mcp import StdioServerParameters
        from mcp.client.client import Client
        from mcp.client.stdio import stdio_client

        server = StdioServerParameters(command="sh", args=["-c", TEE, str(self.wire), *self.args], env=self.env, cwd=self.stack.folder)
        async with Client(stdio_client(server), mode=self.mode) as client:
            self.client = client
            begun.set()
            await over.wait()

    async def _begin(self):
        begun, self.over = asyncio.Event(), asyncio.Event()
        self.task = asyncio.create_task(self._serve(begun, self.over))
        ready = asyncio.create_task(begun.wait())
        await asyncio.wait([self.task, ready], return_when=asyncio.FIRST_COMPLETED)
        if self.task.done():
            self.task.result()

    async def _end(self):
        self.over.set()
        await self.task

    def __enter__(self):
        self._wait(self._begin())
        return self

    def __exit__(self, *_):
        self._wait(self._end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        assert SECRET_KEY not in self.transcript()
        check_answers(self.wire)

    def transcript(self):
        return self.wire.with_suffix(".wire.answers").read_text()

    def tools(self):
        return {tool.name: tool for tool in self._wait(self.client.list_tools()).tools}

    def resources(self):
        listed = self._wait(self.client.list_resources()).resources
        return [r.uri for r in listed] + [r.uri_template for r in self._wait(self.client.list_resource_templates()).resource_templates]

    def read(self, uri):
        return self._wait(self.client.read_resource(uri)).contents[0].text

    async def _heard(self, progress, total, message):
        self.progress.append(message)

    def result(self, tool, **arguments):
        """The answer and whether it is a failure."""
        answer = self._wait(self.client.call_tool(tool, arguments, progress_callback=self._heard))
        assert json.loads(answer.content[0].text) == answer.structured_content
        return answer.structured_content, answer.is_error

    def call(self, tool, **arguments):
        answer, failed = self.result(tool, **arguments)
        assert not failed, answer
        return answer

    def refused(self, tool, **arguments):
        """What is said to why."""
        answer, failed = self.result(tool, **arguments)
        assert failed and answer["status"] == "failed", answer
        return json.dumps(answer)

    def changes(self, **arguments):
        plan = self.call("plan", **arguments)
        return {event["address"]: event["action"] for event in plan["data"] if event["event"] == "change"}, plan.get("plan")


def check_answers(wire):
    """Every result is what the version of the protocol says, by the SDK's own models."""
    from mcp_types.methods import validate_server_result

    asked, version = {}, None
    for line in wire.read_text().splitlines():
        message = json.loads(line)
        if "id" in message:
            asked[message["id"]] = message
    answers = [json.loads(line) for line in wire.with_suffix(".wire.answers").read_text().splitlines()]
    for answer in answers:
        version = answer.get("result", {}).get("protocolVersion", version)
    for answer in answers:
        if "result" in answer:
            request = asked[answer["id"]]
            meta = request.get("params", {}).get("_meta", {}).get("io.modelcontextprotocol/protocolVersion")
            validate_server_result(request["method"], meta or version, answer["result"])
    return len(answers)


class Wire:
    """Messages by hand, where no client would send them."""

    def __init__(self, stack, *args):
        self.process = subprocess.Popen(
            stack.command("mcp", *args), cwd=stack.folder, env=stack.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.last = 0

    def send(self, message):
        self.process.stdin.write((message if isinstance(message, bytes) else json.dumps(message).encode()) + b"\n")
        self.process.stdin.flush()

    def ask(self, method, **params):
        self.last += 1
        self.send({"jsonrpc": "2.0", "id": self.last, "method": method, "params": params})
        return self.last

    def hear(self):
        return json.loads(self.process.stdout.readline())

    def begin(self, version="2025-11-25"):
        self.ask("initialize", protocolVersion=version, capabilities={}, clientInfo={"name": "test", "version": "1"})
        answer = self.hear()["result"]
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return answer

    def end(self):
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out.decode(), err.decode()
