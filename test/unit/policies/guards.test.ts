import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { VOCABULARY } from '../../../src/app/vocabulary.ts'
import { matchesGlob } from '../../../src/base/globs.ts'
import { POD_METRICS } from '../../../src/deploy-guard/pod-metrics.ts'
import type { DeployGuardOptions, GuardPolicy } from '../../../src/domain/deploy-guard.ts'
import {
  guardPolicyFor,
  isCoveredBy,
  outsideBounds,
  policiesInForce,
  policyOfGuard,
  toleratedUnder
} from '../../../src/domain/guard-entries.ts'
import { METRICS_BY_POD } from '../../../src/domain/named-metrics.ts'
import { USUAL_GUARD_METRICS } from '../../../src/policies/guard-metrics.ts'
import { loadPolicies, type PolicySet } from '../../../src/policies/load.ts'
import { openPolicyStore } from '../../../src/policies/store.ts'

const TOP = `version: 1
sources: { prometheus: { url: "http://p:9090" } }
channels:
  people: { webhook: { url: "https://example.org/hook" } }
`
const ENTRY = `guards:
  - name: shop-deploys
    namespaces: [shop, "team-*"]
    mode: auto
    escalate: { to: [people] }
`
const NONE = 'policies: []\n'

function read(...texts: readonly string[]) {
  return loadPolicies(
    texts.map((text, index) => ({ file: `${'abc'[index]}.yaml`, text })),
    VOCABULARY
  )
}

function setOf(...texts: readonly string[]): PolicySet {
  const result = read(...texts)
  if (result.kind === 'bad') throw new Error(JSON.stringify(result.problems))
  return result.set
}

function problemsOf(...texts: readonly string[]): readonly string[] {
  const result = read(...texts)
  return result.kind === 'bad' ? result.problems.map(({ file, line, path, message }) => `${file}:${line} ${path}: ${message}`) : []
}

const entry = (text: string): readonly string[] => problemsOf(`${TOP}${NONE}guards:\n  - ${text}\n`)

function only(...texts: readonly string[]): GuardPolicy {
  const [first, ...more] = setOf(...texts).guards
  if (first === undefined || more.length > 0) throw new Error('one entry is expected')
  return first
}

t.test('an entry of guards has every default filled in, and takes the rest from the defaults as policies do', async t => {
  const limits = [
    { limit: 3, per: 86_400_000, scope: 'target' },
    { limit: 5, per: 3_600_000, scope: 'global' }
  ]
  t.same(only(TOP + NONE + ENTRY), {
    name: 'shop-deploys',
    mode: 'auto',
    guards: {
      namespaces: ['shop', 'team-*'],
      cooldown: 1_800_000,
      budgets: limits,
      storm: { targets: 5, within: 300_000, calm: 600_000 }
    },
    steps: [{ action: 'rollout-undo', with: {}, confirm: { within: 600_000, passes: 3, every: 30_000 } }],
    escalate: { after: 1_200_000, to: ['people'] },
    recheck: 30_000,
    widest: { ratio: 2, add: 0.005 },
    objective: 0.05,
    metrics: [...METRICS_BY_POD, 'ingress-nginx', 'istio', 'kubernetes-restarts'],
    asked: USUAL_GUARD_METRICS
  })
  const inherited = only(
    `${TOP}defaults:
  mode: auto
  guards: { namespaces: [pay], cooldown: 5m, budgets: [{ limit: 1, per: 1h, scope: global }], storm: { targets: 9, within: 1m, calm: 2m } }
  escalate: { after: 7m, to: [people] }
  recheck: 9s
${NONE}guards:
  - name: all
    budgets: [{ limit: 2, per: 1d, scope: namespace }]
    steps: [{ action: helm-rollback, with: { provenFor: 20m }, confirm: { passes: 1 } }, { action: rollout-undo }]
    bounds: { tolerate: "x1.5", objective: 1%, metrics: [http-latency] }
`
  )
  t.same(inherited, {
    name: 'all',
    mode: 'auto',
    guards: {
      namespaces: ['pay'],
      cooldown: 300_000,
      budgets: [
        { limit: 1, per: 3_600_000, scope: 'global' },
        { limit: 2, per: 86_400_000, scope: 'namespace' }
      ],
      storm: { targets: 9, within: 60_000, calm: 120_000 }
    },
    steps: [
      { action: 'helm-rollback', with: { provenFor: '20m' }, confirm: { within: 600_000, passes: 1, every: 30_000 } },
      { action: 'rollout-undo', with: {}, confirm: { within: 600_000, passes: 3, every: 30_000 } }
    ],
    escalate: { after: 420_000, to: ['people'] },
    recheck: 9_000,
    widest: { ratio: 1.5, add: 0 },
    objective: 0.01,
    metrics: ['http-latency'],
    asked: USUAL_GUARD_METRICS
  })
  t.same(only(`${TOP}${NONE}guards: [{ name: a, namespaces: [shop] }]`).mode, 'dry-run', 'nothing is written unless a file says so')
  t.same(setOf(TOP + NONE).guards, [])
})

