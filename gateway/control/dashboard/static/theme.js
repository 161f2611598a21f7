// Light, dark, or what the system says. The choice is kept in this browser.

import { byId, say } from './dom.js';

const KEY = 'gateway-theme';
const NEXT = { auto: 'light', light: 'dark', dark: 'auto' };
const dark = matchMedia('(prefers-color-scheme: dark)');

function apply(theme) {
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  say(byId('theme'), `Theme: ${theme}`);
}

/** Apply what was chosen, and call `onChange` whenever the colours are others. */
export function startTheme(onChange) {
  let theme = localStorage.getItem(KEY) in NEXT ? localStorage.getItem(KEY) : 'auto';
  apply(theme);
  byId('theme').addEventListener('click', () => {
    theme = NEXT[theme];
    localStorage.setItem(KEY, theme);
    apply(theme);
    onChange();
  });
  dark.addEventListener('change', onChange);
}
