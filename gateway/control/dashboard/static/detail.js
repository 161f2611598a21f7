// One route: how long its requests took, what happens to a request, and where it stands in the files.

import { get } from './api.js';
import { byId, el, say } from './dom.js';
import { Heatmap } from './heatmap.js';

const EVERY = { '5m': 5_000, '1h': 15_000, '24h': 60_000 };

export class Detail {
  constructor(state, onProblem) {
    Object.assign(this, { state, onProblem, timer: 0, turn: 0, opener: null });
    this.heatmap = new Heatmap(byId('heatmap'), 'How long requests took, over time');
    this.facts = el('div');
    byId('detail-facts').append(this.facts);
    byId('detail-close').addEventListener('click', () => this.close());
    byId('detail').addEventListener('keydown', (event) => event.key === 'Escape' && this.close());
  }

  /** Show a route, and go there. */
  open(name) {
    this.opener = document.activeElement;
    this.state.route = name;
    say(byId('detail-title'), `Route ${name || '(no route)'}`);
    byId('detail').hidden = false;
    this.facts.replaceChildren();
    this.heatmap.set({ times: [], edges: [], cells: [] });
    byId('detail').focus();
    this.#policies(name);
    this.restart();
  }

  close() {
    clearTimeout(this.timer);
    this.turn++;
    this.state.route = null;
    byId('detail').hidden = true;
    this.opener?.focus();
  }

  redraw() {
    this.heatmap.draw();
  }

  async restart() {
    clearTimeout(this.timer);
    const turn = ++this.turn;
    const { route, range } = this.state;
    if (route === null) return;
    try {
      if (!document.hidden) {
        const found = await get(`api/history?range=${range}&route=${encodeURIComponent(route)}`);
        if (turn === this.turn) this.heatmap.set(trimmed(found));
      }
    } catch (error) {
      this.onProblem(error);
    }
    if (turn === this.turn) this.timer = setTimeout(() => this.restart(), EVERY[range]);
  }

  async #policies(name) {
    try {
      const routes = await get('api/routes');
      const route = routes.find((each) => each.name === name);
      if (this.state.route === name) this.facts.replaceChildren(...(route ? facts(route) : unknown(name)));
    } catch (error) {
      this.onProblem(error);
    }
  }
}

/** Only the rows between the fastest and the slowest request. */
function trimmed({ times, heatmap, edges_ms: edges }) {
  const all = [...edges, Infinity].map((edge) => edge / 1000);
  const rows = heatmap.flat().map(([row]) => row);
  if (!rows.length) return { times, edges: [], cells: [] };
  const [low, high] = [Math.max(0, Math.min(...rows) - 1), Math.min(all.length - 1, Math.max(...rows) + 1)];
  const cells = heatmap.map((column) => column.map(([row, requests]) => [row - low, requests]));
  return { times, edges: all.slice(low, high + 1), cells };
}

const unknown = (name) => [
  el('p', { class: 'empty', text: name ? 'It is not among the routes of now.' : 'These requests matched no route.' }),
];

function facts({ match, steps, upstream, split, where, auth }) {
  const methods = match.methods?.length ? match.methods.join(', ') : 'any method';
  const hosts = match.hosts?.length ? ` of ${match.hosts.join(', ')}` : '';
  const lines = [el('p', {}, `${methods} `, el('code', { text: match.path }), hosts)];
  const list = steps.map((step) => el('li', {}, step.name, el('span', { class: 'why', text: step.where ? ` (${step.where})` : '' })));
  lines.push(el('ol', { class: 'steps', 'aria-label': 'Policies, in their order' }, ...list));
  if (auth?.length) lines.push(el('p', { text: `Callers are known by ${[].concat(auth).join(' or ')}.` }));
  const legs = split?.map((leg) => `${leg.upstream} (${leg.weight})`).join(', ');
  lines.push(el('p', { text: upstream || legs ? `Then ${legs || `the upstream ${upstream}`} is asked.` : 'The gateway answers by itself.' }));
  if (where) lines.push(el('p', { class: 'why', text: `Written at ${where}` }));
  return lines;
}