t.test('an entry gives the options of metrics that are not counted pod by pod, and may then be asked for them', async t => {
  const { metrics, asked } = only(
    `${TOP}${NONE}guards:
  - name: a
    namespaces: [shop]
    metrics:
      envoy: { cluster: "{{ target.namespace }}_{{ target.name }}_8080" }
      ingress-nginx: { ingress: shop, bad: "5..|499" }
      queue-lag: { where: ['consumergroup="orders"'] }
`
  )
  t.same(metrics, [...METRICS_BY_POD, 'ingress-nginx', 'envoy', 'istio', 'kubernetes-restarts', 'queue-lag'])
  t.match(asked?.proxies, [
    { name: 'ingress-nginx', selector: /ingress="shop", status!=""/, bad: '5..|499' },
    {
      name: 'envoy',
      selector: /envoy_cluster_name="{{ target.namespace }}_{{ target.name }}_8080"/,
      statusLabel: 'envoy_response_code_class'
    },
    { name: 'istio' }
  ])
  t.same(
    asked?.reported.map(({ name }) => name),
    ['kubernetes-restarts', 'queue-lag']
  )
})

t.test('what a guard could not ask of a metric is told at load, with its place', async t => {
  const told = (more: string) => entry(`{ name: a, namespaces: [shop], ${more} }`)[0]
  t.match(told('bounds: { metrics: [envoy] }'), /bounds\.metrics\[0\]: "envoy" has no usual query: give its options in the entry/)
  t.match(told('metrics: { istio: { window: 5m } }'), /metrics\.istio\.window: unknown key "window"/)
  t.match(told(`metrics: { istio: { where: ['pod=~"{{ target.pods }}"'] } }`), /counts for all pods alike/)
  t.match(told(`metrics: { istio: { where: ['a="{{ labels.a }}"'] } }`), /labels\.a }} is not known to a guard/)
  t.match(told('metrics: { istio: { bad: "5(" } }'), /not a regular expression/)
  t.match(told('metrics: { nginx: {} }'), /unknown key "nginx"/)
  t.match(told('metrics: { burn-rate: { objective: 100%, where: [a="b"] } }'), /metrics\.burn-rate/)
})

t.test('each mistake in an entry of guards is told with its place, and what to write instead', async t => {
  t.match(entry('{ name: a }'), ['a.yaml:7 guards[0]: covers no namespace: add namespaces'])
  t.match(entry('{ name: a, namespaces: [] }')[0], /guards\[0\]\.namespaces/)
  t.match(entry('{ name: a, namespaces: [shop], mode: auto }')[0], /mode auto needs a channel in escalate\.to/)
  t.match(entry('{ name: a, namespaces: [shop], escalate: { to: [peeple] } }')[0], /no channel "peeple"; did you mean "people"/)
  t.match(entry('{ name: a, namespaces: [shop], step: [] }')[0], /unknown key "step"; did you mean "steps"/)
  t.match(entry('{ name: a, namespaces: [shop], guards: {} }')[0], /unknown key "guards"/)
  t.match(entry('{ name: a, namespaces: [shop], steps: [] }')[0], /guards\[0\]\.steps/)
  t.match(
    entry('{ name: a, namespaces: [shop], steps: [{ action: rollout-restart }] }')[0],
    /steps\[0\]\.action: rollout-restart goes back to no earlier version, and a guard judges versions: take rollout-undo or helm-rollback/
  )
  t.match(
    entry('{ name: a, namespaces: [shop], steps: [{ action: rollout-abort }] }')[0],
    /rollout-abort works on Rollout, and a guard watches Deployment, StatefulSet, DaemonSet: take/
  )
  t.match(entry('{ name: a, namespaces: [shop], steps: [{ action: rollback }] }')[0], /no action "rollback"/)
  t.match(entry('{ name: a, namespaces: [shop], steps: [{ action: rollout-undo, with: { a: 1 } }] }')[0], /with\.a: unknown key "a"/)
  t.match(entry('{ name: a, namespaces: [shop], steps: [{ action: rollout-undo }, { action: rollout-undo }] }')[0], /ladder twice/)
  t.match(entry('{ name: a, namespaces: [shop], steps: [{ action: rollout-undo, when: { changedWithin: 1h } }] }')[0], /unknown key "when"/)
  t.match(entry('{ name: a, namespaces: [shop], bounds: { tolerate: "x2+" } }')[0], /guards\[0\]\.bounds\.tolerate: .*joined by/)
  t.match(entry('{ name: a, namespaces: [shop], bounds: { tolerate: "x0.5" } }')[0], /at least x1/)
  t.match(entry('{ name: a, namespaces: [shop], bounds: { objective: "100%" } }')[0], /"100%" is no share of requests/)
  t.match(entry('{ name: a, namespaces: [shop], bounds: { metrics: [http-errors] } }')[0], /must be one of http-error-ratio, /)
  t.same(entry('{ name: a, namespaces: [shop], bounds: { metrics: [istio] } }'), [])
  t.match(entry('{ name: "A b", namespaces: [shop] }')[0], /guards\[0\]\.name: is not what belongs here/)
})

