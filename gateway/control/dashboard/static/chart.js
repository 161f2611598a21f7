// A chart over time, drawn by uPlot, with its figures in words and as a table beside it. Without uPlot the table is left.

import { colour, el, fillOnce, mark, say } from './dom.js';
import { clock, hour } from './format.js';

const HEIGHT = 190;
const LINES_OF_TABLE = 12;
const charts = new Set();
const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) charts.forEach((chart) => chart.place === target && chart.resize());
});

/** Draw all charts anew, in the colours of now. */
export function redrawAll() {
  charts.forEach((chart) => chart.rebuild());
}

/** series: {name, colour (a custom property), dash, fill, bars}; `stacked`: each stands on the ones before it; `log`: each step is ten times the one below. */
export class Chart {
  constructor(host, { label, series, show, stacked = false, log = false, least = 0 }) {
    Object.assign(this, { label, series, show, stacked, log, least, xs: [], ys: [], plot: null, from: null, to: null });
    this.place = el('div', { class: 'plot', role: 'img', 'aria-label': label });
    this.legend = el('ul', { class: 'legend', 'aria-hidden': 'true' });
    this.words = el('p', { class: 'words' });
    this.table = el('table');
    this.details = el('details', { on: { toggle: () => this.#fillTable() } },
      el('summary', { text: `${label}: figures` }),
      el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': `${label}: figures` }, this.table));
    if (!globalThis.uPlot) this.details.open = true;
    host.append(this.legend, this.place, this.words, this.details);
    charts.add(this);
    sizes.observe(this.place);
    this.rebuild();
  }

  /** Show `ys`, one list for each of the series, at the times `xs` (wall clock, seconds), on an axis of `from` to `to`. */
  set(xs, ys, from = null, to = null) {
    Object.assign(this, { xs, ys, from, to });
    this.plot?.setData(this.#data(), true);
    this.#tell(null);
    if (this.details.open) this.#fillTable();
  }

  /** Others are to be shown from now on. */
  setSeries(series) {
    if (JSON.stringify(series) === JSON.stringify(this.series)) return;
    this.series = series;
    this.rebuild();
  }

  rebuild() {
    this.plot?.destroy();
    this.plot = null;
    fillOnce(this.legend, JSON.stringify(this.series), () => this.series.map((each) => {
      const dash = each.dash ? ' dashed' : '';
      return el('li', { class: `of-${each.colour.slice(2)}${dash}` }, el('i'), each.name, el('b'));
    }));
    const width = this.place.clientWidth;
    if (!globalThis.uPlot || !width) return;
    const order = this.#order();
    const options = {
      width, height: HEIGHT, legend: { show: false }, pxAlign: 0,
      cursor: { drag: { setScale: false, x: false, y: false }, points: { size: 6 } },
      scales: {
        x: { time: true, range: (plot, low, high) => [this.from ?? low, this.to ?? high] },
        y: this.log ? { distr: 3, range: (plot, low, high) => decades(low, high) }
          : { range: (plot, low, high) => [0, Math.max(high || 0, this.least) * 1.1 || 1] },
      },
      axes: [this.#axis({ size: 30, values: (plot, ticks) => ticks.map((tick) => (tick % 60 ? '' : hour(tick))) }),
        this.#axis({ ...(this.log ? { splits: (plot, axis, low, high) => powers(low, high) } : {}), size: 62, values: (plot, ticks) => ticks.map((tick) => (tick === null ? '' : this.show(tick))) })],
      series: [{}, ...order.map((index) => this.#line(this.series[index]))],
      hooks: { setCursor: [(plot) => this.#tell(plot.cursor.idx)] },
    };
    this.plot = new globalThis.uPlot(options, this.#data(), this.place);
  }

  resize() {
    const width = this.place.clientWidth;
    if (!this.plot) this.rebuild();
    else if (width && width !== this.plot.width) this.plot.setSize({ width, height: HEIGHT });
  }

  #axis(more) {
    const grid = { stroke: colour('--line'), width: 1 };
    return { stroke: colour('--quiet'), font: '11px system-ui, sans-serif', grid, ticks: { ...grid, size: 4 }, ...more };
  }

  #line({ name, colour: property, dash, fill, bars }) {
    const stroke = colour(property);
    const line = { label: name, stroke, width: 1.5, points: { show: false }, spanGaps: false };
    if (dash) line.dash = dash;
    if (fill || this.stacked || bars) line.fill = stroke;
    if (bars) line.paths = globalThis.uPlot.paths.bars({ size: [0.7, 60] });
    return line;
  }

  /** Of a stack the highest is drawn first, and what is below it over it. */
  #order() {
    const order = this.series.map((each, index) => index);
    return this.stacked ? order.reverse() : order;
  }

  #data() {
    const { xs, ys } = this;
    const columns = this.series.map((each, index) => ys[index] ?? xs.map(() => null));
    if (!this.stacked) return [xs, ...columns];
    const sums = xs.map(() => 0);
    const stacked = columns.map((column) => column.map((value, index) => (sums[index] += value || 0)));
    return [xs, ...this.#order().map((index) => stacked[index])];
  }

  /** The values under the cursor, or the last ones. */
  #tell(at) {
    const index = at ?? this.xs.length - 1;
    this.series.forEach((each, number) => {
      const value = this.ys[number]?.[index];
      const item = this.legend.children[number];
      if (item) say(item.lastChild, index >= 0 ? this.show(value) : '');
    });
    if (at !== null && at !== undefined) return;
    const parts = this.series.map((each, number) => {
      const known = (this.ys[number] ?? []).filter((value) => Number.isFinite(value));
      return known.length ? `${each.name} ${this.show(known.at(-1))}, at most ${this.show(Math.max(...known))}` : null;
    });
    const words = parts.filter(Boolean).join('; ') || 'nothing yet';
    say(this.words, words);
    mark(this.place, 'aria-label', `${this.label}. ${words}`);
  }

  #fillTable() {
    if (!this.details.open) return;
    const step = Math.max(1, Math.ceil(this.xs.length / LINES_OF_TABLE));
    const rows = this.xs.map((x, index) => index).filter((index) => (this.xs.length - 1 - index) % step === 0);
    const head = ['Time', ...this.series.map((each) => each.name)];
    this.table.replaceChildren(
      el('thead', {}, el('tr', {}, ...head.map((text) => el('th', { scope: 'col', text })))),
      el('tbody', {}, ...rows.reverse().map((index) => el('tr', {},
        el('th', { scope: 'row', text: clock(this.xs[index]) }),
        ...this.series.map((each, number) => el('td', { class: 'number', text: this.show(this.ys[number]?.[index]) })),
      ))),
    );
  }
}

/** Whole powers of ten around what there is. */
function decades(low, high) {
  if (!(low > 0) || !(high > 0)) return [0.001, 1];
  const [from, to] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  return [10 ** from, 10 ** Math.max(to, from + 1)];
}

/** The powers of ten from one to another. */
function powers(low, high) {
  const first = Math.round(Math.log10(low));
  return Array.from({ length: Math.round(Math.log10(high)) - first + 1 }, (_, number) => 10 ** (first + number));
}
