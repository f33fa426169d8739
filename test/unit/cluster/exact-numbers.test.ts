import { once } from 'node:events'
import http from 'node:http'
import t from 'tap'
import { rolloutUndo } from '../../../src/actions/rollout-undo/rollout-undo.ts'
import { objectAt, textAt } from '../../../src/base/json.ts'
import { createKubeClient } from '../../../src/cluster/kube-client.ts'
import { templateIdentity } from '../../../src/domain/workload.ts'
import { storedPlan } from '../../../src/ledger/rows.ts'
import { withBreaker } from '../../../src/outgoing/breaker.ts'
import { createClockOffset } from '../../../src/outgoing/clock-offset.ts'
import { createHttpClient } from '../../../src/outgoing/http-client.ts'
import { NOON, planInput, revisionOf, workloadOf } from '../../support/workloads.ts'

const FOR_EVER = '9223372036854775807'
const TEMPLATE = `{"metadata":{"labels":{"app":"api"}},"spec":{"tolerations":[{"key":"lost","tolerationSeconds":${FOR_EVER}}],"weight":2.50}}`

t.test('a template goes back with every digit', async t => {
  const bodies: string[] = []
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      bodies.push(Buffer.concat(chunks).toString())
      response.writeHead(200, { 'content-type': 'application/json' }).end(`{"spec":{"template":${TEMPLATE}}}`)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = createHttpClient()
  t.teardown(() => {
    client.close()
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const connection = { server: `http://127.0.0.1:${address.port}`, options: async () => ({}) }
  const kube = createKubeClient(connection, client, withBreaker(client, { name: 'test' }), createClockOffset(Date.now))

  const read = await kube.get('/x')
  if (read.kind !== 'ok') throw new Error(read.detail)
  const template = objectAt(read.object, 'spec', 'template')
  await kube.jsonPatch('/x', [{ op: 'test', path: '/spec/template', value: template }])

  t.equal(bodies[1], `[{"op":"test","path":"/spec/template","value":${TEMPLATE}}]`)
  const other = objectAt(JSON.parse(TEMPLATE.replace(FOR_EVER, '9223372036854775806')))
  t.not(templateIdentity(template), templateIdentity(other), 'and another digit is another version')
})

t.test('a plan that was stored has every digit', async t => {
  const { parseExactly } = await import('../../../src/base/exact-json.ts')
  const old = objectAt(parseExactly(TEMPLATE))
  const bad = workloadOf([
    { ...revisionOf(1, 'app:v1', NOON - 90_000_000), template: old, identity: templateIdentity(old) },
    revisionOf(2, 'app:v2', NOON - 600_000)
  ])
  const result = rolloutUndo.plan(planInput(bad))
  if (result.kind !== 'plan') throw new Error(result.refusal.detail)

  const stored = storedPlan(JSON.stringify(result.plan))

  t.match(JSON.stringify(stored), new RegExp(`"tolerationSeconds":${FOR_EVER}.*"weight":2\\.50`))
  t.equal(textAt(stored, 'hash'), result.plan.hash)
})
