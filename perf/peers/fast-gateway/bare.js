'use strict'
// fast-gateway as a bare gateway.
const { createRequire } = require('node:module')
const need = createRequire(process.env.PERF_MODULES + '/')

need('fast-gateway')({
  routes: [{
    prefix: '',
    target: `http://127.0.0.1:${process.env.PERF_UPSTREAM}`,
    proxyConfig: { undici: { connections: 600, pipelining: 1 } }
  }]
}).start(Number(process.env.PERF_PORT), '127.0.0.1')
