// mcp-remote: a stdio client's way to a server by address.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(`${process.env.CLIENT_MODULES}/`);
const load = (path) => import(pathToFileURL(require.resolve(`@modelcontextprotocol/sdk/${path}`)));
const { Client } = await load('client/index.js');
const { StdioClientTransport } = await load('client/stdio.js');

async function connect(key) {
  const proxy = `${process.env.CLIENT_MODULES}/node_modules/.bin/mcp-remote`;
  const args = [proxy, process.env.BRIDGE_URL, '--header', 'Authorization:${BRIDGE_AUTHORIZATION}', '--transport', 'http-only'];
  const env = { ...process.env, BRIDGE_AUTHORIZATION: `Bearer ${key}` };
  const client = new Client({ name: 'remote', version: '1.0.0' });
  await client.connect(new StdioClientTransport({ command: process.execPath, args, env, stderr: 'ignore' }), { timeout: 20000 });
  return client;
}

const client = await connect(process.env.BRIDGE_KEY);
const { tools } = await client.listTools();
assert(tools.length > 10);
const ran = await client.callTool({ name: 'terminal_execute', arguments: { command: 'echo remote' } });
assert.equal(ran.structuredContent.stdout, 'remote\n');
await client.close();
await assert.rejects(connect('wrong'));
process.exit(0);
