// What each step of steps.json costs a model by each of three servers: the arguments that it writes and what it is shown
// of the result. Every step is checked: what its results must say, and what the files must have afterwards.
// measure.mjs PROGRAM MODULES [--write]: the bridge's program, the folder of the Node modules; the table goes to standard
// output, and with --write into docs/performance.md. It fails when a check fails or the goal is missed. With TOKENS_SHOW=1 all
// that is said goes to standard error.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const [program, modules, option] = process.argv.slice(2);
const load = createRequire(join(modules, "package.json"));
const { Client } = load("@modelcontextprotocol/sdk/client/index.js");
const { StdioClientTransport } = load("@modelcontextprotocol/sdk/client/stdio.js");
const { encode } = load("gpt-tokenizer/encoding/o200k_base");

const GOAL = 0.6;
const here = dirname(fileURLToPath(import.meta.url));
const steps = JSON.parse(readFileSync(join(here, "steps.json"), "utf8"));
const work = mkdtempSync(join(tmpdir(), "tokens-"));
const text = (path) => readFileSync(join(here, path), "utf8");

// Each server as its own documentation says how to start it.
const script = (name, path, ...more) => [process.execPath, [join(modules, "node_modules", name, path), ...more]];
const servers = {
  bridge: (root) => [[program, ["--directory", root, "stdio"]]],
  commander: () => [script("@wonderwhy-er/desktop-commander", "dist/index.js")],
  reference: (root) => [
    script("@modelcontextprotocol/server-filesystem", "dist/index.js", root),
    script("mcp-server-commands", "build/index.js"),
    script("@modelcontextprotocol/server-memory", "dist/index.js"),
  ],
};

// A repository of its own, and a home in which no server finds another's settings.
function prepared(name) {
  const [root, home] = [join(work, name, "shelf"), join(work, name, "home")];
  cpSync(join(here, "project"), root, { recursive: true });
  mkdirSync(home);
  const env = { PATH: process.env.PATH, HOME: home, LANG: "C.UTF-8", MEMORY_FILE_PATH: join(home, "memory.jsonl") };
  const git = (...words) => execFileSync("git", words, { cwd: root, env });
  git("init", "-q", "-b", "main");
  git("config", "user.name", "Ada");
  git("config", "user.email", "ada@example.org");
  writeFileSync(join(root, ".git", "info", "exclude"), "memory/\n.env\npermissions.toml\nserve.log\n");
  git("add", "-A");
  git("commit", "-q", "-m", "The desk");
  return { root, env };
}

// The tools of all of a way's processes, each with the client that has it, and what a model is told at the start.
async function connected(name, root, env) {
  const clients = [], tools = new Map(), published = [];
  let told = "";
  for (const [command, args] of servers[name](root)) {
    const client = new Client({ name: "tokens", version: "1" });
    await client.connect(new StdioClientTransport({ command, args, cwd: root, env, stderr: "ignore" }));
    clients.push(client);
    told += client.getInstructions() ?? "";
    for (const tool of (await client.listTools()).tools) {
      if (!tools.has(tool.name)) published.push(tool);
      tools.set(tool.name, client);
    }
  }
  return { clients, tools, published, told };
}

// "{name}" stands for what was kept, "#{name}" for it as a number, "@name" for a file of texts/.
function filled(value, kept) {
  if (typeof value === "string") {
    if (value.startsWith("@")) return text(join("texts", value.slice(1)));
    if (value.startsWith("#{")) return Number(kept[value.slice(2, -1)]);
    return value.replace(/\{(\w+)\}/g, (_, name) => kept[name]);
  }
  if (Array.isArray(value)) return value.map((item) => filled(item, kept));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, filled(item, kept)]));
}

// Clients of one kind show a model the structured content where there is any (Claude Code, Codex, VS Code), those of the
// other the content (Gemini CLI, LangChain, the Agents SDK).
function shown(result) {
  const content = result.content.map((block) => block.text ?? JSON.stringify(block)).join("\n");
  const structured = result.structuredContent ? JSON.stringify(result.structuredContent) : content;
  return { content, structured };
}

function cost(sent, result) {
  const of = (seen) => {
    const all = [sent, seen];
    return { tokens: all.reduce((sum, part) => sum + encode(part).length, 0), bytes: Buffer.byteLength(all.join("")) };
  };
  return { content: of(result.content), structured: of(result.structured), wire: result.wire };
}

