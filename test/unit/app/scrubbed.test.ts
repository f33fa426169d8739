import { once } from 'node:events'
import http from 'node:http'
import t from 'tap'
import { scrubbedLedger } from '../../../src/app/scrubbed-ledger.ts'
import { createSecrets } from '../../../src/base/secrets.ts'
import { createKubeClient } from '../../../src/cluster/kube-client.ts'
import { audited } from '../../../src/domain/audited.ts'
import { withBreaker } from '../../../src/outgoing/breaker.ts'
import { createClockOffset } from '../../../src/outgoing/clock-offset.ts'
import { createHttpClient } from '../../../src/outgoing/http-client.ts'
import { createLogger, scrubbing } from '../../../src/telemetry/logger.ts'
import { alertmanagerStates } from '../../../src/verification/alert-states.ts'
import { openLedger } from '../../support/open-ledger.ts'

const SECRET = 't0ken-"t0ken"'
const secrets = createSecrets()
secrets.know(SECRET)

t.test('an answer that is written back stays as it is; every other one loses what is secret', async t => {
  let status = 200
  const server = http.createServer((_request, response) =>
    response.writeHead(status, { 'x-echo': SECRET }).end(JSON.stringify({ env: SECRET }))
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  const url = `http://127.0.0.1:${address === null || typeof address === 'string' ? 0 : address.port}`
  const client = createHttpClient(Date.now, secrets.scrub)
  t.teardown(() => client.close())
  const ask = async (exact?: true) => {
    const result = await client.request({ method: 'GET', url, deadlineMs: 2_000, ...(exact === undefined ? {} : { exact }) })
    return result.kind === 'response' ? { body: result.body, echo: result.headers['x-echo'] } : result
  }

  t.same(await ask(true), { body: JSON.stringify({ env: SECRET }), echo: '[redacted]' }, 'a pod’s template')
  t.same(await ask(), { body: '{"env":"[redacted]"}', echo: '[redacted]' })
  status = 409
  t.same(await ask(true), { body: '{"env":"[redacted]"}', echo: '[redacted]' }, 'an error is only told')
})

t.test('labels that Alertmanager is asked about are compared as they are, though one is the same as a password', async t => {
  const labels = { alertname: 'A', job: 't0ken-t0ken' }
  const server = http.createServer((_request, response) =>
    response.end(JSON.stringify([{ labels, status: { silencedBy: ['s'], inhibitedBy: [] } }]))
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  const known = createSecrets()
  const client = createHttpClient(Date.now, known.scrub)
  t.teardown(() => client.close())
  const url = `http://127.0.0.1:${address === null || typeof address === 'string' ? 0 : address.port}`
  const states = alertmanagerStates({
    url,
    client: withBreaker(client, { name: 'alertmanager' }),
    async authorization() {
      known.know('t0ken-t0ken')
      return 'Bearer t0ken-t0ken'
    }
  })
  t.match(await states.stateOf(labels, new AbortController().signal), { kind: 'known', silencedBy: ['s'] })
})

t.test('what is stored: an audit row and the detail of a failed message lose what is secret', async t => {
  const ledger = scrubbedLedger(await openLedger(t), secrets.scrub)
  await ledger.append([audited.policiesLoaded({ at: 1 }, { version: `v ${SECRET}`, policies: 1 })])
  t.match(await ledger.audit({}, 10), [{ kind: 'policies-loaded', body: { version: 'v [redacted]' } }])
})

t.test('what is logged: an error, its cause and its stack lose what is secret', async t => {
  for (const form of ['json', 'pretty'] as const) {
    let lines = ''
    const destination = {
      write(text: string) {
        lines += text
      }
    }
    const logger = createLogger('info', form, scrubbing(destination, secrets.scrub))
    logger.error({ err: new Error(`a ${SECRET}`, { cause: new Error(SECRET) }), what: [SECRET] }, 'failed')
    t.match(lines, /redacted/)
    t.notMatch(lines, /t0ken/, form)
  }
})

t.test('of a watch event that does not parse nothing is quoted', async t => {
  const server = http.createServer((_request, response) => response.end(`{"type":"ADDED"}\n{"env": t0ken-t0ken}\n`))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  const client = createHttpClient()
  t.teardown(() => client.close())
  const connection = {
    server: `http://127.0.0.1:${address === null || typeof address === 'string' ? 0 : address.port}`,
    options: async () => ({})
  }
  const kube = createKubeClient(connection, client, withBreaker(client, { name: 'kubernetes' }), createClockOffset(Date.now))
  const events: unknown[] = []
  const end = await kube.watch('/watch', event => events.push(event), new AbortController().signal)
  t.same(events, [{ type: 'ADDED' }])
  t.match(end, { kind: 'unreachable', detail: /a watch event is not valid JSON/ })
  t.notMatch(JSON.stringify(end), /t0ken/)
})
