// Runs cells one after the other in one context. Requests: a line "CELL SIZE", then SIZE bytes of code.
const fs = require('fs');
const repl = require('repl');
const util = require('util');
const { PassThrough } = require('stream');

const mark = process.argv[1];
process.argv.length = 1;
const quiet = new PassThrough();
quiet.resume();
const interpreter = repl.start({
  prompt: '', input: new PassThrough(), output: quiet, terminal: false, useGlobal: true, breakEvalOnSigint: true,
});
// The cell under way: what it throws goes there. What an earlier one throws later is only shown.
let finish = null;
function thrown(error) {
  if (finish) finish(error);
  else process.stderr.write(`Uncaught ${util.inspect(error)}\n`);
}
process.on('uncaughtException', thrown);
process.on('SIGINT', () => {});
// Up to Node 22 a domain catches what code in the REPL throws.
if (interpreter._domain) interpreter._domain.removeAllListeners('error').on('error', thrown);

function kills() {
  for (const path of ['/sys/fs/cgroup/memory.events', '/sys/fs/cgroup/memory/memory.oom_control']) {
    try {
      const line = fs.readFileSync(path, 'utf8').split('\n').find((line) => line.startsWith('oom_kill '));
      return Number(line.split(' ')[1]);
    } catch {}
  }
  return 0;
}

function failure(error) {
  if (!(error instanceof Error) && !(error && error.stack)) {
    return { name: 'Thrown', message: util.inspect(error), traceback: 'Uncaught ' + util.inspect(error) };
  }
  // Frames of node and of this program are not the caller's.
  const foreign = /^\s+at .*(node:|\[eval\])/;
  const lines = util.inspect(error).split('\n').filter((line) => !foreign.test(line));
  return { name: error.name, message: String(error.message), traceback: lines.join('\n') };
}

function answer(cell, code, done) {
  const before = kills();
  const end = (error, value) => {
    if (finish !== end) return;
    finish = null;
    const shown = error == null && value !== undefined ? { 'text/plain': util.inspect(value) } : null;
    const line = JSON.stringify({
      cell: Number(cell), code: error == null ? 0 : 1, kills: kills() - before, result: shown, displays: [],
      error: error == null ? null : failure(error),
    });
    process.stderr.write(mark);
    process.stdout.write(`${mark}done ${line}\n`);
    done();
  };
  finish = end;
  // An unfinished statement is a mistake here: no further line will come.
  const ended = (error, value) => end(error && error.err || error, value);
  try {
    interpreter.eval(code + '\n', interpreter.context, `cell-${cell}`, ended);
  } catch (error) {
    end(error);
  }
}

const socket = new (require('net').Socket)({ fd: 3, readable: true, writable: false });
let waiting = Buffer.alloc(0);
let busy = false;
function next() {
  const end = waiting.indexOf(10);
  if (busy || end < 0) return;
  const [cell, size] = waiting.subarray(0, end).toString().split(' ');
  const from = end + 1;
  const to = from + Number(size);
  if (waiting.length < to) return;
  const code = waiting.subarray(from, to).toString();
  waiting = waiting.subarray(to);
  busy = true;
  answer(cell, code, () => { busy = false; setImmediate(next); });
}
socket.on('data', (data) => { waiting = Buffer.concat([waiting, data]); next(); });
socket.on('end', () => process.exit(113));
