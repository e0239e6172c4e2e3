// The suite cannot send headers of its own: adds the key to every request that it makes.
const { createRequire, syncBuiltinESMExports } = require('node:module');
const http = require('node:http');
const { setGlobalDispatcher, getGlobalDispatcher } = createRequire(process.argv[1])('undici');
const authorization = `Bearer ${process.env.MCP_API_KEY}`;

const fetched = globalThis.fetch;
globalThis.fetch = (input, init = {}) => {
  const headers = new Headers(init.headers ?? (input instanceof Request ? input.headers : undefined));
  if (!headers.has('authorization')) headers.set('authorization', authorization);
  return fetched(input, { ...init, headers });
};

for (const name of ['request', 'get']) {
  const original = http[name];
  http[name] = function (...all) {
    const request = original.apply(this, all);
    if (!request.headersSent && !request.hasHeader('authorization')) request.setHeader('authorization', authorization);
    return request;
  };
}
syncBuiltinESMExports();

const adding = (dispatch) => (options, handler) => {
  const headers = { ...(options.headers ?? {}), authorization };
  return dispatch({ ...options, headers }, handler);
};
setGlobalDispatcher(getGlobalDispatcher().compose(adding));
