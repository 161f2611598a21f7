// Errors over time, traffic by hour beside the day before, and by method, route and client: what /api/trends says.

import { get } from './api.js';
import { Chart } from './chart.js';
import { byId, el } from './dom.js';
import { count, rate, short } from './format.js';
import { Table } from './table.js';

const EVERY = { '5m': 5_000, '1h': 20_000, '24h': 60_000 };
const HALF = 1800; // seconds: a bar stands in the middle of its hour
const LINES = ['--line-3', '--line-1', '--line-2', '--line-5', '--line-4', '--line-6'];
const DASHES = [null, [8, 3], [2, 3], [8, 3, 2, 3], [12, 4], [1, 2]];
const SOURCES = { client: '--class-4xx', upstream: '--class-5xx', gateway: '--line-2' };

/** Asks by itself, as often as there is something new, while the page is seen. */
export class Trends {
  constructor(state, onProblem) {
    Object.assign(this, { state, onProblem, found: null, timer: 0, turn: 0, by: 'sources' });
    this.errors = new Chart(byId('errors-chart'), { label: 'Errors a second', series: sourceLines(), show: rate });
    this.hours = new Chart(byId('hours-chart'), {
      label: 'Requests by hour, and the day before',
      series: [{ name: 'this day', colour: '--bar', bars: true }, { name: 'the day before', colour: '--before', dash: [6, 3] }],
      show: (value) => (Number.isInteger(value) ? count(value) : short(value)),
    });
    this.methods = compared('by-method', 'Requests by method', 'Method');
    this.routes = compared('by-route', 'Requests by route', 'Route');
    this.clients = clients();
    byId('errors-by').addEventListener('change', (event) => {
      this.by = event.target.value;
      this.#errors();
    });
  }

  /** Ask now, and then again and again. */
  async restart() {
    clearTimeout(this.timer);
    const turn = ++this.turn;
    try {
      if (!document.hidden) {
        const found = await get(`api/trends?range=${this.state.range}`);
        if (turn === this.turn) this.#show(found);
      }
    } catch (error) {
      this.onProblem(error);
    }
    if (turn === this.turn) this.timer = setTimeout(() => this.restart(), EVERY[this.state.range]);
  }

  #show(found) {
    this.found = found;
    this.#errors();
    const { times, now, before } = found.hours;
    this.hours.set(times, [now, before], times[0] - HALF, times.at(-1) + HALF);
    this.methods.set(found.methods);
    this.routes.set(found.routes);
    this.clients.set(found.clients);
  }

  #errors() {
    if (!this.found) return;
    const { times, [this.by]: lines } = this.found.errors;
    const names = Object.keys(lines);
    const named = names.map((name, index) => ({ name, colour: LINES[index % LINES.length], dash: DASHES[index % DASHES.length] }));
    this.errors.setSeries(this.by === 'sources' || !names.length ? sourceLines() : named);
    const end = times.at(-1);
    const ys = this.by === 'sources' ? Object.keys(SOURCES).map((name) => lines[name]) : names.map((name) => lines[name]);
    this.errors.set(times, ys, end ? end - this.found.seconds : null, end ?? null);
  }
}

const sourceLines = () =>
  Object.entries(SOURCES).map(([name, colour], index) => ({ name, colour, dash: DASHES[index] }));

/** What changed against the time before, in words that tell without colour. */
function change(row) {
  if (!row.before) return row.requests ? 'new' : '';
  const share = row.requests / row.before - 1;
  return `${share >= 0 ? '+' : '−'}${Math.abs(share * 100).toFixed(0)} %`;
}

function bar(cell, row, most) {
  if (!cell.firstChild) cell.append(el('span', { class: 'share', 'aria-hidden': 'true' }));
  cell.firstChild.style.width = `${Math.round((100 * row.requests) / Math.max(1, most))}px`;
}

function compared(id, label, title) {
  let most = 1;
  const table = new Table(byId(id), {
    label, sort: 'requests', key: (row) => row.name, empty: 'No requests in this time.',
    columns: [
      { id: 'name', title, value: (row) => row.name, show: (row) => row.name || '(no route)' },
      { id: 'requests', title: 'Requests', number: true, value: (row) => row.requests, show: (row) => count(row.requests) },
      { id: 'change', title: 'Change', number: true, value: (row) => row.requests / row.before, show: change },
      { id: 'bar', title: 'Share', wide: true, fill: (cell, row) => bar(cell, row, most) },
    ],
  });
  return {
    set(rows) {
      most = Math.max(1, ...rows.map((row) => row.requests));
      table.set(rows);
    },
  };
}

function clients() {
  return new Table(byId('by-client'), {
    label: 'Requests by client', sort: 'requests', key: (row) => row.name, empty: 'No clients yet.',
    columns: [
      { id: 'name', title: 'Client', value: (row) => row.name, show: (row) => row.name },
      { id: 'requests', title: 'About', number: true, value: (row) => row.requests, show: (row) => count(row.requests) },
    ],
  });
}
