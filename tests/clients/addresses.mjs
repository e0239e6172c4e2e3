// Each list of tools, at its address, through Vercel's AI SDK.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(`${process.env.CLIENT_MODULES}/`);
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { createMCPClient } = await load('@ai-sdk/mcp');
const { asSchema } = await load('ai');
const { BRIDGE_URL, BRIDGE_KEY } = process.env;

const base = BRIDGE_URL.replace(/\/all$/, '');
const listed = ['filesystem_list', { path: '.' }, 'memory'];
const addresses = {
  '': listed,
  '/all': listed,
  '/read-only': listed,
  '/find': ['tools_find', { query: 'list a folder' }, 'filesystem_list'],
  '?tools=files': listed,
};
for (const [path, [name, args, expected]] of Object.entries(addresses)) {
  const headers = { Authorization: `Bearer ${BRIDGE_KEY}` };
  const client = await createMCPClient({ transport: { type: 'http', url: base + path, headers } });
  const tools = await client.tools();
  for (const [each, tool] of Object.entries(tools)) {
    assert.equal((await asSchema(tool.inputSchema).jsonSchema).type, 'object', each);
  }
  const called = await tools[name].execute(args, { toolCallId: 'call', messages: [] });
  assert(JSON.stringify(called).includes(expected), `${path}: ${JSON.stringify(called)}`);
  await client.close();
}
