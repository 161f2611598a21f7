// How the page asks the admin listener: with the token where there is one, and by streams that come back.

import { askForToken } from './token.js';

// The page may stand behind a path of its own: everything is relative to this file.
const ROOT = new URL('../', import.meta.url);
const KEY = 'gateway-admin-token';
const QUIET = 20_000; // ms without a byte, after which a stream is dead: events come each second
const LONGEST_PAUSE = 10_000;

async function request(path, options, more = {}) {
  for (;;) {
    const token = sessionStorage.getItem(KEY);
    const headers = token ? { ...more, Authorization: `Bearer ${token}` } : more;
    const answer = await fetch(new URL(path, ROOT), { cache: 'no-store', credentials: 'omit', headers, ...options });
    if (answer.status !== 401) return answer;
    await answer.body?.cancel();
    // Another request may have asked meanwhile.
    if (sessionStorage.getItem(KEY) === token) sessionStorage.setItem(KEY, await askForToken(token !== null));
  }
}

/** A JSON document. Throws an Error in words when there is none. */
export const get = async (path) => parsed(await request(path));

/** Change something. */
export async function post(path, body) {
  const headers = { 'X-Gateway-Admin': '1', 'Content-Type': 'application/json' };
  return parsed(await request(path, { method: 'POST', body: JSON.stringify(body) }, headers));
}

async function parsed(answer) {
  const found = await answer.json().catch(() => null);
  if (!answer.ok) throw new Error(found?.detail || found?.title || `the gateway answered ${answer.status}`);
  return found;
}

/** Hand every event of a stream to `onEvent` until `signal` is aborted; comes back by itself after a break. */
export async function follow(path, signal, onEvent, onState) {
  let pause = 500;
  while (!signal.aborted) {
    try {
      await once(path, signal, (event) => {
        pause = 500;
        onState('live');
        onEvent(event);
      });
    } catch (error) {
      if (signal.aborted) return;
      onState('away', error.message);
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(2 * pause, LONGEST_PAUSE);
  }
}

async function once(path, signal, onEvent) {
  const quiet = new AbortController();
  let timer = 0;
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => quiet.abort(new Error('nothing came for a while')), QUIET);
  };
  alive();
  try {
    const answer = await request(path, { signal: AbortSignal.any([signal, quiet.signal]) });
    if (!answer.ok) {
      const found = await answer.json().catch(() => null);
      throw new Error(found?.detail || `the gateway answered ${answer.status}`);
    }
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new Error('the gateway ended the stream');
      alive();
      text += value;
      const events = text.split('\n\n');
      text = events.pop();
      for (const event of events) {
        const data = event.split('\n').filter((line) => line.startsWith('data: ')).map((line) => line.slice(6));
        if (data.length) onEvent(JSON.parse(data.join('\n')));
      }
    }
  } finally {
    clearTimeout(timer);
  }
}