// What the results must say, "@size:PATH" a file's size, and what files must have afterwards.
function check(what, step, results, root) {
  const said = results.map((result) => result.content).join("\n");
  const missing = (text, where) => new Error(`${what}: no "${text}" in ${where}:\n${said.slice(0, 2000)}`);
  for (const expected of step.expect) {
    const text = expected.startsWith("@size:") ? String(statSync(join(root, expected.slice(6))).size) : expected;
    if (!said.includes(text)) throw missing(text, "the results");
  }
  for (const [path, expected] of Object.entries(step.files ?? {})) {
    if (!readFileSync(join(root, path), "utf8").includes(expected)) throw missing(expected, path);
  }
}

function add(sum, more) {
  for (const kind of ["content", "structured"]) for (const unit of ["tokens", "bytes"]) sum[kind][unit] += more[kind][unit];
  sum.wire += more.wire;
  return sum;
}

const nothing = () => ({ content: { tokens: 0, bytes: 0 }, structured: { tokens: 0, bytes: 0 }, wire: 0 });

async function measured(name) {
  const { root, env } = prepared(name);
  const { clients, tools, published, told } = await connected(name, root, env);
  const costs = [], kept = { root };
  try {
    for (const step of steps) {
      const results = [];
      let sum = nothing();
      for (const call of step.calls[name]) {
        if (call.unless) {
          // As long as a model takes at least before it asks again.
          await new Promise((resolve) => setTimeout(resolve, 1000));
          if (results.at(-1).content.match(call.unless)) continue;
        }
        const request = { name: call.tool, arguments: filled(call.arguments, kept) };
        const answer = await tools.get(call.tool).callTool(request);
        const result = { ...shown(answer), wire: Buffer.byteLength(JSON.stringify(answer)) };
        for (const [what, pattern] of Object.entries(call.keep ?? {})) kept[what] = result.content.match(pattern)?.[1];
        if (!result.content.includes(call.says ?? "")) throw new Error(`${name}: ${step.goal}: ${result.content}`);
        results.push(result);
        if (process.env.TOKENS_SHOW) console.error(`\n=== ${name}: ${step.goal}\n${JSON.stringify(request)}\n${result.content}`);
        sum = add(sum, cost(JSON.stringify(request), result));
      }
      check(`${name}: ${step.goal}`, step, results, root);
      costs.push(sum);
    }
  } finally {
    for (const client of clients) await client.close();
  }
  const seen = published.map(({ name, description, inputSchema }) => JSON.stringify({ name, description, inputSchema }));
  const list = { tools: published.length, tokens: encode(seen.join("\n") + told).length, bytes: Buffer.byteLength(JSON.stringify(published)) };
  return { costs, list, total: costs.reduce(add, nothing()) };
}

const number = (value) => Math.round(value).toLocaleString("en-US");
// The dearer of the two kinds of clients.
const dear = (of, unit = "tokens") => Math.max(of.content[unit], of.structured[unit]);

function table({ bridge, commander, reference }) {
  const ways = [bridge, commander, reference];
  const row = (name, values, ratio) => `| ${name} | ${values.map(number).join(" | ")} | ${ratio} |`;
  const of = (name, value) => row(name, ways.map(value), (value(bridge) / value(commander)).toFixed(2));
  return [
    "| Step | bridge | Desktop Commander | reference servers | bridge to Desktop Commander |",
    "|---|---|---|---|---|",
    ...steps.map((step, at) => of(step.goal, (way) => dear(way.costs[at]))),
    of("**All steps, tokens**", (way) => dear(way.total)),
    of("where a client shows the content", (way) => way.total.content.tokens),
    of("where it shows structured content", (way) => way.total.structured.tokens),
    of("bytes", (way) => dear(way.total, "bytes")),
    of("bytes / 4", (way) => dear(way.total, "bytes") / 4),
    of("bytes of the results as they are sent", (way) => way.total.wire),
    of("**The tools, tokens**", (way) => way.list.tokens),
    of("how many", (way) => way.list.tools),
    of("bytes of the whole list", (way) => way.list.bytes),
  ].join("\n");
}

try {
  const ways = {};
  for (const name of Object.keys(servers)) ways[name] = await measured(name);
  const ratio = dear(ways.bridge.total) / dear(ways.commander.total);
  const shownTable = table(ways);
  console.log(shownTable);
  if (option === "--write") {
    const page = join(here, "../../docs/performance.md");
    const parts = readFileSync(page, "utf8").split(/(?<=<!-- tokens -->\n)[^]*(?=<!-- \/tokens -->)/);
    writeFileSync(page, parts.join(`${shownTable}\n`));
  }
  console.log(`\nall steps: ${ratio.toFixed(2)} of Desktop Commander's tokens; the goal is at most ${GOAL}`);
  process.exitCode = ratio > GOAL ? 1 : 0;
} finally {
  rmSync(work, { recursive: true, force: true });
}
