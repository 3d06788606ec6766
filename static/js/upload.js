// Many files at once, each with its own progress, error and retry. Without this script the form still
// posts. Each file is one request: `file`, answered with 2xx or {"error": {"message"}}.

import { pageHeaders } from "./http.js";

const AT_ONCE = 3;
const REFUSED = [400, 413, 415, 422];

class Uploads {
  constructor(form) {
    this.form = form;
    this.list = form.querySelector("[data-list]");
    this.queue = [];
    this.active = 0;
    this.total = 0;
    this.done = 0;
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
    for (const file of files) {
      this.total += 1;
      this.enqueue(new Upload(this, file));
    }
    this.list.hidden = false;
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
    if (arrived) {
      this.done += 1;
      if (this.form.dataset.done) document.body.dispatchEvent(new CustomEvent(this.form.dataset.done, { bubbles: true }));
    }
    const summary = this.form.dataset.textSummary;
    this.form.querySelector("[data-summary]").textContent = summary.replace("{done}", this.done).replace("{total}", this.total);
    this.next();
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
    if (request.status >= 200 && request.status < 300) this.end(true, "good", this.texts.textDone);
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
    }
  }
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
