// The pages as a person uses them: authorise in Swagger UI, try a route, read ReDoc; come in by a link of `mcp-server open`,
// answer, pause, log out. None may ask any other machine for anything.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const [program, directory] = process.argv.slice(2);
mkdirSync(directory, { recursive: true });

function start() {
  const server = spawn(program, ["--port", "0", "--directory", directory], { stdio: ["ignore", "pipe", "ignore"] });
  return new Promise((resolve, reject) => {
    let printed = "";
    server.on("exit", (code) => reject(new Error(`the server ended with ${code}`)));
    server.stdout.on("data", (data) => {
      printed += data;
      const url = printed.match(/listens on (http:\/\/\S+)/)?.[1];
      const key = printed.match(/Key\s+(\S+)/)?.[1];
      if (url && key) resolve({ server, url, key });
    });
  });
}

async function open(browser, url) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1400 } });
  const foreign = [], problems = [];
  page.on("request", (request) => {
    if (/^https?:/.test(request.url()) && !request.url().startsWith(new URL(url).origin)) foreign.push(request.url());
  });
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    if (/Content.Security.Policy|Refused to/i.test(message.text())) problems.push(message.text());
  });
  await page.goto(url, { waitUntil: "load" });
  return { page, foreign, problems };
}

async function keep(page, name) {
  if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, name) });
}

async function swagger(browser, { url, key }) {
  const { page, foreign, problems } = await open(browser, `${url}/docs`);
  await page.getByRole("button", { name: "Authorize" }).first().click();
  assert.equal(await page.locator(".dialog-ux .auth-container input").count(), 1, "Authorize has one box");
  await page.locator("#auth-bearer-value:focus").waitFor({ timeout: 5000 });
  await page.keyboard.type(key);
  await page.locator(".auth-btn-wrapper .authorize").first().click();
  await page.locator(".auth-btn-wrapper .btn-done").first().click();
  const operation = page.locator("#operations-terminal-terminal_execute");
  await operation.locator(".opblock-summary-control").first().click();
  await operation.getByRole("button", { name: "Execute", exact: true }).click();
  const status = operation.locator(".live-responses-table .response-col_status").nth(1);
  await status.waitFor();
  assert.match(await status.innerText(), /^200/, "the example of /terminal/execute is answered with 200");
  await keep(page, "docs.png");
  assert.deepEqual([foreign, problems], [[], []], "Swagger UI asks no other machine and has no script error");
}

async function redoc(browser, { url }) {
  const { page, foreign, problems } = await open(browser, `${url}/redoc`);
  await page.getByRole("heading", { name: /Skynet Local Bridge/ }).first().waitFor();
  await keep(page, "redoc.png");
  assert.deepEqual([foreign, problems], [[], []], "ReDoc asks no other machine and has no script error");
}

const say = (...words) => execFileSync(program, ["--directory", directory, ...words], { encoding: "utf8" }).trim();
const ask = (url, key, route, body) => fetch(url + route, {
  method: "POST", headers: { authorization: `Bearer ${key}`, "content-type": "application/json" }, body: JSON.stringify(body),
});

// A click right after the cards moved does not count: it is made again until the card is gone.
async function answer(card, name) {
  for (let tries = 0; tries < 20; tries += 1) {
    await card.getByRole("button", { name, exact: true }).click({ timeout: 5000 }).catch(() => {});
    if (await card.waitFor({ state: "detached", timeout: 800 }).then(() => true, () => false)) return;
  }
  assert.fail(`${name} answers nothing`);
}

async function person(browser, { url }) {
  const key = say("agent", "add", "helper", "--profile", "careful");
  const { page, foreign, problems } = await open(browser, say("open", "--print"));
  await page.getByText("Nothing waits for you.").waitFor();
  assert.equal(new URL(page.url()).hash, "", "the code is gone from the address");
  const command = "touch made-by-page.txt # <img src=x onerror=alert(1)> \u202e";
  const waiting = ask(url, key, "/terminal/execute", { command });
  const card = page.locator("#waiting article");
  await card.waitFor();
  assert.match(await card.innerText(), /helper.*wants to use terminal_execute/);
  assert.match(await card.innerText(), /<img src=x onerror=alert\(1\)> \\u\{202e\}/, "it is shown as text, whole");
  assert.match(await page.title(), /^\(1\)/);
  await keep(page, "control.png");
  await answer(card, "Once");
  assert.equal((await waiting).status, 200);
  assert.ok(existsSync(join(directory, "made-by-page.txt")));
  const refused = ask(url, key, "/terminal/execute", { command: "touch refused.txt" });
  const other = card.filter({ hasText: "refused.txt" });
  await other.getByLabel("Why not").fill("Not on a Monday");
  await answer(other, "No");
  assert.match(await (await refused).text(), /Not on a Monday/);
  await page.getByRole("button", { name: "Pause all" }).click();
  await page.getByRole("button", { name: "Resume" }).waitFor();
  assert.equal((await ask(url, key, "/filesystem/list", { path: "." })).status, 423);
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByRole("button", { name: "Pause all" }).waitFor();
  await page.reload();
  await page.getByRole("button", { name: "Log out" }).waitFor();
  const phone = await browser.newContext({ viewport: { width: 360, height: 740 }, locale: "fr-FR", colorScheme: "dark" });
  const small = await phone.newPage();
  await small.goto(say("open", "--print"));
  const late = ask(url, key, "/terminal/execute", { command: "rm -rf build && npm install left-pad" });
  await small.getByText("Vous attend", { exact: true }).waitFor();
  await small.locator("#waiting article").waitFor();
  assert.ok(await small.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "it fits a phone");
  await keep(small, "control-phone.png");
  await answer(small.locator("#waiting article"), "Non");
  assert.equal((await late).status, 403);
  await phone.close();
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByText("mcp-server open").waitFor();
  await page.reload();
  await page.getByText("mcp-server open").waitFor();
  assert.equal(await page.locator("#waiting article").count(), 0);
  assert.deepEqual([foreign, problems], [[], []], "the person's page asks no other machine and has no script error");
}

const running = await start();
const options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: options });
try {
  await swagger(browser, running);
  await redoc(browser, running);
  await person(browser, running);
  console.log("3 passed, 0 failed");
} finally {
  await browser.close();
  running.server.removeAllListeners("exit");
  running.server.kill();
}
