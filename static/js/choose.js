// `data-choose`: two buttons that tick or clear every check box of a long list.

document.querySelectorAll("[data-choose]").forEach((list) => {
  const buttons = list.querySelector("[data-choose-all]");
  if (!buttons) return;
  buttons.hidden = false;
  buttons.addEventListener("click", (event) => {
    const wanted = event.target.closest("[data-all]")?.dataset.all;
    if (wanted === undefined) return;
    const boxes = list.querySelectorAll("input[type='checkbox']");
    boxes.forEach((box) => { box.checked = wanted === "true"; });
    boxes[0]?.dispatchEvent(new Event("change", { bubbles: true }));
  });
});

// The build page: ticking documents says that only those are meant, and taking all that match unticks them.
function followChoice(form) {
  const boxes = [...form.querySelectorAll("input[name='document']")];
  const [rule, named] = ["rule", "named"].map((value) => form.querySelector(`input[name='mode'][value='${value}']`));
  const count = document.querySelector("[data-chosen-documents]");
  const tell = () => {
    count.textContent = named.checked ? boxes.filter((box) => box.checked).length : rule.dataset.matches;
    // These were computed for the choice the page came with.
    document.querySelectorAll("[data-of-first-choice]").forEach((figure) => { figure.hidden = true; });
  };
  form.addEventListener("change", (event) => {
    if (event.target.name === "document") named.checked = true;
    else if (event.target === rule) boxes.forEach((box) => { box.checked = false; });
    else if (event.target !== named) return;
    tell();
  });
}

document.querySelectorAll("form:has(input[name='mode'][value='named'])").forEach(followChoice);
