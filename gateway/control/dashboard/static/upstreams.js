// Each upstream with its targets: how they are, and why.

import { badge, byId, el, fillOnce, say } from './dom.js';
import { count, rate, share, time } from './format.js';
import { Table } from './table.js';

const ms = (value) => (value === null || value === undefined ? NaN : value / 1000);
const KINDS = { serving: 'good', 'starting slowly': 'warn', draining: 'quiet', disabled: 'quiet', 'circuit half-open': 'warn', closed: 'good', 'half-open': 'warn' };
const kind = (state) => KINDS[state] ?? 'bad';

export class Upstreams {
  constructor() {
    this.place = el('div');
    this.empty = el('p', { class: 'empty', text: 'There is no upstream.' });
    byId('upstreams').append(this.place, this.empty);
    this.shown = new Map();
  }

  update({ upstreams }) {
    const names = new Set(upstreams.map((each) => each.name));
    for (const [name, one] of this.shown) {
      if (!names.has(name)) {
        one.place.remove();
        this.shown.delete(name);
      }
    }
    for (const upstream of upstreams) {
      if (!this.shown.has(upstream.name)) this.shown.set(upstream.name, new Upstream(this.place, upstream.name));
      this.shown.get(upstream.name).update(upstream);
    }
    this.empty.hidden = upstreams.length > 0;
  }
}

class Upstream {
  constructor(host, name) {
    this.states = el('span');
    this.facts = el('ul', { class: 'facts' });
    const targets = el('div');
    this.place = el('div', { class: 'upstream' }, el('h3', {}, name, this.states), this.facts, targets);
    host.append(this.place);
    this.table = new Table(targets, {
      label: `Targets of ${name}`, sort: 'address', descending: false, key: (row) => row.address, empty: 'No target is known.',
      columns: [
        { id: 'address', title: 'Target', value: (row) => row.address, show: (row) => row.address },
        { id: 'state', title: 'State', value: (row) => row.state, fill: (cell, row) => fillOnce(cell, row.state, () => [badge(kind(row.state), row.state)]) },
        { id: 'tries', title: 'Tries', number: true, value: (row) => row.tries_per_second, show: (row) => rate(row.tries_per_second) },
        { id: 'errors', title: 'Errors', number: true, value: (row) => row.error_rate, show: (row) => share(row.error_rate) },
        { id: 'p99', title: 'p99', number: true, wide: true, value: (row) => row.p99_ms, show: (row) => time(ms(row.p99_ms)) },
        { id: 'flight', title: 'In flight', number: true, wide: true, value: (row) => row.in_flight, show: (row) => count(row.in_flight) },
        { id: 'why', title: 'Why', wide: true, show: (row) => row.why },
      ],
    });
  }

  update(upstream) {
    const circuit = upstream.circuit;
    const states = [];
    if (circuit) states.push([kind(circuit.state), `circuit ${circuit.state}`, circuit.why]);
    if (upstream.in_panic) states.push(['bad', 'too few targets are well', 'all of them are used']);
    fillOnce(this.states, JSON.stringify(states), () => states.map((state) => badge(...state)));
    const facts = [
      ['tries', rate(upstream.tries_per_second)], ['errors', share(upstream.error_rate)],
      ['p50', time(ms(upstream.p50_ms))], ['p99', time(ms(upstream.p99_ms))], ['in flight', count(upstream.in_flight)],
    ];
    if (upstream.retries) facts.push(['retries', count(upstream.retries)]);
    if (upstream.hedges) facts.push(['hedges', count(upstream.hedges)]);
    if (upstream.limit) facts.push(['limit', count(upstream.limit.now)]);
    facts.push(['balance', upstream.balance]);
    while (this.facts.children.length > facts.length) this.facts.lastChild.remove();
    facts.forEach(([name, value], index) => {
      const item = this.facts.children[index] ?? this.facts.appendChild(el('li', {}, '', el('b')));
      item.firstChild.data = `${name} `;
      say(item.lastChild, value);
    });
    this.table.set(upstream.targets);
  }
}
