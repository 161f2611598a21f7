// What there is to know at first sight: now is the last ten seconds, below it stands the whole range.

import { byId, el, mark, say } from './dom.js';
import { bytes, count, rate, share, time } from './format.js';

const ms = (value) => (value === null || value === undefined ? NaN : value / 1000);
const BAD_RATE = 0.01;

const TILES = [
  { id: 'requests', title: 'Requests', now: ({ now }) => rate(now.requests_per_second), all: ({ total }) => `${count(total.requests)} in all` },
  { id: 'error-rate', title: 'Error rate (5xx)', now: ({ now }) => share(now.error_rate), all: ({ total }) => `${share(total.error_rate)} of all`, bad: ({ now }) => now.error_rate > BAD_RATE },
  { id: 'p50', title: 'p50', now: ({ now }) => time(ms(now.p50_ms)), all: ({ total }) => `${time(ms(total.p50_ms))} of all` },
  { id: 'p95', title: 'p95', now: ({ now }) => time(ms(now.p95_ms)), all: ({ total }) => `${time(ms(total.p95_ms))} of all` },
  { id: 'p99', title: 'p99', now: ({ now }) => time(ms(now.p99_ms)), all: ({ total }) => `${time(ms(total.p99_ms))} of all` },
  { id: 'own', title: 'Own time, p50', now: ({ now }) => time(ms(now.gateway_p50_ms)), all: ({ total }) => `p99 ${time(ms(total.gateway_p99_ms))}` },
  { id: 'in-flight', title: 'In flight', now: ({ total }) => count(total.in_flight), all: ({ now }) => `${bytes(now.bytes_per_second)}/s sent` },
  { id: 'cache', title: 'Cache hits', now: ({ now }) => share(now.cache_hit_rate), all: ({ total }) => `${share(total.cache_hit_rate)} of all` },
  { id: 'limited', title: 'Limits hit', now: ({ now, seconds }) => rate(now.limited / Math.min(10, seconds)), all: limits },
];

function limits({ limits: { limited, blocked, shadow } }) {
  const words = [`${count(limited + blocked)} refused`];
  if (shadow) words.push(`${count(shadow)} in shadow`);
  return words.join(', ');
}

export class Tiles {
  constructor() {
    this.tiles = TILES.map((tile) => {
      const [now, all] = [el('dd', { id: `now-${tile.id}` }), el('dd')];
      byId('tiles').append(el('div', {}, el('dt', { text: tile.title }), now, all));
      return { ...tile, cells: [now, all] };
    });
  }

  update(overview) {
    for (const { now, all, bad, cells } of this.tiles) {
      say(cells[0], now(overview));
      say(cells[1], all(overview));
      mark(cells[0], 'class', bad?.(overview) ? 'value-bad' : '');
    }
  }
}
