// What fires, what is about to, and who has it in hand. What begins or ends to fire is told to screen readers as well.

import { post } from './api.js';
import { announce, badge, byId, el, fillOnce, say } from './dom.js';
import { Table } from './table.js';

const KINDS = { firing: 'bad', pending: 'warn', acknowledged: 'warn', resolved: 'good', muted: 'quiet' };
const FIRST = ['firing', 'acknowledged', 'pending', 'muted', 'resolved'];
const FIRES = ['firing', 'acknowledged'];

const state = (row) => (row.muted_by && FIRES.includes(row.state) ? 'muted' : row.state);

export class Alerts {
  constructor() {
    this.firing = null;
    this.words = el('p', { id: 'alerts-words' });
    byId('alerts').append(this.words);
    this.table = new Table(byId('alerts'), {
      label: 'Alerts', sort: 'state', descending: false, key: (row) => row.key, empty: 'Nothing fires, and nothing did lately.',
      columns: [
        { id: 'name', title: 'Alert', value: (row) => row.name, show: (row) => row.name },
        { id: 'state', title: 'State', value: (row) => FIRST.indexOf(state(row)), fill: (cell, row) => fillOnce(cell, state(row), () => [badge(KINDS[state(row)] ?? 'quiet', state(row))]) },
        { id: 'severity', title: 'Severity', value: (row) => row.severity, show: (row) => row.severity ?? '' },
        { id: 'summary', title: 'What', show: (row) => row.summary || row.expression },
        { id: 'value', title: 'Value', number: true, wide: true, show: (row) => row.value_text ?? '' },
        { id: 'since', title: 'Since', wide: true, value: (row) => row.since ?? '', show: (row) => when(row.since) },
        { id: 'hand', title: 'In hand', fill: (cell, row) => fillOnce(cell, hand(row), () => inHand(row)) },
      ],
    });
  }

  update(overview, alerts) {
    const rows = alerts.filter((row) => row.state !== 'inactive');
    const firing = new Map(rows.filter((row) => FIRES.includes(row.state)).map((row) => [row.key, row]));
    const words = firing.size
      ? `${firing.size} of ${alerts.length} alerts ${firing.size === 1 ? 'fires' : 'fire'}.`
      : alerts.length ? `None of ${alerts.length} alerts fires.` : 'No alerts are configured.';
    say(this.words, words);
    document.title = firing.size ? `(${firing.size}) Gateway` : 'Gateway';
    this.table.set(rows);
    if (this.firing) {
      const came = [...firing].filter(([name]) => !this.firing.has(name)).map(([, row]) => row.name);
      const went = [...this.firing].filter(([name]) => !firing.has(name)).map(([, row]) => row.name);
      if (came.length) announce(`Alert: ${came.join(', ')}`);
      else if (went.length) announce(`Over: ${went.join(', ')}`);
    }
    this.firing = firing;
  }
}

const when = (since) => (since ? new Date(since).toLocaleString([], { hour12: false }) : '');
const hand = (row) => (row.acknowledged_by ? `by ${row.acknowledged_by}` : row.state);

/** Who has it in hand; for what fires and nobody has, a way to take it. */
function inHand(row) {
  if (row.acknowledged_by) return [row.acknowledged_by];
  if (row.state !== 'firing') return [];
  const take = async (event) => {
    event.target.disabled = true;
    const path = `api/alerts/${encodeURIComponent(row.name)}/ack`;
    const body = { by: 'dashboard', labels: row.labels };
    await post(path, body).catch((error) => announce(`It could not be acknowledged: ${error.message}`));
    event.target.disabled = false;
  };
  return [el('button', { type: 'button', text: 'Acknowledge', 'aria-label': `Acknowledge ${row.name}`, on: { click: take } })];
}
