// The subset of Markdown that language models write, as DOM nodes. Text is set only by textContent, and only
// the elements made here can exist: nothing in an answer can become markup, a link or a script.

const FENCE = /^```/;
const BULLET = /^\s*[-*・]\s+(.*)$/;
const ORDERED = /^\s*\d+[.)]\s+(.*)$/;
const HEADING = /^#{1,6}\s+(.*)$/;
const INLINE = /(\*\*[^*\n]+\*\*|`[^`\n]+`|\[\d{1,2}\])/;

/** Render `text` into `target`; `cite(number)` makes the node for a mark such as [2], or null. */
export function render(target, text, cite = () => null) {
  target.replaceChildren(...blocks(text.split("\n"), cite));
}

function blocks(lines, cite) {
  const made = [];
  for (let at = 0; at < lines.length;) {
    const line = lines[at];
    if (!line.trim()) { at += 1; continue; }
    if (FENCE.test(line)) {
      const end = lines.findIndex((other, index) => index > at && FENCE.test(other));
      const stop = end < 0 ? lines.length : end;
      made.push(element("pre", element("code", lines.slice(at + 1, stop).join("\n"))));
      at = stop + 1;
    } else if (HEADING.test(line)) {
      made.push(element("h4", ...inline(HEADING.exec(line)[1], cite)));
      at += 1;
    } else {
      const kind = BULLET.test(line) ? BULLET : ORDERED.test(line) ? ORDERED : null;
      const stop = runEnd(lines, at, kind);
      made.push(kind ? list(lines.slice(at, stop), kind, cite) : paragraph(lines.slice(at, stop), cite));
      at = stop;
    }
  }
  return made;
}

/** The end of the run of lines of one kind that starts at `at`. */
function runEnd(lines, at, kind) {
  let stop = at + 1;
  while (stop < lines.length && lines[stop].trim()) {
    const line = lines[stop];
    if (kind ? !kind.test(line) : BULLET.test(line) || ORDERED.test(line) || HEADING.test(line) || FENCE.test(line)) break;
    stop += 1;
  }
  return stop;
}

function list(lines, kind, cite) {
  return element(kind === BULLET ? "ul" : "ol", ...lines.map((line) => element("li", ...inline(kind.exec(line)[1], cite))));
}

function paragraph(lines, cite) {
  return element("p", ...lines.flatMap((line, index) => (index ? [document.createElement("br")] : []).concat(inline(line, cite))));
}

function inline(text, cite) {
  return text.split(INLINE).filter(Boolean).map((piece) => {
    if (piece.startsWith("**") && piece.length > 4) return element("strong", piece.slice(2, -2));
    if (piece.startsWith("`") && piece.length > 2) return element("code", piece.slice(1, -1));
    const mark = /^\[(\d{1,2})\]$/.exec(piece);
    return (mark && cite(Number(mark[1]))) || document.createTextNode(piece);
  });
}

function element(name, ...children) {
  const made = document.createElement(name);
  made.append(...children);
  return made;
}
