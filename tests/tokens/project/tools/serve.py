"""Shows the catalogue as JSON to the club's web page."""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from shelf.store import Store


class Catalogue(BaseHTTPRequestHandler):
    def do_GET(self):
        store = Store(Path("shelf.json"))
        body = json.dumps([book.label() for book in store.books.values()]).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    server = HTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0), Catalogue)
    print(f"serving the catalogue on port {server.server_port}", flush=True)
    server.serve_forever()
