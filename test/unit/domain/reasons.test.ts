import { readFileSync } from 'node:fs'
import t from 'tap'
import { REASONS } from '../../../src/domain/reasons.ts'

/** Each was looked at: who waits for it waits for something that can come. */
const WAITED_FOR = [
  'alert-unconfirmed',
  'changed-since-symptom',
  'clock-skew',
  'cluster-busy',
  'cluster-unreachable',
  'disruption-budget',
  'frozen',
  'in-hand',
  'inconclusive',
  'inhibited',
  'no-step-applies',
  'resolve-unconfirmed',
  'rollout-moving',
  'silenced',
  'source-unreachable',
  'storm-looming',
  'switch-lowered',
  'symptom-not-confirmed',
  'target-busy',
  'target-paused',
  'waiting-for-approval',
  'webhook-unreachable',
  'window-not-over'
]

t.test('a wait that waiting cannot end is none: each names what ends it, and no other reason does', async t => {
  const ends = Object.entries(REASONS).flatMap(([reason, entry]) => ('ends' in entry ? [[reason, entry.ends] as const] : []))
  const waits = Object.entries(REASONS).flatMap(([reason, { disposition }]) => (disposition === 'wait' ? [reason] : []))
  t.same(ends.map(([reason]) => reason).sort(), waits.sort())
  t.same(waits.sort(), WAITED_FOR, 'a new one must be looked at as well')
  t.same(
    ends.filter(([, what]) => what.length < 10),
    []
  )
  const page = readFileSync('docs/reasons.md', 'utf8')
  for (const [reason, what] of ends) t.ok(page.includes(`| \`${reason}\` | ${what} |`), reason)
})
