// The page: one stream tells what is now, a few requests how it was; each part of the page shows its share of it.

import { Alerts } from './alerts.js';
import { follow } from './api.js';
import { redrawAll } from './chart.js';
import { Detail } from './detail.js';
import { announce, byId, mark, say } from './dom.js';
import { Failures } from './failures.js';
import { span } from './format.js';
import { Routes } from './routes.js';
import { startTheme } from './theme.js';
import { Tiles } from './tiles.js';
import { Timeline } from './timeline.js';
import { Trends } from './trends.js';
import { Upstreams } from './upstreams.js';
import { Workers } from './workers.js';

const RANGES = ['5m', '1h', '24h'];
const state = { range: RANGES.includes(location.hash.slice(1)) ? location.hash.slice(1) : '5m', route: null };
const problem = (error) => show('away', error.message);

const detail = new Detail(state, problem);
const timeline = new Timeline(state, problem);
const trends = new Trends(state, problem);
const failures = new Failures();
const parts = [
  new Tiles(), new Alerts(), timeline, new Upstreams(), failures, new Workers(),
  new Routes((name) => detail.open(name), () => state.route),
];

function show(kind, words = '') {
  const badge = byId('state');
  const text = { live: 'live', away: 'no connection', paused: 'paused' }[kind];
  if (badge.textContent === text && badge.title === words) return;
  if (kind === 'away' && badge.textContent === 'live') announce('The connection to the gateway is lost.');
  if (kind === 'live' && badge.textContent === 'no connection') announce('The gateway answers again.');
  say(badge, text);
  mark(badge, 'class', `badge ${{ live: 'good', away: 'bad', paused: 'quiet' }[kind]}`);
  badge.title = words;
}

function onEvent({ overview, point, alerts }) {
  if (overview.range !== state.range) return;
  const { version, plan, config_age: age, config_mistakes: mistakes } = overview.gateway;
  say(byId('build'), `${version}, configuration ${String(plan).slice(0, 8)} for ${span(age)}${mistakes ? ', the files have mistakes' : ''}`);
  for (const part of parts) part.update(overview, alerts, point);
}

let stream = null;

/** Begin anew, for another range or after a pause. */
function start() {
  stream?.abort();
  stream = new AbortController();
  follow(`api/live?range=${state.range}`, stream.signal, onEvent, show);
  timeline.restart();
  trends.restart();
  detail.restart();
}

byId('range').addEventListener('change', (event) => {
  state.range = event.target.value;
  history.replaceState(null, '', `#${state.range}`);
  start();
});
for (const input of byId('range').querySelectorAll('input')) input.checked = input.value === state.range;
// Who does not look costs nothing.
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) start();
  else {
    stream?.abort();
    show('paused');
  }
});
startTheme(() => {
  redrawAll();
  detail.redraw();
});
start();
