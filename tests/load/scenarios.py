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


def pdf(*objects):
    """A PDF of these objects, numbered from 1; each a dictionary and perhaps a stream."""
    text, places = b"%PDF-1.7\n", []
    for number, (dictionary, *stream) in enumerate(objects, 1):
        places.append(len(text))
        body = f"<<{dictionary}>>".encode()
        if stream:
            body = f"<<{dictionary} /Length {len(stream[0])}>>\nstream\n".encode() + stream[0] + b"\nendstream"
        text += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"xref\n0 {len(places) + 1}\n0000000000 65535 f \n{table}trailer\n<</Size {len(places) + 1} /Root 1 0 R>>\n"
    return text + f"{end}startxref\n{len(text)}\n%%EOF\n".encode()


def page(resources, content, *more):
    return pdf(("/Type /Catalog /Pages 2 0 R",), ("/Type /Pages /Kids [3 0 R] /Count 1",),
               (f"/Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources <<{resources}>>",), content, *more)


def zipped(files):
    import io
    import zipfile
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def bombs():
    """Documents that no reader gets to the end of, by their names."""
    import zlib
    squeezed = zlib.compressobj(9)
    zeros = b"".join(squeezed.compress(bytes(1 << 20)) for _ in range(2048)) + squeezed.flush()
    form = "/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources <</XObject <</F 5 0 R>>>>"
    spaces = " ".join(f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text"))
    cell = '<table:table-cell table:number-columns-repeated="3000" office:value-type="string"><text:p>text</text:p></table:table-cell>'
    row = f'<table:table-row table:number-rows-repeated="3000">{cell}</table:table-row>'
    sheet = f'<office:document-content {spaces}><office:body><office:spreadsheet><table:table table:name="S">{row}</table:table></office:spreadsheet></office:body></office:document-content>'
    kinds, main = "http://schemas.openxmlformats.org/officeDocument/2006/relationships", "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    def relations(kind, target):
        return f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="{kinds}/{kind}" Target="{target}"/></Relationships>'
    corner = '<row r="{0}"><c r="{1}{0}"><v>1</v></c></row>'
    return {
        "range.xlsx": zipped({
            "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
            "_rels/.rels": relations("officeDocument", "xl/workbook.xml"),
            "xl/_rels/workbook.xml.rels": relations("worksheet", "worksheets/sheet1.xml"),
            "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{kinds}"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
            "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{corner.format(1, "A")}{corner.format(1048576, "XFD")}</sheetData></worksheet>',
        }),
        "repeated.ods": zipped({"mimetype": "application/vnd.oasis.opendocument.spreadsheet",
                                "META-INF/manifest.xml": '<manifest:manifest xmlns:manifest="m"/>', "content.xml": sheet}),
        "itself.pdf": page("/XObject <</F 5 0 R>>", ("", b"/F Do"), (form, b"/F Do")),
        "states.pdf": page("", ("/Filter /FlateDecode", zlib.compress(b"q " * 3_000_000))),
        "zeros.pdf": page("", ("/Filter [/FlateDecode /FlateDecode]", zlib.compress(zeros))),
    }


@scenario()
def forty_documents_that_have_no_end(server):
    names = []
    for name, content in bombs().items():
        with open(f"{server.directory}/{name}", "wb") as file:
            file.write(content)
        names.append(name)
    calls = [{"path": names[number % len(names)], "as": "document"} for number in range(40)]
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return statuses(pool.map(lambda call: server.post("/filesystem/read", call, timeout=120)[0], calls))


@scenario()
def forty_patterns_that_are_too_large(server):
    with open(f"{server.directory}/a.txt", "w") as file:
        file.write("aaaaaaaaaa bbbbbbbbbb\n" * 1000)
    calls = [("/filesystem/search", {"path": ".", "query": query, "regex": True}) for query in
             ("x" * 1_000_000, r"\pL" * 199, r"\pL{500}", "(a?){400}a{400}", "((a{100}){100}){100}", "(a|b| ){1,300}c")]
    calls += [("/filesystem/tree", {"path": ".", "exclude": globs}) for globs in
              (["x" * 400_000], [f"{'*a?b' * 18}{number}" for number in range(100)])]
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        return statuses(pool.map(lambda number: server.post(*calls[number % len(calls)])[0], range(40)))


@scenario()
def six_bodies_of_every_kind(server):
    size = 48 << 20
    fields = ",".join(f'"{name:07}":0' for name in range(size // 12))
    bodies = [
        '{"content":"x",%s}' % fields,
        '{"content":"x","metadata":{"a":[%s0]}}' % ("0," * (size // 2)),
        '{"content":"x","metadata":{"a":%s%s}}' % ("[" * (size // 2), "]" * (size // 2)),
        '{"content":"x","tags":[%s0]}' % ("0," * (size // 2)),
        '{"content":"x","unknown":"%s"}' % ("\\u0041" * (size // 6)),
        '{"entries":[%s{}]}' % ("{}," * (size // 3)),
    ]
    async def send(path, body):
        return await talk(server, server.head(path, len(body)) + body.encode(), 120)
    async def all(body):
        path = "/memory/add_many" if body.startswith('{"entries"') else "/memory/add"
        return await asyncio.gather(*(send(path, body) for _ in range(6)))
    return statuses(status for body in bodies for status in asyncio.run(all(body)))
