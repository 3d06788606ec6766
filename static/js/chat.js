// A conversation: sends a question, streams the answer and shows its citations.
//
// The form posts to its action and reads server events:
//   begun     {"url","ask","test"}             addresses of the conversation and of its next question; whether it is a test
//   delta     {"text"}                         a piece of the answer
//   status    {"text"}                         what happens before the first piece
//   outcome   {"note"}                         what to know of the answer and its passages; may be empty
//   citations [{"number","title","place","quote","url"}]
//   done      {"feedback"}                     the answer is stored; the address for feedback
//   error     {"message"}
// Stored answers are in `[data-answer]` as plain text, with their citations as JSON beside them.

import { post, serverEvents } from "./http.js";
import { render } from "./markdown.js";

const form = document.querySelector("[data-chat]");
const turns = document.querySelector("[data-turns]");
const texts = form.dataset;
let running = null;

function clone(name) {
  return document.querySelector(`template[data-${name}]`).content.firstElementChild.cloneNode(true);
}

function citationNode(citation) {
  const node = clone("citation");
  const [button, card] = [node.querySelector("button"), node.querySelector(".cite-card")];
  button.textContent = citation.number;
  button.setAttribute("aria-label", `${texts.textSource} ${citation.number}: ${citation.title} ${citation.place}`);
  card.querySelector(".place").textContent = `${citation.title} ${citation.place}`;
  card.querySelector(".quote").textContent = citation.quote;
  const turn = () => card.classList.toggle("flip", node.getBoundingClientRect().left > window.innerWidth - 380);
  node.addEventListener("pointerenter", turn);
  node.addEventListener("focusin", turn);
  return node;
}

function sourceNode(citation) {
  const node = clone("source");
  node.querySelector(".mark").textContent = citation.number;
  const link = node.querySelector("a");
  link.textContent = citation.title;
  if (citation.url) link.href = citation.url;
  node.querySelector(".place").textContent = citation.place;
  node.querySelector(".quote").textContent = citation.quote;
  return node;
}

function showAnswer(turn, text, citations) {
  turn.querySelector(".says").classList.remove("plain");
  const byNumber = new Map(citations.map((citation) => [citation.number, citation]));
  render(turn.querySelector(".says"), text, (number) => byNumber.has(number) && citationNode(byNumber.get(number)));
  const sources = turn.querySelector(".sources");
  sources.hidden = citations.length === 0;
  sources.querySelector("ol").replaceChildren(...citations.map(sourceNode));
}

function addTurn(kind, text) {
  const turn = clone(kind);
  turn.querySelector(".says").textContent = text;
  turns.append(turn);
  document.querySelector("[data-chat-empty]")?.remove();
  turn.scrollIntoView({ block: "end" });
  return turn;
}

function showFailure(turn, message) {
  const notice = clone("failure");
  notice.querySelector("p").textContent = message;
  turn.append(notice);
}

/** The question of an interrupted answer. */
function questionOf(turn) {
  let before = turn.previousElementSibling;
  while (before && !before.matches(".turn.user")) before = before.previousElementSibling;
  return before?.querySelector(".says").textContent.trim();
}

/** Follow the newest text only while the reader is at the end. */
function nearEnd() {
  return window.innerHeight + window.scrollY > document.body.scrollHeight - 160;
}

async function follow(response, turn) {
  let text = "";
  let citations = [];
  const status = turn.querySelector("[data-status]");
  for await (const { event, data } of serverEvents(response)) {
    const stick = nearEnd();
    if (event === "delta") text += data.text;
    if (event === "citations") citations = data;
    if (event === "outcome") {
      turn.querySelector("[data-note]").textContent = data.note;
      turn.querySelectorAll("[data-mode]").forEach((badge) => (badge.hidden = badge.dataset.mode !== data.personal_data));
    }
    if (event === "status") status.textContent = data.text;
    if (event === "error") showFailure(turn, data.message);
    if (event === "begun") {
      enter(data);
      turn.querySelector("[data-test]").hidden = !data.test;
    }
    if (event === "done") offerOpinion(turn, data);
    if (event === "delta" || event === "citations") {
      status.textContent = "";
      showAnswer(turn, text, citations);
    }
    if (stick) window.scrollTo({ top: document.body.scrollHeight });
  }
  return text;
}

/** Make this page the conversation's: a reload shows it, and the next question continues it. */
function enter({ url, ask: next }) {
  const isNew = location.pathname !== url;
  history.replaceState(null, "", url);
  form.action = next;
  form.querySelector("select")?.closest(".target").remove();
  if (isNew) takeFromPage(url);
}

/** Title, buttons and the list beside the conversation, as the conversation's own page has them. */
async function takeFromPage(url) {
  const response = await fetch(url).catch(() => null);
  if (!response?.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  document.title = page.title;
  for (const part of [".page-head", "[data-conversations]"]) {
    const own = page.querySelector(part);
    if (own) document.querySelector(part)?.replaceWith(own);
  }
}

function offerOpinion(turn, { feedback }) {
  const tools = turn.querySelector("[data-tools]");
  tools.dataset.tools = feedback ?? "";
  tools.hidden = !feedback;
}

async function ask(question) {
  addTurn("user", question);
  const turn = addTurn("assistant", "");
  const says = turn.querySelector(".says");
  says.setAttribute("aria-busy", "true");
  running = new AbortController();
  toggle();
  try {
    const response = await post(form.action, { ...Object.fromEntries(new FormData(form)), message: question }, { signal: running.signal });
    if (!response.ok) throw new Error((await response.json().catch(() => null))?.error?.message);
    const text = await follow(response, turn);
    document.querySelector("[data-chat-news]").textContent = text;
  } catch (error) {
    if (error.name === "AbortError") turn.querySelector(".sources").after(clone("stopped"));
    else showFailure(turn, error instanceof TypeError || !error.message ? texts.textFailed : error.message);
  } finally {
    says.removeAttribute("aria-busy");
    turn.querySelector("[data-status]").textContent = "";
    running = null;
    toggle();
  }
}

function toggle() {
  form.querySelector("[data-send]").hidden = running !== null;
  form.querySelector("[data-stop]").hidden = running === null;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const box = form.querySelector("textarea");
  const question = box.value.trim();
  if (!question || running) return;
  box.value = "";
  ask(question);
});

turns.addEventListener("click", (event) => {
  const button = event.target.closest("[data-retry]");
  const question = button && questionOf(button.closest(".turn"));
  if (!question || running) return;
  button.remove();
  ask(question);
});

form.querySelector("[data-stop]").addEventListener("click", () => running?.abort());

form.querySelector("textarea").addEventListener("keydown", (event) => {
  // While an input method composes (Japanese conversion), Enter confirms the conversion.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  form.requestSubmit();
});

document.querySelectorAll("[data-answer]").forEach((turn) => {
  const citations = JSON.parse(turn.querySelector("script[type='application/json']")?.textContent ?? "[]");
  showAnswer(turn, turn.querySelector(".says").textContent, citations);
});
document.querySelectorAll("[data-suggestion]").forEach((button) => {
  button.addEventListener("click", () => ask(button.textContent.trim()));
});
