// The table of routes; a press on a name opens what is known of it.

import { byId, el, mark, say } from './dom.js';
import { count, rate, share, some, time } from './format.js';
import { Table } from './table.js';

const BAD_RATE = 0.01;
const ms = (value) => (value === null || value === undefined ? NaN : value / 1000);

export class Routes {
  constructor(open, chosen) {
    const name = (cell, row) => {
      if (!cell.firstChild) cell.append(el('button', { type: 'button', on: { click: () => open(row.name) } }));
      say(cell.firstChild, row.name || '(no route)');
    };
    const duration = (id, title, wide = false) => (
      { id, title, number: true, wide, value: (row) => row[`${id}_ms`], show: (row) => time(ms(row[`${id}_ms`])) });
    const of = (id) => (row) => row.classes[id] ?? 0;
    const classes = ['2xx', '3xx', '4xx', '5xx'].map((id) => (
      { id, title: id, number: true, wide: true, value: of(id), show: (row) => count(of(id)(row)) }));
    this.table = new Table(byId('routes-table'), {
      label: 'Routes', sort: 'requests', key: (row) => row.name, empty: 'No route was asked in this time.',
      row: (line, row) => mark(line, 'class', chosen() === row.name ? 'chosen' : ''),
      columns: [
        { id: 'name', title: 'Route', value: (row) => row.name, fill: name },
        { id: 'requests', title: 'Requests', number: true, value: (row) => row.requests_per_second, show: (row) => rate(row.requests_per_second) },
        { id: 'errors', title: 'Errors', number: true, value: (row) => row.error_rate, fill: errors },
        duration('p50', 'p50', true), duration('p95', 'p95', true), duration('p99', 'p99'),
        ...classes,
        { id: 'flight', title: 'In flight', number: true, wide: true, value: (row) => row.in_flight, show: (row) => count(row.in_flight) },
        { id: 'cache', title: 'Cache hits', number: true, wide: true, value: (row) => row.cache_hit_rate ?? -1, show: (row) => share(row.cache_hit_rate) },
        { id: 'limited', title: 'Limited', number: true, wide: true, value: (row) => row.limited, show: (row) => count(row.limited) },
      ],
    });
    this.rows = [];
    byId('filter').addEventListener('input', () => this.#filter());
  }

  update({ routes }) {
    this.rows = routes;
    this.table.set(routes);
    this.#count();
  }

  #words() {
    return byId('filter').value.trim().toLowerCase();
  }

  #filter() {
    const words = this.#words();
    this.table.filter((row) => row.name.toLowerCase().includes(words));
    this.#count();
  }

  #count() {
    const words = this.#words();
    const shown = this.rows.filter((row) => row.name.toLowerCase().includes(words)).length;
    say(byId('filtered'), words ? `${shown} of ${some(this.rows.length, 'route')}` : some(this.rows.length, 'route'));
  }
}

function errors(cell, row) {
  say(cell, share(row.error_rate));
  mark(cell, 'class', row.error_rate > BAD_RATE ? 'number value-bad' : 'number');
}
