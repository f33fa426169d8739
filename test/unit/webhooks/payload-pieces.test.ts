import fc from 'fast-check'
import t from 'tap'
import {
  ALERT_LIMITS,
  ANNOTATION_BYTES,
  ANNOTATION_SET_BYTES,
  ANNOTATIONS,
  LEFT_OUT,
  LINK_BYTES,
  type RefusedAlert
} from '../../../src/domain/alert-limits.ts'
import type { Alert } from '../../../src/domain/incident.ts'
import type { PayloadHead } from '../../../src/webhooks/alertmanager-payload.ts'
import { readPayload } from '../../../src/webhooks/payload-pieces.ts'
import { firing, payload } from '../../support/alertmanager-payloads.ts'
import { seeded } from '../../support/seed.ts'

interface Read {
  readonly head: PayloadHead
  readonly alerts: readonly Alert[]
  readonly refused: readonly RefusedAlert[]
  readonly pieces: number
}

/** Reads a body to its end; a sentence where it is malformed. */
async function read(body: string | Uint8Array): Promise<Read | string> {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  const found = await readPayload(bytes)
  if ('message' in found) return `${found.path}: ${found.message}`
  const alerts: Alert[] = []
  const refused: RefusedAlert[] = []
  const raw: Uint8Array[] = []
  for await (const piece of found.pieces()) {
    alerts.push(...piece.alerts)
    refused.push(...piece.refused)
    raw.push(piece.raw)
  }
  if (!Buffer.concat(raw).equals(bytes)) throw new Error('the raw copies together are not the body')
  return { head: found.head, alerts, refused, pieces: raw.length }
}

async function taken(body: string | Uint8Array): Promise<Read> {
  const found = await read(body)
  if (typeof found === 'string') throw new Error(found)
  return found
}

/** So much more is in a body that is read in pieces. */
const FILLER = 'x'.repeat(300_000)
/** The same body, larger by a field that nobody knows; where it stands changes what is read before it. */
const padded = (body: string, where: 'before' | 'behind'): string =>
  where === 'before' ? body.replace('{', `{"filler":"${FILLER}",`) : `${body.slice(0, body.lastIndexOf('}'))},"filler":"${FILLER}"}`

const one = (more: Readonly<Record<string, unknown>>): string => JSON.stringify(payload([firing(more)]))

t.test('a large body, read in pieces, says the same as a small one, read at once', async t => {
  const text = fc.string({ unit: 'binary', maxLength: 30 })
  const map = fc.dictionary(fc.oneof(text, fc.constantFrom('__proto__', 'constructor', 'alertname')), text, {
    maxKeys: 5,
    noNullPrototype: true
  })
  const alert = fc.record(
    {
      status: fc.constantFrom('firing', 'resolved'),
      labels: map,
      annotations: fc.option(map),
      startsAt: fc.constantFrom('2026-11-21T12:00:00Z', '2026-11-21T14:00:00.5+02:00'),
      endsAt: fc.constantFrom('0001-01-01T00:00:00Z', '2026-11-21T12:05:00Z'),
      generatorURL: text,
      unknown: fc.jsonValue({ maxDepth: 3 })
    },
    { requiredKeys: ['status', 'labels', 'startsAt'] }
  )
  const body = fc
    .record({
      alerts: fc.oneof(
        fc.array(alert, { maxLength: 8 }),
        fc.array(fc.oneof({ weight: 6, arbitrary: alert }, fc.jsonValue({ maxDepth: 2 })), { maxLength: 4 }),
        fc.jsonValue({ maxDepth: 2 })
      ),
      version: fc.oneof({ weight: 8, arbitrary: fc.constant('4') }, fc.constantFrom('3', 4, null)),
      receiver: text,
      externalURL: text,
      truncatedAlerts: fc.oneof({ weight: 8, arbitrary: fc.nat() }, text),
      groupLabels: map,
      more: fc.jsonValue({ maxDepth: 4 })
    })
    .map(value => JSON.stringify(value))
  await fc.assert(
    fc.asyncProperty(body, fc.constantFrom('before', 'behind'), async (small, where) => {
      const atOnce = await read(small)
      const inPieces = await read(padded(small, where))
      const { pieces: _, ...rest } = typeof inPieces === 'string' ? { pieces: 0, problem: inPieces } : inPieces
      const { pieces: __, ...expected } = typeof atOnce === 'string' ? { pieces: 0, problem: atOnce } : atOnce
      t.ok(JSON.stringify(rest) === JSON.stringify(expected), `${JSON.stringify(rest)} for ${small}`)
    }),
    { numRuns: 120, ...seeded(12) }
  )
})

