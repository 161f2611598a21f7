'use strict'
// Fastify at full work with its own plugins.
const { randomBytes } = require('node:crypto')
const { createRequire } = require('node:module')
const need = createRequire(process.env.PERF_MODULES + '/')
const prometheus = need('prom-client')

const requests = new prometheus.Counter({ name: 'requests', help: 'Answered.', labelNames: ['route', 'status'] })
const seconds = new prometheus.Histogram({ name: 'seconds', help: 'How long they took.', labelNames: ['route'] })
const limit = { max: 500000, timeWindow: 1000 }

async function main () {
  const app = need('fastify')({
    logger: { level: 'info', file: '/dev/null' },
    disableRequestLogging: true,
    requestIdHeader: 'x-request-id',
    genReqId: () => randomBytes(16).toString('hex')
  })
  app.decorateRequest('traceparent', '')
  app.addHook('onRequest', async (req, reply) => {
    const parent = req.headers.traceparent
    const trace = parent ? parent.split('-')[1] : randomBytes(16).toString('hex')
    req.traceparent = `00-${trace}-${randomBytes(8).toString('hex')}-00`
    reply.header('x-request-id', req.id)
  })
  app.addHook('onResponse', async (req, reply) => {
    const route = req.routeOptions.url || ''
    requests.inc({ route, status: reply.statusCode })
    seconds.observe({ route }, reply.elapsedTime / 1000)
    req.log.info({
      client: req.ip, method: req.method, path: req.url, route, sub: req.user && req.user.sub,
      status: reply.statusCode, ms: reply.elapsedTime, trace: req.traceparent
    })
  })
  app.register(need('@fastify/jwt'), {
    secret: process.env.PERF_SECRET,
    verify: {
      algorithms: ['HS256'], allowedIss: process.env.PERF_ISSUER, allowedAud: process.env.PERF_AUDIENCE,
      requiredClaims: ['exp'], cache: 10000
    }
  })
  await app.register(need('@fastify/rate-limit'), { global: false })
  app.get('/metrics', async (_, reply) => reply.type(prometheus.register.contentType).send(await prometheus.register.metrics()))

  const token = async (req, reply) => {
    await req.jwtVerify()
    if (!` ${req.user.scope} `.includes(` ${process.env.PERF_SCOPE} `)) return reply.code(403).send()
  }
  // its hook runs once in a request, whatever it is set to; there are two limits here
  const everybody = app.createRateLimit({ ...limit, keyGenerator: () => 'all' })
  const client = app.createRateLimit({ ...limit, keyGenerator: (req) => req.user.sub })
  const limits = async (req, reply) => {
    if ((await everybody(req)).isExceeded || (await client(req)).isExceeded) return reply.code(429).send()
  }
  const from = {
    rewriteRequestHeaders: (req, headers) => ({ ...headers, 'x-request-id': req.id, traceparent: req.traceparent })
  }
  app.register(need('@fastify/reply-from'), {
    base: `http://127.0.0.1:${process.env.PERF_UPSTREAM}`, undici: { connections: 600, pipelining: 1 }
  })
  const route = (path) => app.get(path, { preHandler: [token, limits] }, (req, reply) => reply.from(req.raw.url, from))
  for (let i = 0; i < 99; i++) route(`/svc${i}/:a/things/:b(^\\d+$)`)
  route('/v1/items/:id(^\\d+$)')
  app.listen({ port: Number(process.env.PERF_PORT), host: '127.0.0.1', backlog: 4096 })
}
main()
