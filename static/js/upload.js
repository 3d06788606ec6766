// Many files at once, each with its own progress, error and retry. Without this script the form still
// posts. Each file is one request: `file`, answered with 2xx or {"error": {"message"}}.

import { pageHeaders } from "./http.js";

const AT_ONCE = 3;
const REFUSED = [400, 413, 415, 422];

class Uploads {
  constructor(form) {
    this.form = form;
    this.list = form.querySelector("[data-list]");
    this.received = form.querySelector("[data-received]");
    this.queue = [];
    this.active = 0;
    const zone = form.querySelector(".dropzone");
    const input = form.querySelector("input[type=file]");
    const takeChosen = () => { if (input.files.length) this.add(input.files); input.value = ""; };
    input.addEventListener("change", takeChosen);
    for (const name of ["dragenter", "dragover"]) zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.add("over"); });
    for (const name of ["dragleave", "drop"]) zone.addEventListener(name, () => zone.classList.remove("over"));
    zone.addEventListener("drop", (event) => { event.preventDefault(); this.add(event.dataTransfer.files); });
    window.addEventListener("beforeunload", (event) => { if (this.active) event.preventDefault(); });
    takeChosen(); // files chosen before this script had loaded
  }

  add(files) {
    for (const file of files) this.enqueue(new Upload(this, file));
    this.arrange();
  }

  enqueue(upload) {
    this.queue.push(upload);
    this.next();
  }

  next() {
    while (this.active < AT_ONCE && this.queue.length) {
      this.active += 1;
      this.queue.shift().send();
    }
  }

  finished(arrived) {
    this.active -= 1;
    if (arrived && this.form.dataset.done) document.body.dispatchEvent(new CustomEvent(this.form.dataset.done, { bubbles: true }));
    this.next();
    this.arrange();
  }

  /** Failures first, the count above them; when all have ended, those received fold into the count. */
  arrange() {
    const rows = [...this.form.querySelectorAll("li[data-tone]")];
    const of = (tone) => rows.filter((row) => row.dataset.tone === tone);
    const texts = this.form.dataset;
    const fill = (text, done) => text.replace("{done}", done).replace("{total}", rows.length);
    const summary = this.form.querySelector("[data-summary]");
    const words = fill(texts.textSummary, of("good").length);
    const failed = of("bad");
    summary.textContent = failed.length ? `${words} ${fill(texts.textNotReceived, failed.length)}` : words;
    summary.dataset.tone = failed.length ? "bad" : "";
    summary.hidden = !rows.length;
    // Moved only where the order changes: a button that is moved loses its focus.
    if (failed.some((row, at) => this.list.children[at] !== row)) this.list.prepend(...failed);
    if (!of("").length) this.received.querySelector("ul").append(...of("good"));
    const folded = this.received.querySelectorAll("li").length;
    this.received.hidden = !folded;
    this.received.querySelector("summary").textContent = fill(texts.textReceived, folded);
    this.list.hidden = !this.list.children.length;
  }
}

class Upload {
  constructor(uploads, file) {
    this.uploads = uploads;
    this.file = file;
    this.texts = uploads.form.dataset;
    this.row = uploads.form.querySelector("template[data-row]").content.firstElementChild.cloneNode(true);
    // With its folders, where a folder was chosen.
    this.name = file.webkitRelativePath || file.name;
    this.row.querySelector(".name").textContent = this.name;
    this.row.querySelector("[data-cancel]").addEventListener("click", () => this.cancel());
    this.row.querySelector("[data-retry]").addEventListener("click", () => { this.show("", this.texts.textWaiting); uploads.enqueue(this); });
    this.show("", this.texts.textWaiting);
    uploads.list.append(this.row);
  }

  show(tone, text, value = 0, canRepeat = true) {
    this.row.dataset.tone = tone;
    this.row.querySelector(".outcome").textContent = text;
    const bar = this.row.querySelector("progress");
    bar.value = value;
    bar.hidden = tone !== "";
    this.row.querySelector("[data-retry]").hidden = tone !== "bad" || !canRepeat;
    this.row.querySelector("[data-cancel]").hidden = tone !== "";
  }

  send() {
    // fetch() does not report how much of a body was sent.
    const request = (this.request = new XMLHttpRequest());
    request.open("POST", this.uploads.form.action);
    for (const [name, value] of Object.entries(pageHeaders())) request.setRequestHeader(name, value);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) this.show("", `${Math.floor((100 * event.loaded) / event.total)}%`, event.loaded / event.total);
    });
    request.addEventListener("load", () => this.answered(request));
    request.addEventListener("error", () => this.end(false, "bad", this.texts.textFailed));
    request.addEventListener("abort", () => this.end(false, "still", this.texts.textCancelled));
    const body = new FormData();
    body.append("file", this.file, this.name);
    request.send(body);
  }

  answered(request) {
    if (request.status >= 200 && request.status < 300) this.end(true, "good", isUnchanged(request) ? this.texts.textUnchanged : this.texts.textDone);
    // The same file would be refused again.
    else this.end(false, "bad", errorMessage(request) ?? this.texts.textFailed, !REFUSED.includes(request.status));
  }

  end(arrived, tone, text, canRepeat = true) {
    this.request = null;
    this.show(tone, text, 0, canRepeat);
    this.uploads.finished(arrived);
  }

  cancel() {
    if (this.request) this.request.abort();
    else {
      this.uploads.queue.splice(this.uploads.queue.indexOf(this), 1);
      this.show("still", this.texts.textCancelled);
      this.uploads.arrange();
    }
  }
}

function isUnchanged(request) {
  try { return JSON.parse(request.responseText).is_unchanged === true; } catch { return false; }
}

function errorMessage(request) {
  try { return JSON.parse(request.responseText).error.message; } catch { return null; }
}

function start(root) {
  root.querySelectorAll("[data-upload]:not([data-ready])").forEach((form) => {
    form.dataset.ready = "";
    new Uploads(form);
  });
}

start(document);
document.addEventListener("htmx:load", (event) => start(event.target));
