// The TypeScript SDK, over HTTP and stdio.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(`${process.env.CLIENT_MODULES}/`);
const load = (path) => import(pathToFileURL(require.resolve(`@modelcontextprotocol/sdk/${path}`)));
const { Client } = await load('client/index.js');
const { StreamableHTTPClientTransport } = await load('client/streamableHttp.js');
const { StdioClientTransport } = await load('client/stdio.js');
const { BRIDGE_URL, BRIDGE_KEY, BRIDGE_PROGRAM, BRIDGE_STDIO_DIRECTORY } = process.env;

const http = (key) =>
  new StreamableHTTPClientTransport(new URL(BRIDGE_URL), { requestInit: { headers: { Authorization: `Bearer ${key}` } } });

async function use(transport) {
  const client = new Client({ name: 'typescript', version: '1.0.0' });
  await client.connect(transport);
  const { tools } = await client.listTools();
  assert(tools.some((tool) => tool.name === 'filesystem_search'));
  // The SDK compiles every output schema and holds structured content against it.
  const added = await client.callTool({ name: 'memory_add', arguments: { content: 'TypeScript was here' } });
  assert.equal(added.structuredContent.success, true);
  const written = await client.callTool({ name: 'filesystem_write', arguments: { path: 'from-ts.txt', content: 'é\n' } });
  assert.equal(written.structuredContent.bytes_written, 2);
  const read = await client.callTool({ name: 'filesystem_read', arguments: { path: 'from-ts.txt' } });
  assert.equal(read.structuredContent.content, 'é\n');
  const reports = [];
  const options = { onprogress: (report) => reports.push(report.progress), resetTimeoutOnProgress: true, timeout: 4500 };
  // Longer than the client's patience: only progress keeps it waiting.
  const slow = { name: 'terminal_execute', arguments: { command: 'sleep 7; echo done' } };
  const done = await client.callTool(slow, undefined, options);
  assert.equal(done.structuredContent.stdout, 'done\n');
  assert(reports.length >= 2, `${reports}`);
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 300);
  const endless = { name: 'terminal_execute', arguments: { command: 'sleep 29' } };
  await assert.rejects(client.callTool(endless, undefined, { signal: stop.signal }));
  const resource = await client.readResource({ uri: 'history://today' });
  assert.match(resource.contents[0].text, /terminal_execute/);
  await client.close();
}

await use(http(BRIDGE_KEY));
const wrong = new Client({ name: 'typescript', version: '1.0.0' });
await assert.rejects(wrong.connect(http('wrong')), /403|Invalid API key/);
await use(new StdioClientTransport({ command: BRIDGE_PROGRAM, args: ['--directory', BRIDGE_STDIO_DIRECTORY, 'stdio'] }));