t.test('what is no JSON is said to be none, wherever it breaks and whatever its size', async t => {
  const whole = JSON.stringify(payload([firing(), firing({ status: 'resolved' })]))
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: whole.length - 1 }), fc.constantFrom('', '}', ',', ']', '"', '\\', '{', ':'), async (at, put) => {
      const changed = whole.slice(0, at) + put + whole.slice(at + 1)
      const [small, large] = [await read(changed), await read(padded(changed, 'behind'))]
      const broken = (found: Read | string): boolean => typeof found === 'string' && found.startsWith(': is not JSON')
      t.equal(broken(large), broken(small), changed)
    }),
    { numRuns: 100, ...seeded(1) }
  )
  for (let at = 1; at < whole.length; at += 17) {
    t.match(await read(whole.slice(0, at)), /^: is not JSON/, `cut at ${at}`)
    t.match(await read(`${padded(whole.slice(0, at), 'before')}`), /^: is not JSON/, `a large one, cut at ${at}`)
  }
  for (const more of ['x', '{}', ',', ']']) {
    t.match(await read(whole + more), /^: is not JSON/)
    t.match(await read(padded(whole, 'before') + more), /^: is not JSON/)
  }
  const latin1 = Buffer.from(one({ labels: { a: 'é' } }), 'latin1')
  t.match(await read(latin1), /^: is not JSON/, 'not UTF-8')
  t.match(await read(Buffer.concat([latin1, Buffer.from(' '.repeat(300_000))])), /^: is not JSON/)
  t.match(await read('['.repeat(300_000)), /nested deeper than 1000 levels/)
  t.match(await read(padded(whole.replace('"alerts"', '"alerts":[],"alerts"'), 'behind')), /“alerts” stands twice/)
  const marked = await taken(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(whole)]))
  t.equal(marked.alerts.length, 2, 'a byte order mark is none of it')
})

t.test('labels over a limit: that alert is refused alone, and named; the others are taken', async t => {
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`l${index}`, 'v']))
  const over = {
    labels: many(ALERT_LIMITS.labels + 1),
    'label-name-bytes': { ['n'.repeat(ALERT_LIMITS['label-name-bytes'] + 1)]: 'v' },
    'label-value-bytes': { a: 'v'.repeat(ALERT_LIMITS['label-value-bytes'] + 1) },
    'label-set-bytes': Object.fromEntries(Array.from({ length: 5 }, (_, index) => [`l${index}`, 'v'.repeat(4_000)])),
    'alert-parts': many(ALERT_LIMITS['alert-parts'])
  } as const
  for (const [limit, labels] of Object.entries(over)) {
    const body = JSON.stringify(
      payload([firing(), firing({ labels: { ...labels, alertname: 'Large' } }), firing({ labels: { alertname: 'B' } })])
    )
    for (const size of ['small', 'large'] as const) {
      const found = await taken(size === 'small' ? body : padded(body, 'behind'))
      t.same(
        found.alerts.map(alert => alert.labels['alertname']),
        ['A', 'B'],
        `${limit}, ${size}`
      )
      if (limit !== 'alert-parts') t.match(found.refused, [{ limit, which: 'alerts[1] (Large)' }])
    }
  }
  t.match((await taken(padded(one({ labels: over['alert-parts'] }), 'behind'))).refused, [{ limit: 'alert-parts', which: 'alerts[0]' }])
  const atTheLimits = await taken(
    JSON.stringify(
      payload([
        firing({ labels: many(ALERT_LIMITS.labels) }),
        firing({ labels: { ['n'.repeat(ALERT_LIMITS['label-name-bytes'])]: 'v'.repeat(ALERT_LIMITS['label-value-bytes']) } }),
        firing({ labels: { a: 'é'.repeat(ALERT_LIMITS['label-value-bytes'] / 2) } })
      ])
    )
  )
  t.equal(atTheLimits.alerts.length, 3, 'at a limit, but not over it')
  t.match((await taken(one({ labels: { a: 'é'.repeat(ALERT_LIMITS['label-value-bytes'] / 2 + 1) } }))).refused, [
    { limit: 'label-value-bytes' }
  ])
})

