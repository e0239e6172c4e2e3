// The person's page. Every text is put there as text, and never as markup.

const WORDS = {
  en: {
    waiting: "Waits for you", running: "Runs now", none: "Nothing waits for you.", paused: "All agents are paused.",
    goesOn: "Agents may call.", pause: "Pause all", resume: "Resume", stop: "Stop everything", leave: "Log out",
    sure: "Stop all calls, processes and sessions, and pause all agents?",
    once: "Once", session: "This session", hour: "One hour", always: "Always", no: "No", why: "Why not (the agent reads it)",
    wants: (who, tool) => `${who} wants to use ${tool}`, all: "Show all of it", cancel: "Stop",
    cut: (bytes) => `${bytes} bytes are left out.`, masked: "What looks like a secret is not shown.",
    kind: (words) => `This session, One hour and Always also hold for: ${words}`,
    passphrase: "Your passphrase", use: "Use it", locked: "Your passphrase is needed for this.",
    over: "There is no session in this tab. On the machine, in the bridge's folder, say:\n\n    mcp-server open\n\nIts link lets a browser in, once, within 5 minutes.",
    gone: "The bridge does not answer. This page goes on when it is back.", since: (s) => `for ${s} s`,
    runs: "It runs:", dangers: "The guard warns:", unknown: "Not all of this line is known before it runs.",
    deletes: (what) => `It deletes ${what}.`,
  },
  fr: {
    waiting: "Vous attend", running: "En cours", none: "Rien ne vous attend.", paused: "Tous les agents sont suspendus.",
    goesOn: "Les agents peuvent appeler.", pause: "Tout suspendre", resume: "Reprendre", stop: "Tout arrêter",
    leave: "Se déconnecter",
    sure: "Arrêter tous les appels, processus et sessions, et suspendre tous les agents ?",
    once: "Une fois", session: "Cette session", hour: "Une heure", always: "Toujours", no: "Non",
    why: "Pourquoi pas (l'agent le lit)", wants: (who, tool) => `${who} veut utiliser ${tool}`, all: "Tout montrer",
    cancel: "Arrêter", cut: (bytes) => `${bytes} octets ne sont pas montrés.`,
    masked: "Ce qui ressemble à un secret n'est pas montré.",
    kind: (words) => `Cette session, Une heure et Toujours valent aussi pour : ${words}`,
    passphrase: "Votre phrase secrète", use: "Utiliser", locked: "Il faut votre phrase secrète pour cela.",
    over: "Il n'y a pas de session dans cet onglet. Sur la machine, dans le dossier de la passerelle, tapez :\n\n    mcp-server open\n\nSon lien laisse entrer un navigateur, une fois, dans les 5 minutes.",
    gone: "La passerelle ne répond pas. Cette page reprendra quand elle sera de retour.", since: (s) => `depuis ${s} s`,
    runs: "Elle lance :", dangers: "La garde avertit :",
    unknown: "Tout de cette ligne n'est pas connu avant qu'elle ne tourne.", deletes: (what) => `Cela supprime ${what}.`,
  },
};
const language = navigator.language.startsWith("fr") ? "fr" : "en";
const words = WORDS[language];
const KEPT = "skynet-bridge-session";
const LIST_WAIT = 20;
const RETRY = 2000;

// A click that comes so soon after the cards moved may have been meant for another one.
const SETTLED = 700;

const element = (id) => document.getElementById(id);
const pause = (time) => new Promise((done) => setTimeout(done, time));

// In this page alone: a reload asks for it again.
let passphrase = null;
let isPaused = false;
let moved = 0;

class Over extends Error {}
class Locked extends Error {}

async function ask(route, body = {}, headers = {}) {
  const token = sessionStorage.getItem(KEPT);
  if (token) headers["x-owner-session"] = token;
  if (passphrase) headers["x-owner-passphrase"] = encoded(passphrase);
  const reply = await fetch(`/control/${route}`, {
    method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body),
    credentials: "omit", cache: "no-store",
  });
  const answer = await reply.json();
  if (reply.ok) return answer;
  const said = [answer.detail, answer.hint].filter((text) => typeof text === "string").join("\n");
  if (reply.status === 401) throw new Locked(words.locked);
  if (reply.status === 403 && said.startsWith("Only the person")) throw new Over(said);
  if (/passphrase/.test(said)) passphrase = null;
  throw new Error(said || `${reply.status}`);
}

