// Requests by status class and durations over time: the past is asked for, the present comes with the stream.

import { get } from './api.js';
import { Chart } from './chart.js';
import { byId } from './dom.js';
import { rate, time } from './format.js';

const CLASSES = ['2xx', '3xx', '4xx', '5xx', '1xx'];
const QUANTILES = [['p50', '--line-1', null], ['p95', '--line-2', [8, 3]], ['p99', '--line-3', [2, 3]]];
const SECONDS = { '5m': 300, '1h': 3600, '24h': 86400 };
const AGAIN = 2_000; // ms after which the past is asked for again where it did not come

export class Timeline {
  constructor(state, onProblem) {
    Object.assign(this, { state, onProblem, turn: 0, points: null, failed: 0 });
    this.requests = new Chart(byId('requests-chart'), {
      label: 'Requests a second, by status class', stacked: true, show: rate, least: 1,
      series: CLASSES.map((name) => ({ name, colour: `--class-${name}` })),
    });
    this.latency = new Chart(byId('latency-chart'), {
      label: 'Duration of requests', show: time, log: true,
      series: QUANTILES.map(([name, colour, dash]) => ({ name, colour, dash })),
    });
  }

  /** One more point has come with the stream; where some are missing, all are asked for again. */
  update({ at }, alerts, point) {
    const { points } = this;
    if (this.failed && Date.now() - this.failed >= AGAIN) this.restart();
    if (!points || !point) return;
    const last = points.at(-1)?.at ?? 0;
    if (point.at <= last) {
      if (at - last > 3 * this.step + 5) this.#draw(at);
      return;
    }
    if (points.length && point.at - last > 2.5 * this.step) {
      this.restart();
      return;
    }
    points.push(point);
    const oldest = point.at - SECONDS[this.state.range];
    while (points[0].at <= oldest) points.shift();
    this.#draw(point.at);
  }

  /** Ask for all points of the range. */
  async restart() {
    const turn = ++this.turn;
    const { range } = this.state;
    this.points = null;
    this.failed = 0;
    try {
      const found = await get(`api/history?range=${range}`);
      if (turn !== this.turn) return;
      this.step = found.step || 1;
      this.points = pointsOf(found);
      this.#draw(found.times.at(-1) ?? Date.now() / 1000);
    } catch (error) {
      if (turn === this.turn) this.failed = Date.now();
      this.onProblem(error);
    }
  }

  #draw(end) {
    const times = this.points.map((point) => point.at);
    const from = end - SECONDS[this.state.range];
    const second = (name) => this.points.map((point) => point.classes[name] / (point.seconds || 1));
    this.requests.set(times, CLASSES.map(second), from, end);
    const inSeconds = (name) => this.points.map((point) => (point[`${name}_ms`] === null ? null : point[`${name}_ms`] / 1000));
    this.latency.set(times, QUANTILES.map(([name]) => inSeconds(name)), from, end);
  }
}

/** The lists of /api/history as points; the length of each is the time since the one before it. */
function pointsOf(found) {
  return found.times.map((at, index) => ({
    at,
    seconds: Math.min(at - (found.times[index - 1] ?? -Infinity), found.step) || found.step,
    classes: Object.fromEntries(CLASSES.map((name) => [name, found.classes[name][index]])),
    ...Object.fromEntries(QUANTILES.map(([name]) => [`${name}_ms`, found[`${name}_ms`][index]])),
  }));
}
