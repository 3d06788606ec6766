// The pages of a document: the picture of a page is waited for, what is pointed at in the text is outlined in the picture
// and the other way round, and a passage that the address names is brought into view.
//
//   [data-page-view]   one page; its [data-block="n"] are pieces of text and boxes in the picture
//   [data-picture]     the address of its picture: 202 with {"message"} while it is drawn

const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const isInSvg = (element) => element instanceof SVGElement;

// -- the picture ------------------------------------------------------------------------------
class Picture {
  constructor(figure) {
    this.figure = figure;
    this.waiting = figure.querySelector(".picture-wait");
    this.failure = figure.querySelector("[data-picture-failed]");
    figure.querySelector("[data-picture-again]").addEventListener("click", () => this.load(true));
    this.load(false);
  }

  async load(again) {
    this.show(this.waiting);
    try {
      const message = await this.drawn(again);
      if (message === null) await this.put();
      else this.fail(message);
    } catch {
      this.fail(this.figure.dataset.textFailed);
    }
  }

  /** Resolves when the picture is there: null, or why it will not come. */
  async drawn(again) {
    let address = this.figure.dataset.picture + (again ? "&again=true" : "");
    while (this.figure.isConnected) {
      const response = await fetch(address, { headers: { Accept: "application/json" }, credentials: "same-origin" });
      if (response.status === 200) return null;
      const answer = await response.json();
      if (response.status !== 202) return answer.error.message;
      this.figure.querySelector("[data-picture-message]").textContent = answer.message;
      address = this.figure.dataset.picture;
      await wait(1000 * Number(response.headers.get("Retry-After")));
    }
    return null;
  }

  async put() {
    const image = this.figure.querySelector("img");
    image.src = this.figure.dataset.picture;
    await image.decode();
    image.hidden = false;
    this.show(null);
    reveal(this.figure, this.figure.querySelector("rect.marked"));
  }

  fail(message) {
    this.failure.querySelector("p").textContent = message;
    this.show(this.failure);
  }

  show(part) {
    for (const each of [this.waiting, this.failure]) each.hidden = each !== part;
  }
}

/** Scroll the picture alone, where it has a scroll bar of its own. */
function reveal(figure, box) {
  if (!box || figure.scrollHeight <= figure.clientHeight) return;
  const [outer, inner] = [figure.getBoundingClientRect(), box.getBoundingClientRect()];
  if (inner.top < outer.top || inner.bottom > outer.bottom) {
    figure.scrollTop += inner.top - outer.top - (outer.height - inner.height) / 2;
  }
}

// -- text and boxes ------------------------------------------------------------------------------
function light(view, number) {
  for (const each of view.querySelectorAll("[data-block]")) {
    each.classList.toggle("lit", each.dataset.block === number);
  }
}

function pieces(view) {
  return [...view.querySelectorAll(".blocks [data-block]")];
}

function focusOn(view, piece) {
  for (const each of pieces(view)) each.tabIndex = each === piece ? 0 : -1;
  piece.focus();
}

const STEPS = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };

function setUp(view) {
  view.dataset.ready = "";
  const first = pieces(view)[0];
  if (first) first.tabIndex = 0;
  const pointed = (event) => event.target.closest?.("[data-block]");
  view.addEventListener("pointerover", (event) => light(view, pointed(event)?.dataset.block));
  view.addEventListener("pointerleave", () => light(view, view.querySelector("[data-block]:focus")?.dataset.block));
  view.addEventListener("focusin", (event) => {
    const piece = pointed(event);
    light(view, piece?.dataset.block);
    if (piece) reveal(view.querySelector("[data-picture]"), view.querySelector(`rect[data-block="${piece.dataset.block}"]`));
  });
  view.addEventListener("focusout", () => light(view, undefined));
  view.addEventListener("click", (event) => {
    const box = pointed(event);
    const piece = box && isInSvg(box) && pieces(view).find((each) => each.dataset.block === box.dataset.block);
    if (piece) focusOn(view, piece);
  });
  view.addEventListener("keydown", (event) => {
    const all = pieces(view);
    const at = all.indexOf(event.target);
    if (at < 0 || !(event.key in STEPS)) return;
    event.preventDefault();
    focusOn(view, all[Math.max(0, Math.min(all.length - 1, at + STEPS[event.key]))]);
  });
  view.querySelectorAll("[data-picture]").forEach((figure) => new Picture(figure));
}

function start() {
  document.querySelectorAll("[data-page-view]:not([data-ready])").forEach(setUp);
}

start();
document.querySelector("#text :is(mark, .marked-cell)")?.scrollIntoView({ block: "center", inline: "nearest" });
// A part of the page that is loaded again, while a newer revision is read.
document.addEventListener("htmx:load", start);
