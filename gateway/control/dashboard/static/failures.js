// The last requests that failed, with what finds them in the logs.

import { byId, say } from './dom.js';
import { clock } from './format.js';
import { Table } from './table.js';

const MOST = 50;

export class Failures {
  constructor() {
    this.table = new Table(byId('failures'), {
      label: 'The last failures', sort: 'at', most: MOST, key: (row) => `${row.at} ${row.request_id}`, empty: 'Nothing failed in this time.',
      columns: [
        { id: 'at', title: 'Time', value: (row) => row.at, show: (row) => clock(row.at) },
        { id: 'status', title: 'Status', number: true, value: (row) => row.status, show: (row) => String(row.status) },
        { id: 'route', title: 'Request', value: (row) => row.route, show: (row) => `${row.method} ${row.route || '(no route)'}` },
        { id: 'error', title: 'Error', value: (row) => row.error ?? '', show: (row) => row.error ?? 'answered by the upstream' },
        { id: 'upstream', title: 'Upstream', wide: true, value: (row) => row.upstream ?? '', show: (row) => row.upstream ?? '' },
        { id: 'request', title: 'Request id', fill: (cell, row) => {
          if (!cell.firstChild) cell.append(document.createElement('code'));
          say(cell.firstChild, row.request_id);
        } },
      ],
    });
  }

  update({ failures }) {
    this.table.set(failures);
  }
}
