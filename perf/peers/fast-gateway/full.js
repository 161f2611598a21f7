'use strict'
// fast-gateway at full work: it brings routes and the proxy, the rest is middleware on libraries that are usual with it.
const { randomBytes } = require('node:crypto')
const { createServer } = require('node:http')
const { createRequire } = require('node:module')
const need = createRequire(process.env.PERF_MODULES + '/')
const pino = need('pino')
const prometheus = need('prom-client')
const { createVerifier } = need('fast-jwt')
const { RateLimiterMemory } = need('rate-limiter-flexible')

const log = pino({ level: 'info' }, pino.destination('/dev/null'))
const requests = new prometheus.Counter({ name: 'requests', help: 'Answered.', labelNames: ['route', 'status'] })
const seconds = new prometheus.Histogram({ name: 'seconds', help: 'How long they took.', labelNames: ['route'] })
const everybody = new RateLimiterMemory({ points: 500000, duration: 1 })
const clients = new RateLimiterMemory({ points: 500000, duration: 1 })
const verify = createVerifier({
  key: process.env.PERF_SECRET, algorithms: ['HS256'], allowedIss: process.env.PERF_ISSUER,
  allowedAud: process.env.PERF_AUDIENCE, requiredClaims: ['exp'], cache: 10000
})

function refuse (res, status) {
  res.statusCode = status
  res.end()
}

function named (route) {
  return (req, res, next) => {
    const start = process.hrtime.bigint()
    req.id = req.headers['x-request-id'] || randomBytes(16).toString('hex')
    const parent = req.headers.traceparent
    const trace = parent ? parent.split('-')[1] : randomBytes(16).toString('hex')
    req.traceparent = `00-${trace}-${randomBytes(8).toString('hex')}-00`
    res.setHeader('x-request-id', req.id)
    const path = req.url
    res.on('finish', () => {
      const took = Number(process.hrtime.bigint() - start) / 1e9
      requests.inc({ route, status: res.statusCode })
      seconds.observe({ route }, took)
      log.info({
        id: req.id, client: req.socket.remoteAddress, method: req.method, path, route,
        sub: req.claims && req.claims.sub, status: res.statusCode, seconds: took, trace: req.traceparent
      })
    })
    next()
  }
}

function token (req, res, next) {
  const said = req.headers.authorization || ''
  try {
    req.claims = verify(said.startsWith('Bearer ') ? said.slice(7) : '')
  } catch {
    return refuse(res, 401)
  }
  if (!` ${req.claims.scope} `.includes(` ${process.env.PERF_SCOPE} `)) return refuse(res, 403)
  next()
}

async function limits (req, res, next) {
  try {
    await everybody.consume('all')
    await clients.consume(req.claims.sub)
  } catch {
    return refuse(res, 429)
  }
  next()
}

function route (prefix) {
  return {
    prefix,
    prefixRewrite: prefix,
    methods: ['GET'],
    target: `http://127.0.0.1:${process.env.PERF_UPSTREAM}`,
    proxyConfig: { undici: { connections: 600, pipelining: 1 } },
    middlewares: [named(prefix), token, limits],
    hooks: {
      rewriteRequestHeaders: (req, headers) => ({ ...headers, 'x-request-id': req.id, traceparent: req.traceparent })
    }
  }
}

const routes = []
for (let i = 0; i < 99; i++) routes.push(route(`/svc${i}`))
routes.push(route('/v1/items'))
need('fast-gateway')({ routes }).start(Number(process.env.PERF_PORT), '127.0.0.1')
createServer(async (_, res) => res.end(await prometheus.register.metrics())).listen(Number(process.env.PERF_ADMIN), '127.0.0.1')