t.test('the metrics that bounds may name are those that a guard counts', async t => {
  t.same([...METRICS_BY_POD].sort(), Object.keys(POD_METRICS).sort())
})

t.test('names are one space: a guard’s is no policy’s, and no other guard’s, in whichever file', async t => {
  const policy = `policies:
  - name: shop-deploys
    match: ['alertname="A"']
    target: { kind: Deployment, namespace: shop, name: api }
    verify: [{ promql: up, failWhen: "> 1" }]
    steps: [{ action: rollout-undo }]
`
  t.match(problemsOf(TOP + policy + ENTRY), [/guards\[0\]\.name: the name "shop-deploys" is taken by a policy/])
  const other = `version: 1\n${NONE}${ENTRY.replace('[shop, "team-*"]', '[pay]')}`
  t.match(problemsOf(TOP + policy, other), [/^b\.yaml:4 guards\[0\]\.name: the name "shop-deploys" is taken by a policy/])
  t.match(problemsOf(TOP + NONE + ENTRY, other), [/^b\.yaml:4 guards\[0\]\.name: the name "shop-deploys" is taken by another guard/])
})

t.test('the first entry that covers a namespace rules it, in the order of the files', async t => {
  const of = (name: string, namespaces: string): string => `  - { name: ${name}, namespaces: ${namespaces} }\n`
  const { guards } = setOf(
    `${TOP}${NONE}guards:\n${of('payments', '[team-pay]')}${of('teams', '["team-*"]')}`,
    `version: 1\n${NONE}guards:\n${of('rest', '["*"]')}`
  )
  const ruling = (namespace: string): string | undefined => guardPolicyFor(guards, namespace)?.name
  t.same(['team-pay', 'team-a', 'shop'].map(ruling), ['payments', 'teams', 'rest'])
  t.equal(ruling('kube-system'), undefined, 'Astern never writes there')
  t.equal(guardPolicyFor([], 'shop'), undefined)
})

t.test('an entry that can never be the first is refused, with the names of those before it', async t => {
  const two = (first: string, second: string): readonly string[] =>
    problemsOf(`${TOP}${NONE}guards:\n  - { name: one, namespaces: ${first} }\n  - { name: two, namespaces: ${second} }\n`)
  t.match(two('["team-*"]', '[team-pay]'), [
    /^a\.yaml:8 guards\[1\]\.namespaces: covers nothing: "one" stands before it and covers team-pay already; the first entry/
  ])
  t.match(two('["*"]', '[a, "b-*"]'), [/covers nothing: "one"/])
  t.same(two('["team-*"]', '[team-pay, shop]'), [], 'something is left')
  t.same(two('[team-pay]', '["team-*"]'), [])
  t.match(problemsOf(TOP + NONE + ENTRY, `version: 1\n${NONE}guards: [{ name: b, namespaces: [team-a] }]`), [/^b\.yaml:3 .*"shop-deploys"/])
  t.match(
    problemsOf(`${TOP}defaults: { guards: { namespaces: [shop] } }\n${NONE}guards: [{ name: a }, { name: b }]`),
    [/guards\[1\]: covers nothing: "a"/],
    'two that take the defaults’ namespaces'
  )
})

t.test('an entry is called covered only where no namespace is left to it', async t => {
  const glob = fc.string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 1, maxLength: 5 })
  const namespace = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 7 })
  fc.assert(
    fc.property(fc.array(glob, { minLength: 1, maxLength: 3 }), fc.array(glob, { maxLength: 3 }), namespace, (own, earlier, name) => {
      if (!isCoveredBy(own, [earlier])) return
      t.ok(!own.some(one => matchesGlob(one, name)) || earlier.some(one => matchesGlob(one, name)))
    }),
    { numRuns: 2_000 }
  )
})

