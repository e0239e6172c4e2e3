"""A bridge over a scratch directory, and a watcher beside it: how long /health takes, how much memory the bridge has."""

import http.client
import json
import multiprocessing
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

KEY = "load-test-key-0123456789"


class Server:
    """The program, started as a person starts it. Nobody reads its log: a full pipe must not stop it."""

    def __init__(self, program, small_history=False, **settings):
        self.directory = tempfile.mkdtemp(prefix="bridge-load-", dir="/tmp")
        command = [program, "--directory", self.directory]
        if small_history:
            os.makedirs(f"{self.directory}/memory/history")
            mount = 'mount -t tmpfs -o size=256k,mode=700 tmpfs "$0/memory/history" && exec "$@"'
            user = [] if os.geteuid() == 0 else ["--map-root-user"]
            command = ["unshare", "--mount", *user, "sh", "-c", mount, self.directory, *command]
        environment = {"PATH": os.environ["PATH"], "HOME": self.directory, "MCP_API_KEY": KEY, "MCP_PORT": "0"}
        self.process = subprocess.Popen(
            command, env={**environment, **settings}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        line = self.process.stdout.readline().decode()
        found = re.search(r"http://([\d.]+):(\d+)", line)
        if not found:
            raise SystemExit(f"the server does not start: {line} {self.process.stderr.read().decode()}")
        self.address = (found[1], int(found[2]))

    def post(self, path, arguments, timeout=60):
        """Status and answer of one call, on a connection of its own."""
        connection = http.client.HTTPConnection(*self.address, timeout=timeout)
        try:
            headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
            connection.request("POST", path, json.dumps(arguments), headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def head(self, path, length, key=True):
        """The bytes of a request's head."""
        line = f"Authorization: Bearer {KEY}\r\n" if key else ""
        return (f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{line}Content-Type: application/json\r\n"
                f"Content-Length: {length}\r\n\r\n").encode()

    def connect(self):
        stream = socket.socket()
        stream.settimeout(5)
        stream.connect(self.address)
        return stream

    def children(self):
        """How many processes commands of the bridge have started and not yet ended. Its own two, which fork them, stay."""
        found = subprocess.run(["ps", "-o", "pid=,ppid=,comm=", "-A"], capture_output=True, text=True).stdout
        rows = [line.split(None, 2) for line in found.splitlines()]
        parents = {int(pid): int(parent) for pid, parent, _ in rows}
        forks = {int(pid) for pid, _, name in rows if name == "bridge-forks"}
        def descends(pid):
            while pid in parents:
                pid = parents[pid]
                if pid == self.process.pid:
                    return True
            return False
        return sum(1 for pid in parents if pid not in forks and descends(pid))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=20)
        finally:
            self.process.kill()
            self.process.stdout.close()
            self.process.stderr.close()
            shutil.rmtree(self.directory, ignore_errors=True)
        return code


class Watcher:
    """Asks for /health all the time, each time on a new connection, from a process of its own."""

    def __init__(self, server):
        self.ours, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=watch, args=(server.address, server.process.pid, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.ours.recv()

    def result(self):
        """The slowest answer in seconds, how many did not come, and the most memory in MiB."""
        self.ours.send("stop")
        result = self.ours.recv()
        self.process.join()
        return result


def watch(address, pid, pipe):
    pipe.send("ready")
    slowest, lost, most = 0.0, 0, 0
    while not pipe.poll(0.02):
        started = time.monotonic()
        try:
            connection = http.client.HTTPConnection(*address, timeout=10)
            connection.request("GET", "/health")
            lost += connection.getresponse().status != 200
            connection.close()
        except OSError:
            lost += 1
        slowest = max(slowest, time.monotonic() - started)
        most = max(most, memory(pid))
    pipe.send((slowest, lost, most))


def memory(pid):
    """Resident memory in MiB."""
    try:
        with open(f"/proc/{pid}/status") as status:
            return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmRSS"))
    except (OSError, StopIteration):
        return 0
