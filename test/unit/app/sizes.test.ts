import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { openAuditFile } from '../../../src/ledger/sqlite/audit-file.ts'
import { firing, payload } from '../../support/alertmanager-payloads.ts'
import { type ImageProcess, podMemoryMiB, startImageProcess } from '../../support/image-process.ts'
import { seeded } from '../../support/seed.ts'
import { KUBECONFIG } from '../../support/server-fixture.ts'

const LARGEST = 10 * 1024 * 1024
const MIB = 1024 * 1024
/** What a sender may be answered: taken, malformed, too large, or to be sent again. */
const ANSWERS: readonly number[] = [202, 400, 413, 503]

interface Fixture {
  readonly service: ImageProcess
  readonly folder: string
  post(body: string | Uint8Array<ArrayBuffer>): Promise<{ readonly status: number; readonly text: string }>
}

/** The service under the image's flags, with a policy that puts each alert's labels into a query; nothing that it asks is there. */
async function begin(t: Test): Promise<Fixture> {
  const folder = mkdtempSync(join(tmpdir(), 'astern-sizes-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const policy = {
    name: 'undo',
    match: ['alertname=~".+"'],
    target: { kind: 'Deployment', namespace: 'shop', name: 'api' },
    verify: [{ promql: 'sum(rate(errors{value=~"{{ labels.value }}"}[5m]))', failWhen: '> 1', samples: 1 }],
    steps: [{ action: 'rollout-undo' }]
  }
  const policies = { version: 1, sources: { prometheus: { url: 'http://127.0.0.1:1' } }, policies: [policy] }
  writeFileSync(join(folder, 'policies.yaml'), JSON.stringify(policies))
  writeFileSync(join(folder, 'kubeconfig'), JSON.stringify(KUBECONFIG))
  const service = await startImageProcess(folder)
  t.teardown(() => service.process.stop())
  return {
    service,
    folder,
    async post(body) {
      const answer = await fetch(`${service.url}/webhooks/alertmanager`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body
      })
      return { status: answer.status, text: await answer.text() }
    }
  }
}

/** It lives, holds less than the pod may, takes the next alert, and its record is whole. */
async function holds(t: Test, { service, folder, post }: Fixture): Promise<void> {
  t.notOk(service.process.exited(), service.process.output())
  const peak = service.peakMiB()
  t.ok(peak < podMemoryMiB(), `${peak.toFixed(0)} MiB at most, of ${podMemoryMiB()}`)
  t.equal((await post(JSON.stringify(payload([firing({ labels: { alertname: `After ${Date.now()}` } })])))).status, 202)
  const file = await openAuditFile(join(folder, 'data'))
  t.equal((await file.verify()).fault, undefined)
  await file.close()
}

function dataMiB(folder: string): number {
  const data = join(folder, 'data')
  return readdirSync(data).reduce((sum, name) => sum + statSync(join(data, name)).size, 0) / MIB
}

t.test('bodies that ended the process, filled the disk, or held everybody up', async t => {
  const fixture = await begin(t)
  const { folder, post } = fixture
  const head = '{"version":"4","alerts":['
  t.equal(
    (await post(`${head}],"x":[${'{},'.repeat((LARGEST - 100) / 3)}{}]}`)).status,
    202,
    'ten megabytes of empty objects beside no alerts'
  )

  const alerts: string[] = []
  for (let bytes = head.length + 100; ; ) {
    const alert = `{"status":"firing","labels":{"a":"${alerts.length}"},"startsAt":"2026-11-28T00:00:00Z"}`
    bytes += alert.length + 1
    if (bytes > LARGEST) break
    alerts.push(alert)
  }
  const all = await post(`${head}${alerts.join(',')}]}`)
  t.equal(all.status, 202, `${alerts.length} alerts in one delivery`)
  t.match(JSON.parse(all.text), { more: 99_000, refused: { 'alerts-per-delivery': alerts.length - 100_000 } })

  const before = dataMiB(folder)
  const random = (): string => Array.from({ length: 900_000 }, () => Math.random().toString(36).slice(2, 12)).join('')
  for (const name of ['one', 'two', 'three'])
    t.equal((await post(JSON.stringify(payload([firing({ labels: { alertname: name }, annotations: { text: random() } })])))).status, 202)
  t.ok(dataMiB(folder) - before < 50, `three deliveries of nine megabytes took ${(dataMiB(folder) - before).toFixed(0)} MiB`)

  const label = await post(JSON.stringify(payload([firing({ labels: { alertname: 'A', value: '('.repeat(9_000_000) } }), firing()])))
  t.match(JSON.parse(label.text), { incidents: [{ state: 'opened' }], refused: { 'label-value-bytes': 1 } })
  const escaped = JSON.stringify(payload([firing({ annotations: { text: 'HERE' } })])).replace('HERE', String.raw`\u0041`.repeat(1_700_000))
  t.equal((await post(escaped)).status, 202)
  t.equal((await post(`${head}],"x":${'1'.repeat(LARGEST - 100)}}`)).status, 202)
  t.equal((await post('['.repeat(LARGEST))).status, 400)
  await holds(t, fixture)
})

