// Asks for the admin token, once for all who need it. It is kept for this tab alone, and goes when the tab does.

import { byId, say } from './dom.js';

let asking = null;

/** What was given; `isWrong` when the last one was refused. */
export function askForToken(isWrong) {
  asking ??= new Promise((resolve) => {
    const dialog = byId('token-dialog');
    const field = byId('token');
    say(byId('token-words'), isWrong ? 'The gateway refused this token.' : '');
    field.value = '';
    byId('token-form').onsubmit = (event) => {
      event.preventDefault();
      if (!field.value) return;
      dialog.close();
      asking = null;
      resolve(field.value);
    };
    dialog.oncancel = (event) => event.preventDefault();
    if (!dialog.open) dialog.showModal();
    field.focus();
  });
  return asking;
}
