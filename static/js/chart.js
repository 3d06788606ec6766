// Curves by uPlot from a JSON endpoint: {"x": [0, 10, …], "series": {"loss": [2.3, 2.1, …]}}.
// With `data-live` it polls every few seconds for the points `after` the last one, and also
// takes points from the page's event stream (`metrics`: {"x": 20, "values": {"loss": 2.0}}).

const POLL_MILLISECONDS = 3000;
const WHOLE_DISTANCES = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();
const TITLE = { labelSize: 18, labelGap: 0 };
const language = document.documentElement.lang;

function tones(element, tone) {
  const probe = document.createElement("span");
  probe.dataset.tone = tone;
  element.append(probe);
  const style = getComputedStyle(probe);
  // A custom property may hold light-dark(); only a real property is resolved to one colour.
  probe.style.color = "var(--tone-mark)";
  probe.style.backgroundColor = "var(--line)";
  probe.style.borderColor = "var(--ink-faint)";
  const found = { stroke: style.color, grid: style.backgroundColor, text: style.borderTopColor };
  probe.remove();
  return found;
}

// As many decimals as tell two neighbouring ticks apart.
function tickWords(ticks, distance) {
  const places = Array.from({ length: 10 }, (_, count) => count);
  const digits = places.find((count) => Math.abs(Number(distance.toFixed(count)) - distance) < distance / 1000) ?? 10;
  return ticks.map((tick) => tick?.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }));
}

class Chart {
  constructor(figure) {
    this.figure = figure;
    this.canvas = figure.querySelector(".canvas");
    this.readout = figure.querySelector("[data-readout]");
    this.series = JSON.parse(figure.dataset.series);
    this.x = [];
    this.values = Object.fromEntries(this.series.map(({ key }) => [key, []]));
    this.plot = null;
    new ResizeObserver(() => this.resize()).observe(this.canvas);
    document.addEventListener("kosha:theme", () => this.redraw());
    document.addEventListener("htmx:sseMessage", (event) => this.onEvent(event.detail));
    this.load();
  }

  async load() {
    const url = new URL(this.figure.dataset.url, location.href);
    if (this.x.length) url.searchParams.set("after", this.x.at(-1));
    try {
      const response = await fetch(url, { headers: { Accept: "application/json" } });
      if (response.ok) this.take(await response.json());
    } catch { /* The server is unavailable; the next poll tries again. */ }
    this.canvas.removeAttribute("aria-busy");
    if (this.figure.isConnected && "live" in this.figure.dataset) setTimeout(() => this.load(), POLL_MILLISECONDS);
  }

  onEvent({ type, data }) {
    if (type !== "metrics") return;
    const point = JSON.parse(data);
    this.take({ x: [point.x], series: Object.fromEntries(Object.entries(point.values).map(([k, v]) => [k, [v]])), live: true });
  }

  take({ x, series, live }) {
    if (live === false) delete this.figure.dataset.live;
    const last = this.x.at(-1) ?? -Infinity;
    x.forEach((step, index) => {
      if (step <= last) return;
      this.x.push(step);
      for (const { key } of this.series) this.values[key].push(series[key]?.[index] ?? null);
    });
    this.figure.querySelector(".waiting").hidden = this.x.length > 0;
    if (this.x.length === 0) return;
    if (this.plot) this.plot.setData(this.data());
    else this.draw();
    this.say(this.x.length - 1);
  }

  data() {
    return [this.x, ...this.series.map(({ key }) => this.values[key])];
  }

  draw() {
    const { grid, text } = tones(this.figure, "still");
    const font = `12px ${getComputedStyle(this.figure).fontFamily}`;
    const axis = {
      ...TITLE, stroke: text, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1, size: 4 }, font, labelFont: font,
      values: (_plot, ticks, _axis, _space, distance) => tickWords(ticks, distance),
    };
    const widest = (_plot, words) => 16 + 7 * Math.max(3, ...(words ?? []).map((word) => word?.length ?? 0));
    this.plot = new uPlot({
      width: this.canvas.clientWidth,
      height: this.canvas.clientHeight,
      padding: [8, 8, 0, 0],
      legend: { show: false },
      cursor: { points: { size: 7 } },
      scales: { x: { time: false } },
      axes: [
        { ...axis, label: this.figure.dataset.xLabel, size: 28, space: 60, incrs: WHOLE_DISTANCES },
        { ...axis, label: this.series.map(({ label }) => label).join(" / "), size: widest },
      ],
      series: [{}, ...this.series.map(({ label, tone }, index) => ({
        label, stroke: tones(this.figure, tone).stroke, width: 1.75, spanGaps: true,
        points: { show: this.x.length < 3 }, dash: index > 0 ? [5, 4] : undefined,
      }))],
      hooks: { setCursor: [(plot) => this.say(plot.cursor.idx ?? this.x.length - 1)] },
    }, this.data(), this.canvas);
  }

  say(index) {
    if (this.x[index] === undefined) return;
    this.readout.replaceChildren(`${this.figure.dataset.xLabel} ${this.x[index].toLocaleString(language)}`);
    for (const { key, label, tone, digits = 2 } of this.series) {
      const value = this.values[key].slice(0, index + 1).findLast((known) => known !== null);
      if (value === undefined) continue;
      const mark = document.createElement("span");
      mark.className = "series-mark";
      mark.dataset.tone = tone;
      const shown = value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
      this.readout.append("  ", mark, `${label} ${shown}`);
    }
  }

  resize() {
    this.plot?.setSize({ width: this.canvas.clientWidth, height: this.canvas.clientHeight });
  }

  redraw() {
    this.plot?.destroy();
    this.plot = null;
    if (this.x.length) this.draw();
  }
}

function start(root) {
  root.querySelectorAll("[data-chart]:not([data-drawn])").forEach((figure) => {
    figure.dataset.drawn = "";
    new Chart(figure);
  });
}

start(document);
document.addEventListener("htmx:load", (event) => start(event.target));
