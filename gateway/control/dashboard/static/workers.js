// The workers of this host: what each takes, and which plan it runs.

import { badge, byId, fillOnce } from './dom.js';
import { bytes, count, share, span, time } from './format.js';
import { Table } from './table.js';

const ms = (value) => (value === null || value === undefined ? NaN : value / 1000);

export class Workers {
  constructor() {
    this.before = new Map(); // pid -> [at, cpu seconds, share]
    const number = (id, title, value, show, wide = false) => ({ id, title, number: true, wide, value, show: (row) => show(value(row)) });
    this.table = new Table(byId('workers'), {
      label: 'Workers', sort: 'pid', descending: false, key: (row) => String(row.pid), empty: 'No worker is there.',
      columns: [
        { id: 'pid', title: 'Process', value: (row) => row.pid, show: (row) => String(row.pid) },
        { id: 'state', title: 'State', value: (row) => row.state, fill: (cell, row) => fillOnce(cell, row.state, () => [badge(row.state === 'serving' ? 'good' : 'warn', row.state)]) },
        number('cpu', 'CPU', (row) => row.cpu, share),
        number('memory', 'Memory', (row) => row.memory, bytes),
        number('connections', 'Connections', (row) => row.connections, count),
        number('requests', 'Requests', (row) => row.requests, count, true),
        number('lag', 'Loop lag', (row) => ms(row.loop_lag_ms), time, true),
        number('gc', 'GC pause', (row) => ms(row.gc_pause_ms), time, true),
        number('descriptors', 'Descriptors', (row) => row.descriptors, count, true),
        number('age', 'Runs for', (row) => row.age, span, true),
        { id: 'plan', title: 'Plan', wide: true, value: (row) => row.generation, show: (row) => `${row.generation} (${String(row.version).slice(0, 8)})` },
      ],
    });
  }

  update({ workers, at }) {
    this.table.set(workers.map((row) => ({ ...row, cpu: this.#cpu(row, at), age: at - Date.parse(row.started) / 1000 })));
  }

  /** The share of one core between two looks. */
  #cpu({ pid, cpu_seconds: cpu }, at) {
    const [when, then, last] = this.before.get(pid) ?? [at, cpu, NaN];
    const used = at > when ? Math.max(0, (cpu - then) / (at - when)) : last;
    if (this.before.size > 1000) this.before.clear();
    this.before.set(pid, [at, cpu, used]);
    return used;
  }
}
