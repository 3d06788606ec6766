// Requests to the own server.

const fact = (name) => document.querySelector(`meta[name="${name}"]`).content;

/** Headers of a request that changes something: the page's token, and the organization it was opened in. */
export function pageHeaders() {
  return { "X-CSRFToken": fact("csrf-token"), "X-Kosha-Organization": fact("organization") };
}

/** POST fields as a form does; returns the Response of any status. */
export function post(url, fields, options = {}) {
  return fetch(url, {
    method: "POST",
    body: new URLSearchParams(fields),
    headers: { ...pageHeaders(), "Accept": "application/json, text/event-stream" },
    credentials: "same-origin",
    ...options,
  });
}

/**
 * The events of a `text/event-stream` answer, as {event, data} with data parsed as JSON.
 * EventSource cannot POST, hence this reader. Multi-line data is joined as the standard requires.
 */
export async function* serverEvents(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const { value, done } = await reader.read();
    buffer += done ? "\n\n" : value.replaceAll("\r\n", "\n");
    let end;
    while ((end = buffer.indexOf("\n\n")) >= 0) {
      const parsed = parseEvent(buffer.slice(0, end));
      buffer = buffer.slice(end + 2);
      if (parsed) yield parsed;
    }
    if (done) return;
  }
}

function parseEvent(block) {
  let event = "message";
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) event = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
  }
  return data.length ? { event, data: JSON.parse(data.join("\n")) } : null;
}
