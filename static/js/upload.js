// Many files at once, each with its own progress, error and retry. Without this script the form still
// posts. Each file is sent by tus (vendor/tus), a small one in one request: after a lost connection, a restart of the
// server or of the browser it goes on where it stopped. Refusals are {"error": {"message"}}.

import { pageHeaders } from "./http.js";

const AT_ONCE = 3;
const REFUSED = [400, 413, 415, 422];
const CHUNK_BYTES = 8 * 1024 * 1024;
// In milliseconds: about a quarter of an hour without a byte, then the row offers to try again.
const PAUSES = [0, 1000, 2000, 5000, 10000, ...Array(30).fill(30000)];

class Uploads {
  constructor(form) {
    this.form = form;
    this.list = form.querySelector("[data-list]");
    this.received = form.querySelector("[data-received]");
    this.queue = [];
    this.active = 0;
    const zone = form.querySelector(".dropzone");
    const input = form.querySelector("input[type=file]");
    form.querySelector("[data-folder]").hidden = false;
    const takeChosen = (event) => { this.add(chosenFiles((event?.target ?? input).files)); (event?.target ?? input).value = ""; };
    for (const each of form.querySelectorAll("input[type=file]")) each.addEventListener("change", takeChosen);
    for (const name of ["dragenter", "dragover"]) zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.add("over"); });
    for (const name of ["dragleave", "drop"]) zone.addEventListener(name, () => zone.classList.remove("over"));
    zone.addEventListener("drop", async (event) => { event.preventDefault(); this.add(await droppedFiles(event.dataTransfer)); });
    window.addEventListener("beforeunload", (event) => { if (this.active) event.preventDefault(); });
    takeChosen(); // files chosen before this script had loaded
  }

  add(files) {
    for (const file of files.filter((each) => !isOfSystem(each.name))) this.enqueue(new Upload(this, file));
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
  constructor(uploads, { file, name }) {
    this.uploads = uploads;
    this.file = file;
    this.name = name;
    this.texts = uploads.form.dataset;
    this.row = uploads.form.querySelector("template[data-row]").content.firstElementChild.cloneNode(true);
    this.row.querySelector(".name").textContent = name;
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

  async send() {
    this.transfer ??= this.prepared();
    const transfer = this.transfer;
    if (!transfer.url) {
      const [earlier] = await transfer.findPreviousUploads();
      if (earlier) transfer.resumeFromPreviousUpload(earlier);
    }
    if (this.transfer === transfer) transfer.start();
  }

  prepared() {
    const headers = { ...pageHeaders(), "Accept": "application/json" };
    return new tus.Upload(this.file, {
      endpoint: this.uploads.form.dataset.resumable,
      chunkSize: CHUNK_BYTES,
      uploadDataDuringCreation: true,
      retryDelays: PAUSES,
      removeFingerprintOnSuccess: true,
      headers,
      metadata: { filename: this.name, filetype: this.file.type },
      // In another organization it is another upload.
      fingerprint: async (file) => ["kosha", headers["X-Kosha-Organization"], this.name, file.size, file.lastModified].join(" "),
      onProgress: (sent, total) => { if (total) this.show("", `${Math.floor((100 * sent) / total)}%`, sent / total); },
      onShouldRetry: (error) => {
        const status = error.originalResponse?.getStatus() ?? 0;
        const isPassing = status === 0 || status === 409 || status === 423 || status === 429 || status >= 500;
        if (isPassing) this.show("", this.texts.textInterrupted, this.row.querySelector("progress").value);
        return isPassing;
      },
      onSuccess: ({ lastResponse }) => this.end(true, "good", lastResponse.getHeader("Kosha-Unchanged") === "1" ? this.texts.textUnchanged : this.texts.textDone),
      // The same file would be refused again.
      onError: (error) => this.end(false, "bad", errorMessage(error.originalResponse) ?? this.texts.textFailed, !REFUSED.includes(error.originalResponse?.getStatus())),
    });
  }

  end(arrived, tone, text, canRepeat = true) {
    if (arrived) this.transfer = null;
    this.show(tone, text, 0, canRepeat);
    this.uploads.finished(arrived);
  }

  cancel() {
    const waits = this.uploads.queue.indexOf(this);
    if (waits >= 0) this.uploads.queue.splice(waits, 1);
    // What has arrived is removed. Without a connection it expires.
    this.transfer?.abort(true).catch(() => {});
    this.transfer = null;
    this.show("still", this.texts.textCancelled);
    if (waits >= 0) this.uploads.arrange();
    else this.uploads.finished(false);
  }
}

function errorMessage(response) {
  try { return JSON.parse(response.getBody()).error.message; } catch { return null; }
}

/** What systems and Office leave in folders; nobody has written it. */
function isOfSystem(name) {
  return /(^|\/)(\.[^/]*|~\$[^/]*|Thumbs\.db|desktop\.ini)$/i.test(name) || name.startsWith("__MACOSX/");
}

/** Chosen files, with their folders where a folder was chosen. */
function chosenFiles(list) {
  return [...list].map((file) => ({ file, name: file.webkitRelativePath || file.name }));
}

/** Dropped files, those in dropped folders included. */
async function droppedFiles(transfer) {
  // Asked for before anything is awaited: the browser empties `transfer` when the event has been handled.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return chosenFiles(transfer.files);
  return (await Promise.all(entries.map(filesOf))).flat();
}

async function filesOf(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [{ file, name: entry.fullPath.replace(/^\//, "") }];
  }
  const reader = entry.createReader();
  const found = [];
  // A folder is read a hundred entries at a time.
  for (;;) {
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!entries.length) break;
    found.push(...entries);
  }
  return (await Promise.all(found.map(filesOf))).flat();
}

function start(root) {
  root.querySelectorAll("[data-upload]:not([data-ready])").forEach((form) => {
    form.dataset.ready = "";
    new Uploads(form);
  });
}

start(document);
document.addEventListener("htmx:load", (event) => start(event.target));
