// Tables that are filled anew each second: rows are kept by key, so that focus, selection and scrolling stay.

import { el, mark, say } from './dom.js';

const CALM = 3000; // ms between two orders of the rows: who reads a row shall not have to run after it

/** columns: {id, title, value(row) to sort by, show(row) -> text, or fill(cell, row), number, wide (left out on phones)} */
export class Table {
  constructor(host, { columns, key, sort, descending = true, empty, label, row = null, most = Infinity }) {
    Object.assign(this, { columns, key, sort, descending, row, most, rows: [], kept: new Map(), ordered: 0 });
    this.matches = () => true;
    this.head = el('tr', {}, ...columns.map((column) => this.#headCell(column)));
    this.body = el('tbody');
    this.empty = el('p', { class: 'empty', text: empty });
    const table = el('table', {}, el('caption', { class: 'hidden', text: label }), el('thead', {}, this.head), this.body);
    this.scroller = el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': `${label}, table` }, table);
    host.append(this.scroller, this.empty);
    this.#markSort();
  }

  /** Show these rows. */
  set(rows) {
    this.rows = rows;
    this.#render(false);
  }

  /** Show only rows that match. */
  filter(matches) {
    this.matches = matches;
    this.#render(true);
  }

  #headCell(column) {
    const kind = `${column.number ? 'number' : ''} ${column.wide ? 'wide' : ''}`;
    if (!column.value) return el('th', { scope: 'col', class: kind, text: column.title });
    const press = () => {
      this.descending = this.sort === column.id ? !this.descending : Boolean(column.number);
      this.sort = column.id;
      this.#markSort();
      this.#render(true);
    };
    const button = el('button', { type: 'button', text: column.title, on: { click: press } });
    return el('th', { scope: 'col', class: kind, 'data-column': column.id }, button);
  }

  #markSort() {
    for (const cell of this.head.children) {
      if (!cell.dataset.column) continue;
      const direction = this.descending ? 'descending' : 'ascending';
      mark(cell, 'aria-sort', cell.dataset.column === this.sort ? direction : 'none');
    }
  }

  #sorted() {
    const value = this.columns.find((column) => column.id === this.sort)?.value;
    const shown = this.rows.filter(this.matches);
    if (value) {
      const sign = this.descending ? -1 : 1;
      shown.sort((a, b) => sign * compare(value(a), value(b)) || compare(this.key(a), this.key(b)));
    }
    return shown.slice(0, this.most);
  }

  #render(now) {
    const shown = this.#sorted();
    const lines = shown.map((row) => this.#line(row));
    const keys = new Set(shown.map((row) => this.key(row)));
    for (const [key, line] of this.kept) {
      if (!keys.has(key)) {
        line.remove();
        this.kept.delete(key);
      }
    }
    const isNew = lines.some((line) => !line.isConnected);
    const isHeld = this.body.contains(document.activeElement) || this.body.matches(':hover');
    if (now || isNew || (!isHeld && Date.now() - this.ordered > CALM)) this.#order(lines);
    this.empty.hidden = lines.length > 0;
    this.scroller.hidden = lines.length === 0;
  }

  #order(lines) {
    this.ordered = Date.now();
    const focused = document.activeElement;
    lines.forEach((line, index) => {
      if (this.body.children[index] !== line) this.body.insertBefore(line, this.body.children[index] ?? null);
    });
    if (focused !== document.activeElement && this.body.contains(focused)) focused.focus({ preventScroll: true });
  }

  #line(row) {
    const key = this.key(row);
    let line = this.kept.get(key);
    if (!line) {
      const cells = this.columns.map((column, index) =>
        el(index ? 'td' : 'th', {
          class: `${column.number ? 'number' : ''} ${column.wide ? 'wide' : ''}`,
          scope: index ? null : 'row',
        }),
      );
      line = el('tr', {}, ...cells);
      this.kept.set(key, line);
    }
    this.columns.forEach((column, index) => {
      const cell = line.children[index];
      if (column.fill) column.fill(cell, row);
      else say(cell, column.show(row));
    });
    if (this.row) this.row(line, row);
    return line;
  }
}

function compare(a, b) {
  if (typeof a === 'string' || typeof b === 'string') return String(a).localeCompare(String(b), 'en', { numeric: true });
  const [left, right] = [a, b].map((value) => (Number.isFinite(value) ? value : -Infinity));
  return left === right ? 0 : left - right;
}