t.test('annotations over a limit: they are cut and marked, and the alert is taken', async t => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), fc.nat({ max: 40 }), async (unit, shift) => {
      const text = 'a'.repeat(shift) + unit.repeat(Math.ceil(ANNOTATION_BYTES / Buffer.byteLength(unit)) + 1)
      const [alert] = (await taken(one({ annotations: { summary: text } }))).alerts
      const kept = alert?.annotations['summary'] ?? ''
      const [, before = '', bytes = ''] = /^(.*) … \(cut: ([\d,]+) bytes\)$/su.exec(kept) ?? []
      t.ok(Buffer.byteLength(kept) <= ANNOTATION_BYTES && Buffer.byteLength(kept) > ANNOTATION_BYTES - 40, `${Buffer.byteLength(kept)}`)
      t.ok(text.startsWith(before) && before !== '' && kept.isWellFormed(), 'the beginning, in whole characters')
      t.equal(bytes, Buffer.byteLength(text).toLocaleString('en'))
    }),
    { numRuns: 100, ...seeded(3) }
  )
  const many = Object.fromEntries(Array.from({ length: ANNOTATIONS + 3 }, (_, index) => [`a${index}`, 'v']))
  const [alert] = (await taken(one({ annotations: many }))).alerts
  t.equal(Object.keys(alert?.annotations ?? {}).length, ANNOTATIONS + 1)
  t.match(alert?.annotations[LEFT_OUT], /^3 more annotations were left out/)
  const long = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`a${index}`, 'v'.repeat(ANNOTATION_BYTES)]))
  const [heavy] = (await taken(one({ annotations: long }))).alerts
  const size = Object.entries(heavy?.annotations ?? {}).reduce((sum, [name, value]) => sum + name.length + value.length, 0)
  t.ok(size <= ANNOTATION_SET_BYTES + 200, `${size}`)
  t.match(heavy?.annotations[LEFT_OUT], /left out/)
  const link = (length: number) => `https://prometheus.example/${'x'.repeat(length)}`
  t.equal((await taken(one({ generatorURL: link(LINK_BYTES) }))).alerts[0]?.generatorUrl, '', 'a link that was cut would lead nowhere')
  t.equal((await taken(one({ generatorURL: link(1_000) }))).alerts[0]?.generatorUrl, link(1_000))
})

t.test('a delivery of more alerts than any Alertmanager sends: the first 100,000 are taken', async t => {
  const alerts = Array.from(
    { length: ALERT_LIMITS['alerts-per-delivery'] + 2_500 },
    (_, index) => `{"status":"firing","labels":{"a":"${index}"},"startsAt":"2026-11-21T12:00:00Z"}`
  )
  const body = Buffer.from(`{"alerts":[${alerts.join(',')}],"version":"4"}`)
  const found = await readPayload(body)
  if ('message' in found) throw new Error(found.message)
  let kept = 0
  let largest = 0
  let bytes = 0
  const refused: RefusedAlert[] = []
  for await (const piece of found.pieces()) {
    kept += piece.alerts.length
    bytes += piece.raw.length
    largest = Math.max(largest, piece.alerts.length + piece.refused.length)
    refused.push(...piece.refused)
  }
  t.equal(kept, 100_000)
  t.equal(refused.length, 2_500)
  t.match(refused[0], { limit: 'alerts-per-delivery', which: 'alerts[100000]' })
  t.equal(bytes, body.length)
  t.ok(largest < 3_000, `a piece has ${largest} alerts at most`)
})
