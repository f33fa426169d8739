import fc from 'fast-check'
import t from 'tap'
import { MINUTE, SECOND } from '../../../src/base/clock.ts'
import { type FailFastFinding, failFast } from '../../../src/deploy-guard/fail-fast.ts'
import { type FailFastState, NOTHING_SEEN } from '../../../src/deploy-guard/fail-fast-memory.ts'
import type { GuardedContainer, GuardedPod } from '../../../src/domain/guarded-pod.ts'
import type { PodSummary } from '../../../src/domain/pod.ts'
import type { Workload } from '../../../src/domain/workload.ts'
import { NOON, podOf, revisionOf, workloadOf } from '../../support/workloads.ts'

const REVISIONS = [revisionOf(1, 'app:1', NOON - 60 * MINUTE), revisionOf(2, 'app:2', NOON)]
const WORKLOAD = workloadOf(REVISIONS, { pods: [] })

type Pod = GuardedPod & { readonly summary?: Partial<PodSummary> }

function pod(version: 'old' | 'new', name: string, containers: readonly Partial<GuardedContainer>[], more: Partial<Pod> = {}): Pod {
  const restarts = containers.reduce((sum, container) => sum + (container.restarts ?? 0), 0)
  return {
    uid: `uid-${name}`,
    name,
    namespace: 'shop',
    version,
    bornAt: version === 'new' ? NOON : NOON - 60 * MINUTE,
    restarts,
    annotations: {},
    ports: [],
    probes: [],
    containers: containers.map(container => ({ name: 'main', restarts: 0, ...container })),
    ...more
  }
}

const OLD = pod('old', 'api-old', [{}], { readyFrom: NOON - 59 * MINUTE })
const crashing = (restarts: number): Partial<GuardedContainer> => ({
  restarts,
  waiting: { reason: 'CrashLoopBackOff', message: 'back-off 20s restarting failed container' },
  ended: { at: NOON + 10 * SECOND, reason: 'Error', exitCode: 1 }
})
const pulling = (reason: string, message: string): Partial<GuardedContainer> => ({ waiting: { reason, message } })

/** Takes looks at so many seconds after the deploy, each with the state as a restart would read it. */
function looks(...seen: readonly (readonly [seconds: number, pods: readonly Pod[], rollout?: Partial<Workload>])[]): FailFastFinding[] {
  let state: FailFastState = NOTHING_SEEN
  return seen.map(([seconds, pods, more = {}]) => {
    const summaries = pods.map(({ name, version, readyFrom, summary }) =>
      podOf(name, { current: version === 'new', ready: readyFrom !== undefined, ...summary })
    )
    const workload: Workload = { ...WORKLOAD, ...more, pods: summaries }
    const taken = failFast(state, { at: NOON + seconds * SECOND, workload, pods, identity: WORKLOAD.identity, changedAt: NOON })
    state = JSON.parse(JSON.stringify(taken.state))
    return taken.finding
  })
}

const kinds = (findings: readonly FailFastFinding[]): readonly string[] => findings.map(({ kind }) => kind)

t.test('a crash loop fails at the second look half a minute later, and is named', async t => {
  const bad = [OLD, pod('new', 'api-7d9f', [crashing(2)])]
  const found = looks([15, bad], [20, bad], [44, bad], [45, bad])
  t.same(kinds(found), ['awaits', 'awaits', 'awaits', 'failing'])
  t.match(found[3], { text: 'api-7d9f: CrashLoopBackOff (Error, exit code 1)' })
})

t.test('a crash that is over before the second look is none', async t => {
  const bad = [OLD, pod('new', 'api-7d9f', [crashing(1)])]
  const good = [
    OLD,
    pod('new', 'api-7d9f', [{ restarts: 1, ended: { at: NOON + 10 * SECOND, reason: 'Error' } }], { readyFrom: NOON + 30 * SECOND })
  ]
  t.same(kinds(looks([15, bad], [45, good], [80, good])), ['awaits', 'nothing', 'nothing'])
  t.same(kinds(looks([15, bad], [45, good], [400, bad])), ['awaits', 'nothing', 'awaits'], 'what came long after begins anew')
})

