# needs: python3 node curl
mkdir site && echo hello > site/index.html
wait_for() { for _ in $(seq 200); do [ -s "$1" ] && return 0; sleep 0.05; done; echo "no $1"; return 1; }
python3 -u -c "
import http.server, functools, os
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory='site')
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
open('port.new', 'w').write(str(server.server_port)); os.rename('port.new', 'port')
server.serve_forever()" 2>access.log &
python=$!
wait_for port && curl -s "http://127.0.0.1:$(cat port)/"
node -e "
const server = require('http').createServer((_, r) => r.end('from node\n')).listen(0, '127.0.0.1', () => {
  require('fs').writeFileSync('nodeport.new', String(server.address().port)); require('fs').renameSync('nodeport.new', 'nodeport');
});" &
node=$!
wait_for nodeport && curl -s "http://localhost:$(cat nodeport)/"
kill $python $node; wait $python || echo "python ended with $?"; wait $node || echo "node ended with $?"
grep -c GET access.log
