// How long requests took, over time: a canvas whose cells are the darker the more requests they hold.

import { colour, el, mark, say } from './dom.js';
import { clock, count, hour, time } from './format.js';

const HEIGHT = 220;
const LEFT = 62;
const BELOW = 22;
const STEPS = 24; // shades

/** A heatmap with words; `set` takes {times, edges, cells}: cells[point] is a list of [row, requests]. */
export class Heatmap {
  constructor(host, label) {
    Object.assign(this, { label, data: null, at: null });
    this.canvas = el('canvas', { class: 'heat', tabindex: '0', role: 'img', 'aria-label': label });
    this.readout = el('p', { class: 'words' });
    host.append(this.canvas, this.readout);
    this.canvas.addEventListener('pointermove', (event) => this.#point(event));
    this.canvas.addEventListener('pointerleave', () => this.#leave());
    this.canvas.addEventListener('blur', () => this.#leave());
    this.canvas.addEventListener('keydown', (event) => this.#key(event));
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  set(data) {
    this.data = data;
    this.draw();
    if (!this.at) this.#tell();
  }

  draw() {
    const { data, canvas } = this;
    const width = canvas.clientWidth;
    if (!width) return;
    const ratio = globalThis.devicePixelRatio || 1;
    canvas.width = width * ratio;
    canvas.height = HEIGHT * ratio;
    const pen = canvas.getContext('2d');
    pen.scale(ratio, ratio);
    pen.font = '11px system-ui, sans-serif';
    pen.textBaseline = 'middle';
    if (!data?.times.length || !data.edges.length) {
      pen.fillStyle = colour('--quiet');
      pen.fillText('no requests in this time', LEFT, HEIGHT / 2);
      return;
    }
    this.#axes(pen, width);
    this.#cells(pen, width);
    if (this.at) this.#frame(pen, width);
  }

  #box(width) {
    const { times, edges } = this.data;
    return { wide: (width - LEFT - 4) / times.length, high: (HEIGHT - BELOW - 4) / edges.length };
  }

  #axes(pen, width) {
    const { times, edges } = this.data;
    const { wide, high } = this.#box(width);
    pen.fillStyle = colour('--quiet');
    pen.textAlign = 'right';
    const every = Math.max(1, Math.ceil(18 / high));
    for (let row = 0; row < edges.length; row += every) pen.fillText(time(edges[row]), LEFT - 6, HEIGHT - BELOW - row * high - high / 2);
    pen.textAlign = 'center';
    const labels = Math.max(1, Math.floor(width / 110));
    for (let label = 0; label <= labels; label++) {
      const point = Math.min(times.length - 1, Math.round((label * (times.length - 1)) / labels));
      const x = Math.min(width - 18, LEFT + point * wide + wide / 2);
      pen.fillText(hour(times[point]), x, HEIGHT - BELOW / 2);
    }
  }

  #cells(pen, width) {
    const { wide, high } = this.#box(width);
    const most = Math.max(1, ...this.data.cells.flat().map(([, requests]) => requests));
    pen.fillStyle = colour('--heat');
    this.data.cells.forEach((column, point) => {
      for (const [row, requests] of column) {
        const shade = Math.ceil((STEPS * Math.log1p(requests)) / Math.log1p(most)) / STEPS;
        pen.globalAlpha = 0.12 + 0.88 * shade;
        pen.fillRect(LEFT + point * wide, HEIGHT - BELOW - (row + 1) * high, Math.max(1, wide - 0.5), Math.max(1, high - 0.5));
      }
    });
    pen.globalAlpha = 1;
  }

  #frame(pen, width) {
    const { wide, high } = this.#box(width);
    pen.strokeStyle = colour('--text');
    pen.lineWidth = 1.5;
    const [point, row] = this.at;
    pen.strokeRect(LEFT + point * wide, HEIGHT - BELOW - (row + 1) * high, Math.max(3, wide), Math.max(3, high));
  }

  #point(event) {
    if (!this.data?.times.length || !this.data.edges.length) return;
    const { wide, high } = this.#box(this.canvas.clientWidth);
    this.#go(Math.floor((event.offsetX - LEFT) / wide), Math.floor((HEIGHT - BELOW - event.offsetY) / high));
  }

  #key(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!step || !this.data?.times.length || !this.data.edges.length) return;
    event.preventDefault();
    const [point, row] = this.at ?? [this.data.times.length - 1, 0];
    this.#go(point + step[0], row + step[1]);
  }

  #go(point, row) {
    const bound = (value, length) => Math.max(0, Math.min(length - 1, value));
    this.at = [bound(point, this.data.times.length), bound(row, this.data.edges.length)];
    this.draw();
    this.#tell();
  }

  #leave() {
    this.at = null;
    this.draw();
    this.#tell();
  }

  #tell() {
    const { data, at } = this;
    if (!data) return;
    // Only what somebody points at is read aloud, not each new second.
    mark(this.readout, 'aria-live', at ? 'polite' : 'off');
    if (at) {
      const [point, row] = at;
      const requests = data.cells[point]?.find(([number]) => number === row)?.[1] ?? 0;
      const low = row ? time(data.edges[row - 1]) : '0';
      say(this.readout, `${clock(data.times[point])}: ${count(requests)} took ${low} to ${time(data.edges[row])}`);
      return;
    }
    const rows = new Map();
    for (const [row, requests] of data.cells.flat()) rows.set(row, (rows.get(row) ?? 0) + requests);
    const total = [...rows.values()].reduce((sum, requests) => sum + requests, 0);
    const [busiest, most] = [...rows].reduce((best, row) => (row[1] > best[1] ? row : best), [0, 0]);
    const words = total
      ? `${count(total)} requests; most of them, ${count(most)}, took up to ${time(data.edges[busiest])}; ` +
        `the slowest took up to ${time(data.edges[Math.max(...rows.keys())])}`
      : 'no requests in this time';
    say(this.readout, words);
    mark(this.canvas, 'aria-label', `${this.label}: ${words}. Arrow keys read the cells.`);
  }
}
