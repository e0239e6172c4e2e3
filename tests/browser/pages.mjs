// The documentation pages as a person uses them: authorise in Swagger UI, try a route, read ReDoc. Neither page may
// ask any other machine for anything.
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
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

const running = await start();
const options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: options });
try {
  await swagger(browser, running);
  await redoc(browser, running);
  console.log("2 passed, 0 failed");
} finally {
  await browser.close();
  running.server.removeAllListeners("exit");
  running.server.kill();
}
