// `data-dialog="id"` opens a native <dialog>; `data-close-dialog` and a click on the backdrop close it.

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener) document.getElementById(opener.dataset.dialog).showModal();
  if (event.target.closest("[data-close-dialog]") || event.target.matches("dialog")) {
    event.target.closest("dialog").close();
  }
});
