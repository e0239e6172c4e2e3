"""What someone may do to the bridge, by malice or by accident. Each returns a sentence about what it saw."""

import asyncio
import collections
import concurrent.futures
import json
import os
import time

from server import KEY

SCENARIOS = []

# How many files a huge folder has.
FILES = int(os.environ.get("BRIDGE_LOAD_FILES", 1_000_000))


def scenario(**settings):
    def add(function):
        SCENARIOS.append((function, settings))
        return function
    return add


def statuses(results):
    return ", ".join(f"{count}x {status}" for status, count in collections.Counter(results).most_common())


async def talk(server, request, wait=40):
    """Sends bytes on a new connection; the status that comes back."""
    try:
        reader, writer = await asyncio.open_connection(*server.address)
        writer.write(request)
        line = await asyncio.wait_for(reader.readline(), wait)
        writer.close()
        return line.split()[1].decode() if line else "closed"
    except (OSError, asyncio.TimeoutError, IndexError) as error:
        return type(error).__name__


def request(server, path, arguments):
    body = json.dumps(arguments).encode()
    return server.head(path, len(body)) + body


async def trickle(server, count, start, drop, seconds):
    """Opens connections that send a byte now and then."""
    streams, closed = [], 0
    for _ in range(count):
        try:
            _, writer = await asyncio.open_connection(*server.address)
            writer.write(start)
            streams.append(writer)
        except OSError:
            closed += 1
    for _ in range(seconds):
        for writer in streams:
            if not writer.is_closing():
                writer.write(drop)
        await asyncio.sleep(1)
    for writer in streams:
        writer.close()
    return f"{count} connections, {closed} not accepted"


