// `data-copy="text"` copies it and confirms it for a moment on the button.

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  const mark = button.querySelector("use");
  const before = mark.getAttribute("href");
  mark.setAttribute("href", before.replace(/#.*/, "#check"));
  setTimeout(() => mark.setAttribute("href", before), 1500);
});