t.test('an init container in a crash loop fails too', async t => {
  const bad = [OLD, pod('new', 'api-7d9f', [{ ...crashing(3), name: 'migrate', init: true }, {}])]
  t.match(looks([15, bad], [50, bad])[1], { kind: 'failing', text: 'api-7d9f: migrate: CrashLoopBackOff (Error, exit code 1)' })
})

t.test('old pods that crash as well: evidence of nothing', async t => {
  const bad = [pod('old', 'api-old', [crashing(7)]), pod('new', 'api-7d9f', [crashing(2)])]
  t.match(looks([15, bad], [50, bad])[1], { kind: 'shared', text: /api-old of the old version suffers it too/ })
  const gone = [pod('old', 'api-old', [crashing(7)], { deletedAt: NOON + SECOND }), pod('new', 'api-7d9f', [crashing(2)])]
  t.match(looks([15, gone], [50, gone])[1], { kind: 'failing' }, 'one on its way out says nothing')
  const restarted = (restarts: number): Pod => pod('old', 'api-old', [{ restarts }], { readyFrom: NOON - 50 * MINUTE })
  const bad2 = pod('new', 'api-7d9f', [crashing(2)])
  t.match(looks([15, [restarted(5), bad2]], [50, [restarted(5), bad2]])[1], { kind: 'failing' }, 'restarts before the deploy')
  t.match(looks([15, [restarted(5), bad2]], [50, [restarted(7), bad2]])[1], { kind: 'shared' }, 'restarts since')
})

t.test('old pods that crash alone, and one of several containers that does', async t => {
  const fine = pod('new', 'api-7d9f', [{}], { readyFrom: NOON + SECOND })
  t.same(kinds(looks([15, [pod('old', 'api-old', [crashing(7)]), fine]], [50, [pod('old', 'api-old', [crashing(9)]), fine]])), [
    'nothing',
    'nothing'
  ])
  const [a, b, c, d] = ['proxy', 'logs', 'secrets', 'main']
  const four = pod('new', 'api-7d9f', [{ name: a }, { name: b }, { name: c }, { ...crashing(2), name: d }])
  const rollout = { ...WORKLOAD.rollout, state: 'moving' as const, available: false }
  t.match(looks([15, [OLD, four], { rollout }], [50, [OLD, four], { rollout }])[1], {
    kind: 'failing',
    text: /^api-7d9f: main: CrashLoopBackOff/
  })
})

t.test('where old pods began in a crash loop too, new ones have two minutes for it', async t => {
  const habit = pod('old', 'api-old', [{ restarts: 3, ended: { at: NOON - 59.5 * MINUTE, reason: 'Error' } }], {
    readyFrom: NOON - 59 * MINUTE
  })
  const bad = [habit, pod('new', 'api-7d9f', [crashing(3)])]
  t.same(kinds(looks([15, bad], [50, bad], [120, bad], [125, bad])), ['awaits', 'awaits', 'awaits', 'failing'])
})

t.test('a progress deadline that this rollout cannot have reached yet is the one before’s', async t => {
  const rollout = { ...WORKLOAD.rollout, state: 'stalled' as const, stalledBy: 'deadline' as const, deadlineMs: 10 * MINUTE }
  const pods = [OLD, pod('new', 'api-7d9f', [{}])]
  t.same(kinds(looks([3, pods, { rollout }], [590, pods, { rollout }], [596, pods, { rollout }])), ['nothing', 'nothing', 'failing'])
})

t.test('an old pod that is not ready on the same node: the node, and not the version', async t => {
  const bad = [
    pod('old', 'api-old', [{}], { summary: { node: 'n1', ready: false } }),
    pod('new', 'api-7d9f', [crashing(2)], { summary: { node: 'n1' } })
  ]
  t.match(looks([15, bad], [50, bad])[1], { kind: 'shared', text: /not ready on the same node/ })
})