t.test('bodies of any shape and size: each is answered, and the service goes on', async t => {
  const fixture = await begin(t)
  const { seed } = seeded(2_026)
  const bodies = fc.sample(anyBody(), { numRuns: 60, seed })
  const statuses = new Map<number, number>()
  const post = async (body: string): Promise<void> => {
    const { status } = await fixture.post(body).catch(cause => {
      // A body that is refused before it is read may end with its connection.
      if (fixture.service.process.exited() || !(cause instanceof TypeError)) throw cause
      return { status: 503 }
    })
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }
  const waiting = [...bodies]
  await Promise.all(
    [1, 2, 3, 4].map(async () => {
      for (let body = waiting.pop(); body !== undefined; body = waiting.pop()) await post(body)
    })
  )
  t.same(
    [...statuses.keys()].filter(status => !ANSWERS.includes(status)),
    [],
    `seed ${seed}: ${JSON.stringify([...statuses])}`
  )
  t.ok((statuses.get(202) ?? 0) > 5 && (statuses.get(400) ?? 0) > 5, `most kinds of answer: ${JSON.stringify([...statuses])}`)
  await holds(t, fixture)
})

/** Bodies up to a little more than the largest, of what JSON is made of: much of one thing, or payloads of many or large parts, or broken. */
function anyBody(): fc.Arbitrary<string> {
  // Sizes of all magnitudes are as likely as each other.
  const size = fc.double({ min: 0, max: 1, noNaN: true }).map(part => Math.floor(LARGEST ** part * 1.001))
  const unit = fc.constantFrom('a', 'é', '𝄞', String.raw`\u0041`, String.raw`\n`, '(', '\\\\', ' ', '{{', '0')
  const text = fc.tuple(unit, size).map(([one, bytes]) => one.repeat(Math.ceil(bytes / Buffer.byteLength(one))))
  const few = fc.tuple(unit, fc.nat({ max: 40 })).map(([one, count]) => one.repeat(count))
  const labels = fc.tuple(
    fc.double({ min: 0, max: 1, noNaN: true }),
    few,
    fc.oneof({ weight: 8, arbitrary: few }, { weight: 1, arbitrary: text })
  )
  const alert = labels.map(([part, value, last]) => {
    const count = Math.floor(40_000 ** (part ** 4))
    const members = Array.from({ length: count }, (_, index) => `"l${index}":"${value}"`)
    return `{"status":"firing","labels":{${members.join(',')},"alertname":"${last}"},"startsAt":"2026-11-28T00:00:00Z"}`
  })
  const alerts = fc.tuple(alert, size).map(([one, bytes]) => {
    const count = Math.max(1, Math.min(Math.floor(bytes / one.length), 20_000))
    return Array.from({ length: count }, (_, index) => one.replace('"l0":"', `"l0":"${index}`)).join(',')
  })
  const filler = fc
    .tuple(fc.constantFrom('{},', '[],', '"",', '1,', 'null,', '"a":', '{"a":', '[', '-', '1e9', '\u0000'), size)
    .map(([one, bytes]) => one.repeat(Math.ceil(bytes / one.length)))
  const whole = fc.tuple(alerts, few).map(([list, receiver]) => `{"receiver":"${receiver}","alerts":[${list}],"version":"4"}`)
  return fc.oneof(
    { weight: 6, arbitrary: whole },
    { weight: 2, arbitrary: fc.tuple(alerts, filler).map(([list, more]) => `{"alerts":[${list}],"version":"4","x":[${more}1]}`) },
    {
      weight: 2,
      arbitrary: fc.tuple(whole, fc.double({ min: 0, max: 1, noNaN: true })).map(([body, at]) => body.slice(0, body.length * at))
    },
    {
      weight: 1,
      arbitrary: fc.tuple(whole, fc.nat()).map(([body, at]) => `${body.slice(0, at % body.length)}\u0007${body.slice(at % body.length)}`)
    },
    { weight: 1, arbitrary: filler },
    { weight: 1, arbitrary: text.map(long => `{"version":"4","alerts":[],"receiver":"${long}"}`) }
  )
}