function encoded(text) {
  const bytes = Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
  return btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// The cards are about to move: what is pressed before a person can have seen where they are now does not count.
function moves() {
  moved = performance.now();
  requestAnimationFrame(() => setTimeout(() => { moved = performance.now(); }));
}

function notice(text) {
  if (element("notice").textContent !== (text ?? "")) moves();
  element("notice").textContent = text ?? "";
  element("notice").hidden = !text;
}

function part(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function button(text, act, className) {
  const made = part("button", text, className);
  made.type = "button";
  made.addEventListener("click", (event) => event.timeStamp - moved > SETTLED && attempt(act, made));
  return made;
}

// Does what a button says, and tells what went wrong where the person looks.
async function attempt(act, pressed) {
  pressed.disabled = true;
  try {
    notice();
    await act();
  } catch (error) {
    if (error instanceof Over) end();
    notice(error.message);
    if (error instanceof Locked) unlock(() => attempt(act, pressed));
  } finally {
    pressed.disabled = false;
  }
}

function unlock(again) {
  const form = element("unlock");
  form.hidden = false;
  moves();
  element("passphrase").focus();
  form.onsubmit = (event) => {
    event.preventDefault();
    passphrase = element("passphrase").value;
    element("passphrase").value = "";
    form.hidden = true;
    again();
  };
}

const shown = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

// What steers the direction of writing or cannot be seen is written out, so that what is read is what is there.
function legible(text) {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (c) =>
    c === "\n" || c === "\t" ? c : `\\u{${c.codePointAt(0).toString(16)}}`);
}

// What a command would do, as the guard reads it; of a delete, what goes.
function reading(card, { runs = [], dangers = [], is_complete: isComplete = true, deletes }) {
  for (const [head, lines] of [[words.runs, runs], [words.dangers, dangers]]) {
    if (lines.length === 0) continue;
    card.append(part("p", head));
    const list = part("ul");
    list.append(...lines.map((line) => part("li", legible(line))));
    card.append(list);
  }
  if (!isComplete) card.append(part("p", words.unknown, "danger"));
  if (deletes) card.append(part("p", words.deletes(deletes)));
}

function details(card, question) {
  const { command, ...others } = question.arguments ?? {};
  if (command !== undefined) card.append(part("pre", legible(shown(command))));
  if (Object.keys(others).length > 0) card.append(part("pre", legible(shown(others))));
  if (question.reading) reading(card, question.reading);
  if (question.diff) card.append(part("pre", legible(question.diff)));
}

function card(question) {
  const made = part("article");
  made.dataset.id = question.id;
  const who = question.client ? `${question.agent} (${question.client})` : question.agent;
  made.append(part("p", legible(words.wants(who, question.tool)), "who"));
  made.append(part("p", legible(question.why)));
  if (question.rule) made.append(part("p", legible(question.rule), "faint"));
  const all = part("div");
  details(all, question);
  made.append(all);
  const hidden = [question.left_out > 0 && words.cut(question.left_out), question.is_masked && words.masked];
  if (hidden.some(Boolean)) {
    made.append(part("p", hidden.filter(Boolean).join(" "), "faint"));
    made.append(button(words.all, async () => {
      const whole = await ask("question", { id: question.id });
      moves();
      all.replaceChildren();
      details(all, whole);
    }));
  }
  if (question.kind) made.append(part("p", legible(words.kind(question.kind.in_words)), "faint"));
  made.append(answers(question));
  return made;
}

function answers(question) {
  const row = part("div", undefined, "answers");
  const yes = (scope) => () => ask("approve", { id: question.id, scope });
  row.append(button(words.once, yes("once"), "yes"), button(words.session, yes("session")), button(words.hour, yes("hour")));
  if (!question.not_always) row.append(button(words.always, yes("always")));
  const reason = part("input");
  reason.placeholder = words.why;
  reason.ariaLabel = words.why;
  reason.maxLength = 500;
  row.append(reason, button(words.no, () => ask("deny", { id: question.id, reason: reason.value || undefined }), "danger"));
  return row;
}

// Cards that are there stay where they are, with the focus: a reason may be half written in one. New ones come last.
function show(section, items, make) {
  const list = section.querySelector(".list");
  const kept = new Map([...list.children].map((card) => [card.dataset.id, card]));
  const wanted = new Set(items.map((item) => item.id));
  const gone = [...kept.values()].filter((card) => !wanted.has(card.dataset.id));
  const made = items.filter((item) => !kept.has(item.id)).map(make);
  if (gone.length || made.length) moves();
  for (const card of gone) card.remove();
  list.append(...made);
  section.hidden = items.length === 0;
}

function showQuestions(questions) {
  show(element("waiting"), questions, card);
  document.title = (questions.length ? `(${questions.length}) ` : "") + "Skynet Local Bridge";
  element("state").textContent = [isPaused ? words.paused : words.goesOn, questions.length ? "" : words.none].join(" ");
}

function runningCard(call) {
  const made = part("article");
  made.dataset.id = call.id;
  made.append(part("p", legible(`${call.agent}: ${call.action}`), "who"));
  made.append(part("pre", legible(shown(call.details))));
  made.append(part("p", "", "clock faint"));
  made.append(button(words.cancel, () => ask("cancel", { id: call.id }), "danger"));
  return made;
}

function paused(state) {
  isPaused = state.all_paused;
  element("pause").textContent = isPaused ? words.resume : words.pause;
}

async function follow() {
  let version;
  while (sessionStorage.getItem(KEPT)) {
    try {
      const list = await ask("questions", version === undefined ? {} : { after: version, wait_seconds: LIST_WAIT });
      version = list.version;
      const agents = await ask("agents/list");
      paused(agents);
      showQuestions(list.questions);
      element("notice").textContent === words.gone && notice();
    } catch (error) {
      if (error instanceof Over) return end();
      notice(words.gone);
      version = undefined;
      await pause(RETRY);
    }
  }
}

async function followRunning() {
  while (sessionStorage.getItem(KEPT)) {
    if (!document.hidden) {
      const running = await ask("running").catch(() => null);
      if (running) {
        show(element("running"), running.calls, runningCard);
        const clocks = document.querySelectorAll("#running .clock");
        running.calls.forEach((call, at) => { if (clocks[at]) clocks[at].textContent = words.since(Math.round(call.seconds)); });
      }
    }
    await pause(RETRY);
  }
}

function end() {
  sessionStorage.removeItem(KEPT);
  passphrase = null;
  for (const id of ["waiting", "running", "pause", "stop", "leave", "unlock"]) element(id).hidden = true;
  for (const list of document.querySelectorAll(".list")) list.replaceChildren();
  element("state").textContent = "";
  document.title = "Skynet Local Bridge";
  notice(words.over);
}

function begin() {
  for (const id of ["pause", "stop", "leave"]) element(id).hidden = false;
  element("pause").addEventListener("click", (event) =>
    attempt(async () => paused(await ask(isPaused ? "resume" : "pause")), event.currentTarget));
  element("stop").addEventListener("click", (event) => {
    if (confirm(words.sure)) attempt(async () => paused(await ask("stop-all")), event.currentTarget);
  });
  element("leave").addEventListener("click", async () => {
    await ask("sessions/end", { token: sessionStorage.getItem(KEPT) }).catch(() => null);
    end();
  });
  follow();
  followRunning();
}

async function enter() {
  document.documentElement.lang = language;
  element("stop").textContent = words.stop;
  element("leave").textContent = words.leave;
  element("pause").textContent = words.pause;
  element("unlock").querySelector("label").textContent = words.passphrase;
  element("unlock").querySelector("button").textContent = words.use;
  element("waiting").querySelector("h2").textContent = words.waiting;
  element("running").querySelector("h2").textContent = words.running;
  const code = location.hash.slice(1);
  if (code) {
    // Used up with this, and gone from the address.
    history.replaceState(null, "", location.pathname);
    sessionStorage.removeItem(KEPT);
    const session = await ask("session", {}, { "x-owner-code": code }).catch(() => null);
    if (session) sessionStorage.setItem(KEPT, session.token);
  }
  return sessionStorage.getItem(KEPT) ? begin() : end();
}

// Another link, put into a tab that is here already.
addEventListener("hashchange", () => location.hash && location.reload());
enter();
