# needs: node
mkdir lib && echo 'module.exports = x => x * 2' > lib/twice.js
cat > app.js <<'J'
const { Worker, isMainThread, parentPort } = require('worker_threads');
const { execFileSync, fork } = require('child_process');
const fs = require('fs'), os = require('os'), path = require('path'), net = require('net');
if (!isMainThread) { parentPort.postMessage(require('./lib/twice')(21)); return; }
if (process.argv[2] === 'child') { process.send('from the child'); return; }
(async () => {
  new Worker(__filename).on('message', n => console.log('worker', n));
  await new Promise(done => setTimeout(done, 1));
  console.log(execFileSync(process.execPath, ['-p', '6*7']).toString().trim());
  const dir = fs.mkdtempSync(path.join('.', 'day-'));
  fs.writeFileSync(dir + '/f', 'x'); fs.renameSync(dir + '/f', './moved'); fs.rmdirSync(dir); fs.rmdirSync(fs.mkdtempSync(os.tmpdir() + '/day-'));
  fs.cpSync('lib', 'copy', { recursive: true }); console.log(fs.readdirSync('copy'));
  const seen = new Promise(done => { const w = fs.watch('.', (_, name) => { if (name === 'watched') { w.close(); done(name); } }); });
  fs.writeFileSync('watched', ''); console.log(await seen);
  console.log(await new Promise(done => fork(__filename, ['child']).on('message', done)));
  const server = net.createServer(s => s.end('over a socket')).listen('./node.sock');
  await new Promise(done => server.once('listening', done));
  net.connect('./node.sock').on('data', d => { console.log(String(d)); server.close(); });
})();
J
node app.js | sort
node --test --test-reporter=tap <(echo 'require("node:test")("works", () => {})') >/dev/null 2>&1; echo "test runner $?"
