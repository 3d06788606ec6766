// `data-dialog="id"` opens a native <dialog>; `data-close-dialog` and a click on the backdrop close it.

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener) document.getElementById(opener.dataset.dialog).showModal();
  if (event.target.closest("[data-close-dialog]") || event.target.matches("dialog")) {
    event.target.closest("dialog").close();
  }
});

// A page that refreshes itself does not take away a question that is being answered. What was held back meanwhile is
// loaded when the question is closed without an answer. `htmx:sseBeforeMessage` comes before a swap by server-sent events.
let heldBack = false;

function keepsDialog(event, target) {
  if (!target.querySelector("dialog[open]")) return;
  event.preventDefault();
  heldBack = true;
}

document.addEventListener("htmx:beforeSwap", (event) => keepsDialog(event, event.detail.target));
document.addEventListener("htmx:sseBeforeMessage", (event) => keepsDialog(event, event.target));
// `close` does not bubble. A form that was sent loads another page.
document.addEventListener("close", (event) => { if (heldBack && !event.target.matches("[data-sent]")) location.reload(); }, true);
document.addEventListener("submit", (event) => { event.target.closest("dialog")?.setAttribute("data-sent", ""); });
