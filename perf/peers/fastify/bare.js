'use strict'
// Fastify with its own proxy as a bare gateway.
const { createRequire } = require('node:module')
const need = createRequire(process.env.PERF_MODULES + '/')
const app = need('fastify')({ logger: false })

app.register(need('@fastify/http-proxy'), {
  upstream: `http://127.0.0.1:${process.env.PERF_UPSTREAM}`,
  undici: { connections: 600, pipelining: 1 }
})
app.listen({ port: Number(process.env.PERF_PORT), host: '127.0.0.1', backlog: 4096 })