t.test('two restarts of one container fail while old pods have none since the deploy', async t => {
  const running = (restarts: number): Pod =>
    pod('new', 'api-7d9f', [{ restarts, ended: { at: NOON + 20 * SECOND, reason: 'OOMKilled', exitCode: 137 } }], {
      readyFrom: NOON + 3 * SECOND
    })
  const found = looks([5, [OLD, running(0)]], [15, [OLD, running(1)]], [25, [OLD, running(2)]])
  t.same(kinds(found), ['nothing', 'nothing', 'failing'], 'after it was Ready: at once')
  t.match(found[2], { text: 'api-7d9f: main restarted 2 times (OOMKilled, exit code 137)' })
  const restarting = (restarts: number): Pod => pod('old', 'api-old', [{ restarts }], { readyFrom: NOON - 50 * MINUTE })
  t.match(looks([5, [restarting(3), running(0)]], [25, [restarting(4), running(2)]])[1], { kind: 'shared', text: /restarts too/ })
  const lately = pod('old', 'api-old', [{ restarts: 1, ended: { at: NOON + SECOND, reason: 'Error' } }], { readyFrom: NOON - 50 * MINUTE })
  t.match(looks([5, [lately, running(0)]], [25, [lately, running(2)]])[1], { kind: 'shared' }, 'between the deploy and the first look')
  const two = pod('new', 'api-7d9f', [
    { name: 'a', restarts: 1 },
    { name: 'b', restarts: 1 }
  ])
  t.same(kinds(looks([15, [OLD, two]], [60, [OLD, two]])), ['nothing', 'nothing'], 'two containers once each')
})

t.test('a container that waits for something while its pod begins is waited for', async t => {
  const starting = (restarts: number, more: Partial<Pod> = {}): Pod =>
    pod('new', 'api-7d9f', [{ restarts, ended: { at: NOON + 12 * SECOND, reason: 'Error', exitCode: 1 } }], more)
  const up = starting(2, { readyFrom: NOON + 40 * SECOND })
  t.same(kinds(looks([15, [OLD, starting(2)]], [41, [OLD, up]], [90, [OLD, up]])), ['awaits', 'nothing', 'nothing'], 'it has come up')
  t.same(kinds(looks([15, [OLD, starting(2)]], [50, [OLD, starting(3)]])), ['awaits', 'failing'], 'it has not')
  const habit = pod('old', 'api-old', [{ restarts: 2, ended: { at: NOON - 59.5 * MINUTE, reason: 'Error' } }], {
    readyFrom: NOON - 59 * MINUTE
  })
  t.same(kinds(looks([15, [habit, starting(2)]], [50, [habit, starting(2)]])), ['awaits', 'shared'], 'old pods began so, too')
})

const NOT_FOUND =
  'rpc error: code = NotFound desc = failed to pull and unpack image "registry.example/app:2": failed to resolve reference "registry.example/app:2": registry.example/app:2: not found'

t.test('an image that is not there, or denied, fails when it is seen twice', async t => {
  for (const message of [
    NOT_FOUND,
    `Back-off pulling image "registry.example/app:2": ErrImagePull: ${NOT_FOUND}`,
    'failed to pull image "app:2": no match for platform in manifest: not found',
    'reading manifest 2 in registry.example/app: manifest unknown',
    'pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',
    'failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token: 403 Forbidden',
    'unexpected status from HEAD request to https://registry.example/v2/app/manifests/2: 401 Unauthorized',
    'unexpected status from HEAD request to https://registry.example/v2/quota-timeout/manifests/429: 404 Not Found',
    'registry.example/rate-limit/x509-quota:503 x: not found'
  ]) {
    const bad = [OLD, pod('new', 'api-7d9f', [pulling('ImagePullBackOff', message)])]
    t.same(kinds(looks([5, bad], [20, bad], [36, bad])), ['awaits', 'awaits', 'failing'], message)
  }
  const bad = [OLD, pod('new', 'api-7d9f', [pulling('ErrImagePull', NOT_FOUND)])]
  t.match(looks([5, bad], [36, bad])[1], { text: /^api-7d9f: ErrImagePull: failed to pull .*registry\.example\/app:2: not found$/ })
})