@scenario()
def half_sent_heads(server):
    return asyncio.run(trickle(server, 2000, b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", b"a", 12))


@scenario()
def half_sent_bodies_without_a_key(server):
    return asyncio.run(trickle(server, 2000, server.head("/memory/add", 1_000_000, key=False) + b"{", b" ", 12))


@scenario()
def ten_thousand_connections(server):
    return asyncio.run(trickle(server, 10_000, b"", b"", 5))


@scenario()
def large_bodies_without_a_key(server):
    async def send(size):
        try:
            reader, writer = await asyncio.open_connection(*server.address)
            writer.write(server.head("/memory/add", size, key=False) + b'{"content": "')
            for _ in range(size // 65536):
                writer.write(b"x" * 65536)
                await writer.drain()
            line = await asyncio.wait_for(reader.readline(), 30)
            writer.close()
            return line.split()[1].decode() if line else "closed"
        except (OSError, asyncio.TimeoutError) as error:
            return type(error).__name__
    async def all():
        return await asyncio.gather(*(send(60 << 20) for _ in range(30)))
    return statuses(asyncio.run(all()))


@scenario()
def many_large_files_read_at_once_by_clients_that_do_not_listen(server):
    with open(f"{server.directory}/large.txt", "w") as file:
        file.write("x" * (20 << 20))
    async def ask():
        try:
            reader, writer = await asyncio.open_connection(*server.address, limit=1024)
            writer.write(request(server, "/filesystem/read", {"path": "large.txt"}))
            line = await asyncio.wait_for(reader.readline(), 30)
            await asyncio.sleep(5)
            writer.close()
            return line.split()[1].decode() if line else "closed"
        except (OSError, asyncio.TimeoutError) as error:
            return type(error).__name__
    async def all():
        return await asyncio.gather(*(ask() for _ in range(60)))
    return statuses(asyncio.run(all()))


@scenario()
def ten_thousand_commands(server):
    async def all():
        command = request(server, "/terminal/execute", {"command": "sleep 0.2"})
        return await asyncio.gather(*(talk(server, command) for _ in range(10_000)))
    return statuses(asyncio.run(all()))


def run_many(server, count, command, timeout):
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        calls = [pool.submit(server.post, "/terminal/execute", {"command": command, "timeout": timeout}) for _ in range(count)]
        return statuses(call.result()[0] for call in calls)


def gone(server):
    """Waits until the bridge has no process left that a command started."""
    end = time.monotonic() + 20
    while (left := server.children()) > 0 and time.monotonic() < end:
        time.sleep(0.1)
    return f"{left} processes left"


@scenario()
def forty_times_yes(server):
    return f"{run_many(server, 40, 'yes', 5)}; {gone(server)}"


@scenario()
def a_bomb_of_three_thousand_processes(server):
    # Bounded, so that a bridge which does not hold it still leaves a machine.
    program = "import os, time\nfor _ in range(12):\n  os.fork()\ntime.sleep(60)"
    with open(f"{server.directory}/bomb.py", "w") as file:
        file.write(program)
    return f"{run_many(server, 1, 'python3 bomb.py', 5)}; {gone(server)}"


@scenario()
def a_command_that_takes_four_gibibytes(server):
    with open(f"{server.directory}/hog.py", "w") as file:
        file.write("import time\nx = bytearray(4 << 30)\ntime.sleep(60)")
    return f"{run_many(server, 1, 'python3 hog.py', 5)}; {gone(server)}"


@scenario()
def a_folder_of_a_million_files(server):
    folder = f"{server.directory}/million"
    os.mkdir(folder)
    for number in range(FILES):
        os.close(os.open(f"{folder}/file-{number}", os.O_CREAT | os.O_WRONLY, 0o600))
    seen = []
    for path, arguments in (
        ("/filesystem/list", {"path": "million"}),
        ("/filesystem/list", {"path": ".", "recursive": True}),
        ("/filesystem/search", {"path": "million", "name": "*999*"}),
        ("/filesystem/search", {"path": "million", "query": "nothing"}),
        ("/filesystem/tree", {"path": "million"}),
        ("/filesystem/tree", {"path": "million", "exclude": ["file-*"]}),
    ):
        started = time.monotonic()
        status, answer = server.post(path, arguments, timeout=120)
        seen.append(f"{status} with {len(answer) >> 20} MiB in {time.monotonic() - started:.1f} s")
    return "; ".join(seen)


@scenario()
def links_that_lead_in_circles(server):
    os.makedirs(f"{server.directory}/round/a/b")
    for place, target in (("round/self", "."), ("round/a/up", ".."), ("round/a/b/top", server.directory), ("round/x", "x")):
        os.symlink(target, f"{server.directory}/{place}")
    listed = server.post("/filesystem/list", {"path": "round", "recursive": True})
    found = server.post("/filesystem/search", {"path": "round", "name": "*"})
    read = server.post("/filesystem/read", {"path": "round/x"})
    return f"list {listed[0]}, search {found[0]}, read {read[0]}"


@scenario()
def expressions_that_blow_up(server):
    with open(f"{server.directory}/a.txt", "w") as file:
        file.write("a" * (10 << 20) + "b\n")
    expressions = ["(a+)+$", "(a|a)*b{500}", "((a{100}){100}){100}", "(.*a){25}", "[[:alpha:]]{50000}", "(x+x+)+y"]
    calls = [{"path": ".", "query": expression, "regex": True} for expression in expressions]
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return statuses(pool.map(lambda call: server.post("/filesystem/search", call)[0], calls))


@scenario(small_history=True)
def a_history_that_fills_the_disk(server):
    async def all():
        line = request(server, "/internet/search", {"query": "x" * 90})
        return [status for _ in range(30) for status in await asyncio.gather(*(talk(server, line) for _ in range(100)))]
    return statuses(asyncio.run(all()))


@scenario()
def five_thousand_wrong_keys(server):
    async def all():
        wrong = request(server, "/internet/search", {"query": "x"}).replace(KEY.encode(), b"wrong-key-wrong-key-wrng")
        return [status for _ in range(50) for status in await asyncio.gather(*(talk(server, wrong) for _ in range(100)))]
    seen = asyncio.run(all())
    right, _ = server.post("/internet/search", {"query": "x"})
    return f"{statuses(seen)}; the right key after them: {right}"


@scenario(MCP_FETCH_ALLOW_PRIVATE="true")
def thirty_answers_that_unpack_to_a_gibibyte(server):
    import gzip
    import http.server
    import threading
    bomb = gzip.compress(b"\0" * (1 << 30), 1)

    class Bomb(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(bomb)))
            self.end_headers()
            try:
                self.wfile.write(bomb)
            except OSError:
                pass

        def log_message(self, *_):
            pass

    upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bomb)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{upstream.server_port}/"
    with concurrent.futures.ThreadPoolExecutor(30) as pool:
        seen = list(pool.map(lambda _: server.post("/internet/fetch", {"url": url})[0], range(30)))
    upstream.shutdown()
    return statuses(seen)