t.test('what a request may choose is held to the bounds of its entry, in sentences', async t => {
  const held = only(`${TOP}${NONE}guards:
  - { name: shop, namespaces: [shop], bounds: { tolerate: "x1.5 + 0.1pp", objective: 1%, metrics: [http-error-ratio, http-latency] } }`)
  const asked = (options: Partial<DeployGuardOptions>) => outsideBounds(held, { metrics: [], ...options })
  t.same(asked({}), [])
  t.same(asked({ tolerated: { ratio: 1.5, add: 0.001 }, objective: 0.01, metrics: ['http-latency'] }), [])
  t.same(asked({ tolerated: { ratio: 1.6, add: 0 } }), ['a tolerance of x1.6 is wider than guard shop allows: at most x1.5 + 0.1pp'])
  t.same(asked({ tolerated: { ratio: 1, add: 0.002 } }).length, 1, 'either part may be too wide')
  t.same(asked({ objective: 0.02 }), ['an objective of 2 % is looser than guard shop allows: at most 1 %'])
  t.same(asked({ metrics: ['http-latency', 'grpc-latency', 'nonsense'] }), [
    'guard shop does not allow grpc-latency, nonsense; it allows http-error-ratio, http-latency'
  ])
  t.equal(asked({ tolerated: { ratio: 9, add: 0 }, objective: 0.5, metrics: ['grpc-latency'] }).length, 3)
  const usual = { ratio: 1.2, add: 0.005 }
  t.same(toleratedUnder(held, undefined, usual), { ratio: 1.2, add: 0.001 }, 'what is usual gives way to a tighter bound')
  t.same(toleratedUnder(held, { ratio: 1.1, add: 0 }, usual), { ratio: 1.1, add: 0 })
  t.equal(toleratedUnder(held, undefined, { ratio: 1.2, add: 0.0005 }), undefined, 'the usual one holds')
})

t.test('a failing guard’s run has a policy: the entry’s, for that target, without alerts and queries', async t => {
  const found = only(TOP + NONE + ENTRY)
  const target = { kind: 'Deployment', namespace: 'shop', name: 'api' } as const
  const { guards, steps, escalate, recheck } = found
  t.same(policyOfGuard(found, target), {
    name: 'shop-deploys',
    match: [],
    target,
    mode: 'auto',
    verify: [],
    steps,
    guards,
    escalate,
    recheck
  })
})

t.test('what is watched, and what rights are needed, counts guards too', async t => {
  const of = (policies: string) =>
    policiesInForce(setOf(TOP + policies + ENTRY)).map(({ name, target, guards }) => [name, target.kind, guards.namespaces.join(' ')])
  t.same(of(NONE), [['shop-deploys', 'Deployment', 'shop team-*']])
  const policy = `policies:
  - name: p
    match: ['alertname="A"']
    target: { kind: StatefulSet, namespace: shop, name: db }
    verify: [{ promql: up, failWhen: "> 1" }]
    steps: [{ action: rollout-undo }]
`
  t.same(
    of(policy),
    [
      ['p', 'StatefulSet', ''],
      ['shop-deploys', 'Deployment', 'shop team-*'],
      ['shop-deploys', 'StatefulSet', 'shop team-*']
    ],
    'other kinds where a policy is about them, so that no watch is blind for want of rights'
  )
})

t.test('a reload replaces guards with the policies, and a bad file leaves both', async t => {
  const file = join(t.testdir({ 'p.yaml': TOP + NONE + ENTRY }), 'p.yaml')
  const opened = await openPolicyStore(file, VOCABULARY)
  if (opened.kind === 'bad') throw new Error(JSON.stringify(opened.problems))
  const { store } = opened
  t.equal(store.guard('shop-deploys')?.mode, 'auto')
  writeFileSync(file, (TOP + NONE + ENTRY).replace('mode: auto', 'mode: atuo'))
  t.match(await store.reload(), { kind: 'bad' })
  t.equal(store.guard('shop-deploys')?.mode, 'auto')
  writeFileSync(file, (TOP + NONE + ENTRY).replace('mode: auto', 'mode: off'))
  t.match(await store.reload(), { kind: 'loaded' })
  t.equal(store.guard('shop-deploys')?.mode, 'off')
  t.equal(store.guard('other'), undefined)
})
