// `data-choose`: two buttons that tick or clear every check box of a long list.

document.querySelectorAll("[data-choose]").forEach((list) => {
  const buttons = list.querySelector("[data-choose-all]");
  if (!buttons) return;
  buttons.hidden = false;
  buttons.addEventListener("click", (event) => {
    const wanted = event.target.closest("[data-all]")?.dataset.all;
    if (wanted === undefined) return;
    list.querySelectorAll("input[type='checkbox']").forEach((box) => { box.checked = wanted === "true"; });
  });
});
