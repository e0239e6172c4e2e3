// Vercel's AI SDK: its client, and the tools as it hands them to a model.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(`${process.env.CLIENT_MODULES}/`);
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { createMCPClient } = await load('@ai-sdk/mcp');
const { asSchema } = await load('ai');
const { BRIDGE_URL, BRIDGE_KEY } = process.env;

const connect = (key) =>
  createMCPClient({ transport: { type: 'http', url: BRIDGE_URL, headers: { Authorization: `Bearer ${key}` } } });

const client = await connect(BRIDGE_KEY);
const tools = await client.tools();
assert(Object.keys(tools).length > 40);
for (const [name, tool] of Object.entries(tools)) {
  const schema = await asSchema(tool.inputSchema).jsonSchema;
  assert.equal(schema.type, 'object', name);
  assert.equal(typeof tool.description, 'string', name);
}
const options = { toolCallId: 'call', messages: [] };
const ran = await tools.terminal_execute.execute({ command: 'echo from the AI SDK' }, options);
assert.equal(ran.structuredContent.stdout, 'from the AI SDK\n');
const refused = await tools.filesystem_read.execute({ path: '/etc/shadow' }, options).catch((error) => ({ error }));
assert(refused.error || refused.isError, JSON.stringify(refused));
await client.close();
await assert.rejects(async () => (await connect('wrong')).tools());
