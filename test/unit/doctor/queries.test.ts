import t from 'tap'
import { tryQueries } from '../../../src/doctor/queries.ts'
import type { Probe } from '../../../src/verification/probe.ts'
import { policyOf } from '../../support/bench.ts'

const soon = new AbortController().signal
const number = (value: number, more: Partial<Probe> = {}): Probe => ({ answer: { kind: 'number', value, infos: [] }, tookMs: 5, ...more })

t.test('what a query costs is told where it is much', async t => {
  const of = async (probe: Probe) => (await tryQueries({ probe: async () => probe }, [policyOf()], {}, soon))[0]
  t.match(await of(number(0.1, { samples: 500_000 })), { state: 'ok', detail: /: 0\.1 now, would fail/ })
  t.match(await of(number(0.1, { samples: 500_001 })), { state: 'warning', detail: /reads 500001 samples/, todo: /recording rule/ })
  t.match(await of(number(0.01, { tookMs: 2_500 })), { state: 'warning', detail: /would pass; took 2\.5 s/ })
})

t.test('a query that several policies share is asked once, and a source that is away is asked no further', async t => {
  let asked = 0
  const policies = Array.from({ length: 40 }, (_, index) => policyOf({ name: `p${index}` }))
  const probe = async (): Promise<Probe> => {
    asked += 1
    return number(1)
  }
  t.equal((await tryQueries({ probe }, policies, {}, soon)).length, 40)
  t.equal(asked, 1)

  asked = 0
  const different = policies.map((policy, index) => ({
    ...policy,
    verify: policy.verify.map(query => ({ ...query, promql: `sum(rate(errors_total{i="${index}"}[2m]))` }))
  }))
  const away = await tryQueries(
    {
      probe: async () => {
        asked += 1
        return { answer: { kind: 'problem', problem: 'unreachable', detail: 'refused' }, tookMs: 1 }
      }
    },
    different,
    {},
    soon
  )
  t.equal(asked, 4, 'those that were on their way')
  t.match(away[0], { state: 'unreachable', detail: /refused; 36 more were not asked/ })
})