t.test('other pull errors are waited for', async t => {
  for (const message of [
    'failed to do request: Head "https://registry.example/v2/": dial tcp: lookup registry.example: no such host',
    'dial tcp 10.0.0.1:443: connect: connection refused',
    'failed to resolve reference: unexpected status: 503 Service Unavailable',
    'toomanyrequests: You have reached your pull rate limit',
    'denied: Quota exceeded for quota metric',
    'tls: failed to verify certificate: x509: certificate signed by unknown authority',
    'context deadline exceeded',
    'read tcp 10.0.0.2:1->10.0.0.1:443: i/o timeout',
    'unexpected status code 429',
    'failed to do request: Get https://registry.example/v2/denied/manifests/not-found: EOF',
    'Back-off pulling image "not found/denied:2"',
    'something that nobody knows'
  ]) {
    const bad = [OLD, pod('new', 'api-7d9f', [pulling('ImagePullBackOff', message)])]
    t.same(kinds(looks([5, bad], [36, bad], [300, bad])), ['awaits', 'awaits', 'awaits'], message)
  }
})

t.test('an older kubelet says the cause only at the pull, and its back-off goes on with it', async t => {
  const at = (reason: string, message: string): readonly Pod[] => [OLD, pod('new', 'api-7d9f', [pulling(reason, message)])]
  const backOff = at('ImagePullBackOff', 'Back-off pulling image "registry.example/app:2"')
  const pull = at('ErrImagePull', NOT_FOUND)
  t.same(kinds(looks([5, backOff], [40, backOff])), ['awaits', 'awaits'], 'nothing says why')
  t.same(kinds(looks([5, pull], [20, backOff], [36, backOff])), ['awaits', 'awaits', 'failing'])
  const refused = at('ErrImagePull', 'connection refused')
  t.same(kinds(looks([5, pull], [20, refused], [36, pull])), ['awaits', 'awaits', 'awaits'], 'a passing cause meanwhile')
})

t.test('a registry that old pods can’t pull from either is no failure of the version', async t => {
  const bad = [
    pod('old', 'api-old', [pulling('ErrImagePull', 'connection refused')]),
    pod('new', 'api-7d9f', [pulling('ErrImagePull', NOT_FOUND)])
  ]
  t.match(looks([5, bad], [36, bad])[1], { kind: 'shared' })
})

t.test('a missing ConfigMap is waited for, and is the cause that is named when the controller gives up', async t => {
  const bad = [
    OLD,
    pod('new', 'api-7d9f', [{ waiting: { reason: 'CreateContainerConfigError', message: 'configmap "settings" not found' } }])
  ]
  const rollout = {
    ...WORKLOAD.rollout,
    state: 'stalled',
    stalledBy: 'deadline',
    detail: 'ReplicaSet "api-7d9f" has timed out progressing.'
  } as const
  const found = looks([5, bad], [300, bad], [601, bad, { rollout }])
  t.same(kinds(found), ['awaits', 'awaits', 'failing'])
  t.match(found[2], {
    text: 'ProgressDeadlineExceeded: ReplicaSet "api-7d9f" has timed out progressing.; api-7d9f: CreateContainerConfigError: configmap "settings" not found'
  })
  t.same(kinds(looks([601, bad, { rollout, identity: 'another' }])), ['awaits'], 'the rollout of another version')
  const unready = [pod('old', 'api-old', [{}]), pod('new', 'api-7d9f', [{}])]
  t.match(looks([601, unready, { rollout }])[0], { kind: 'shared', text: /api-old of the old version is not ready either/ })
})

