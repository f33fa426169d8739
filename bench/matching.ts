import type { Policy } from '../src/domain/policy.ts'
import { indexPolicies } from '../src/policies/index.ts'
import { type Row, row } from './rows.ts'

const LOOKUPS = 200_000
/** Alerts read before each stretch that is timed. */
const TOGETHER = 1_000

/** (c) Finding the policy of an alert among many, most of which name another alert. */
export function matching(progress: (line: string) => void): readonly Row[] {
  progress('10, 1,000 and 10,000 policies')
  // Once to warm up.
  measure(10)
  const few = measure(10)
  return [
    row('match an alert among 10 policies', few, 'µs'),
    row('match an alert among 1,000 policies', measure(1_000), 'µs', { baseline: few, goal: { of: 'ratio', atMost: 2 } }),
    row('match an alert among 10,000 policies', measure(10_000), 'µs', { baseline: few, goal: { of: 'ratio', atMost: 2 } })
  ]
}

/** Microseconds a lookup; every policy is asked for in turn, by alerts that were just read from JSON. */
function measure(count: number): number {
  const index = indexPolicies(Array.from({ length: count }, (_, number) => policy(number)))
  let found = 0
  let took = 0
  for (let from = 0; from < LOOKUPS; from += TOGETHER) {
    const alerts = Array.from({ length: TOGETHER }, (_, number) => JSON.parse(labels((from + number) % count)) as Record<string, string>)
    const begun = performance.now()
    for (const alert of alerts) if (index.match(alert) !== undefined) found += 1
    took += performance.now() - begun
  }
  if (found !== LOOKUPS) throw new Error(`only ${found} of ${LOOKUPS} were matched`)
  return (took / LOOKUPS) * 1_000
}

function labels(number: number): string {
  return `{"alertname":"Alert${number}","namespace":"shop","deployment":"api","severity":"critical","cluster":"eu-1","team":"payments","job":"api"}`
}

function policy(number: number): Policy {
  return {
    name: `policy-${number}`,
    match: [`alertname="Alert${number}"`, 'severity=~"critical|page"'],
    target: { kind: 'Deployment', namespace: 'shop', name: 'api' },
    mode: 'dry-run',
    verify: [],
    steps: [],
    guards: { namespaces: ['shop'], cooldown: 0, budgets: [], storm: undefined },
    escalate: { after: 0, to: [] },
    recheck: 0
  }
}
