// Small helpers for the page. Text is set as text everywhere: nothing that a client sent is ever read as markup.

/** An element. `props`: `text`, `class`, `on` (event -> listener), everything else is an attribute (null leaves it out). */
export function el(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'text') made.textContent = value;
    else if (name === 'class') made.className = value;
    else if (name === 'on') for (const [kind, listener] of Object.entries(value)) made.addEventListener(kind, listener);
    else made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** The element with an id, which is there. */
export const byId = (id) => document.getElementById(id);

/** Set text only where it changed, so that a selection and a screen reader's place survive. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Set an attribute only where it changed. */
export function mark(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Tell people who cannot see the page of something that matters; sparse, and never in the middle of a sentence. */
export function announce(text) {
  say(byId('announcer'), text);
}

/** The colour that a custom property of style.css has in the theme of now, as a canvas wants it. */
export function colour(name) {
  const probe = byId('probe');
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color;
}

/** A word with a mark of its own: never by colour alone. `kind`: good, warn, bad, quiet. */
export function badge(kind, text, title = null) {
  return el('span', { class: `badge ${kind}`, text, title });
}

/** Fill a list or a cell anew only where `key` changed. */
export function fillOnce(element, key, make) {
  if (element.dataset.key === key) return;
  element.dataset.key = key;
  element.replaceChildren(...make());
}