t.test('a pod that no node takes fails only past the progress deadline', async t => {
  const lonely = (version: 'old' | 'new', name: string): Pod =>
    pod(version, name, [], { summary: { unschedulable: '0/3 nodes are available: 3 Insufficient cpu.' } })
  const bad = [OLD, lonely('new', 'api-7d9f')]
  const rollout = { ...WORKLOAD.rollout, deadlineMs: 2 * MINUTE }
  const found = looks([5, bad, { rollout }], [119, bad, { rollout }], [120, bad, { rollout }])
  t.same(kinds(found), ['awaits', 'awaits', 'failing'])
  t.match(found[2], { text: 'api-7d9f: Unschedulable: 0/3 nodes are available: 3 Insufficient cpu.' })
  const noDeadline = { ...WORKLOAD.rollout, deadlineMs: 0 }
  t.same(kinds(looks([599, bad, { rollout: noDeadline }], [600, bad, { rollout: noDeadline }])), ['awaits', 'failing'], 'ten minutes else')
  t.match(looks([700, [lonely('old', 'api-old'), lonely('new', 'api-7d9f')]])[0], { kind: 'shared' })
})

t.test('the first three are named, the others counted', async t => {
  const bad = [OLD, ...Array.from({ length: 12 }, (_, index) => pod('new', `api-${index}`, [crashing(2)]))]
  const [, second] = looks([5, bad], [40, bad])
  if (second?.kind !== 'failing') throw new Error('it fails')
  t.match(second.text, /^api-0: .*api-1: .*api-2: [^;]*; and 9 more \(12 of 12 new pods\)$/)
})

t.test('what pods and nodes say moves no cursor, hides nothing, and is cut', async t => {
  const evil = `\u001b[2J\u202egnp\u0000\r\nok: all is well\u2028${'x'.repeat(10_000)}`
  const bad = [OLD, pod('new', 'api-7d9f', [{ ...pulling('ErrImagePull', `not found ${evil}`), name: 'main' }])]
  const [, found] = looks([5, bad], [40, bad])
  if (found?.kind !== 'failing') throw new Error('it fails')
  t.notMatch(found.text, /[\p{Cc}\p{Cf}\p{Zl}]/u)
  t.match(found.text, /\\u\{1b\}\[2J\\u\{202e\}gnp/)
  t.ok(found.text.length < 400)
})

t.test('whatever is looked at: nothing fails at the first look but what lasted already, and the state stays small', async t => {
  const container = fc.record({
    name: fc.constantFrom('main', 'proxy'),
    restarts: fc.nat(4),
    waiting: fc.option(
      fc.record({
        reason: fc.constantFrom('CrashLoopBackOff', 'ErrImagePull', 'ImagePullBackOff', 'ContainerCreating'),
        message: fc.constantFrom('not found', '', 'timeout')
      }),
      { nil: undefined }
    )
  })
  const pods = fc.uniqueArray(
    fc.record({
      index: fc.nat(4),
      version: fc.constantFrom('old' as const, 'new' as const),
      containers: fc.array(container, { maxLength: 2 })
    }),
    { selector: ({ index }) => index, maxLength: 4 }
  )
  fc.assert(
    fc.property(fc.array(pods, { minLength: 1, maxLength: 6 }), rounds => {
      let state: FailFastState = NOTHING_SEEN
      rounds.forEach((round, index) => {
        const seen = round.map(one =>
          pod(
            one.version,
            `p-${one.index}`,
            one.containers.map(({ name, restarts, waiting }) => ({ name, restarts, ...(waiting === undefined ? {} : { waiting }) }))
          )
        )
        const at = NOON + index * 5 * SECOND
        const taken = failFast(state, { at, workload: WORKLOAD, pods: seen, identity: WORKLOAD.identity, changedAt: NOON })
        // 25 s are less than what lies between two looks that count, and no pod here was ever Ready.
        t.not(taken.finding.kind, 'failing')
        if (!round.some(({ version }) => version === 'new')) t.equal(taken.finding.kind, 'nothing')
        state = taken.state
      })
      t.ok(Object.keys(state.restarts).length <= 8)
    }),
    { numRuns: 80 }
  )
})
