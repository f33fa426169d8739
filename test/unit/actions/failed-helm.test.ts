import t from 'tap'
import { repairOfPending } from '../../../src/actions/helm-rollback/failed.ts'
import { parseHooks } from '../../../src/actions/helm-rollback/helm.ts'
import type { Helm, HelmProblem, HelmRevision, HookRun } from '../../../src/actions/helm-rollback/helm-port.ts'
import { helmRollback } from '../../../src/actions/helm-rollback/helm-rollback.ts'
import { rollbackOf } from '../../../src/actions/helm-rollback/rollback.ts'
import { classify, masked } from '../../../src/actions/helm-rollback/said.ts'
import { MINUTE, SECOND } from '../../../src/base/clock.ts'
import { hashPlan } from '../../../src/domain/plan.ts'
import { storyHelm } from '../../support/story-actions.ts'
import { StoryCluster } from '../../support/story-cluster.ts'
import { storyTools } from '../../support/story-tools.ts'
import { badRollout, intentOf, NOON, TARGET } from '../../support/workloads.ts'

const RELEASE = { name: 'api', namespace: 'shop' }
const WORKLOAD = { ...badRollout(), release: RELEASE }
const never = AbortSignal.timeout(60_000)
const PLAN = hashPlan({
  action: 'helm-rollback',
  target: TARGET,
  summary: 'roll back',
  reverse: 'helm rollback api 2 --namespace shop',
  uid: 'uid-api',
  write: rollbackOf(RELEASE, { latest: 2, to: 1, timeoutMs: 30 * SECOND }),
  from: WORKLOAD.identity,
  bad: ['release@2'],
  facts: {}
})

interface Left {
  readonly status: string
  readonly description?: string
  readonly problem?: HelmProblem
  readonly said?: string
  readonly hooks?: readonly HookRun[]
}

/** A helm that begins the rollback, leaves the release as is said here, and ends with exit code 1, or well where it says nothing. */
function leaves({ status, description = 'Rollback to 1', problem = 'other', said, hooks = [] }: Left): Helm {
  const before: Partial<HelmRevision>[] = [{}, {}]
  let helm = storyHelm(before)
  return {
    ...helm,
    major: helm.major,
    history: (...args) => helm.history(...args),
    hooks: async () => ({ kind: 'done', value: hooks }),
    async rollback() {
      helm = storyHelm([...before, { status, description, updatedAt: NOON }])
      return said === undefined ? { kind: 'done', value: undefined } : { kind: 'failed', problem, detail: `helm: ${said}`, exitCode: 1 }
    }
  }
}

const clockAt = (now: number) => ({ now: () => now, sleep: async () => {} })
const toolsAt = (now: number) => storyTools(new StoryCluster(clockAt(now)), clockAt(now))
const apply = (helm: Helm) => helmRollback(helm).apply(toolsAt(NOON), intentOf(PLAN), { dryRun: false }, never)

t.test('a helm that failed is a failed write: exit code, state of the release, what is blocked, and the command that mends it', async t => {
  const hook: HookRun = { kind: 'Job', name: 'migrate', events: ['pre-rollback'], phase: 'Running', startedAt: NOON + SECOND }
  const timedOut = { status: 'pending-rollback', problem: 'not-ready-in-time', said: 'Error: timed out waiting for the condition' } as const
  t.match(await apply(leaves({ ...timedOut, hooks: [hook] })), {
    kind: 'tool-failed',
    detail:
      /timed out waiting for the condition \(exit code 1\); its pre-rollback hook Job\/migrate did not succeed; revision 3 of the release is pending-rollback; .*every helm upgrade is refused/,
    repair: 'helm rollback api 1 --namespace shop --no-hooks'
  })
  const old = { ...hook, startedAt: NOON - MINUTE }
  const done = { ...hook, phase: 'Succeeded' }
  const ofUpgrade = { ...hook, events: ['pre-upgrade'] }
  const other = await apply(leaves({ ...timedOut, hooks: [old, done, ofUpgrade] }))
  t.match(other, { repair: 'helm rollback api 1 --namespace shop' }, 'none of these is a hook of this rollback that failed')
  t.notMatch(other, { detail: /hook/ })
  t.match(await apply(leaves({ status: 'pending-rollback', problem: 'unbuildable', said: 'Error: unable to build' })), {
    kind: 'tool-failed',
    repair: 'kubectl --namespace shop delete secret sh.helm.release.v1.api.v3'
  })
  t.match(
    await apply(leaves({ status: 'failed', description: 'Release "api" failed: x', problem: 'not-ready-in-time', said: 'Error: x' })),
    {
      kind: 'tool-failed',
      detail: /revision 3 of the release is failed; its objects were written, and are not ready/,
      repair: 'helm rollback api 1 --namespace shop'
    }
  )
  t.match(await apply(leaves({ status: 'failed', description: 'Rollback "api" failed: x', problem: 'unserved', said: 'Error: x' })), {
    repair: 'kubectl --namespace shop delete secret sh.helm.release.v1.api.v3 && helm rollback api 2 --namespace shop'
  })
  t.match(await apply(leaves({ status: 'failed', description: 'Rollback "api" failed: x', problem: 'field-conflict', said: 'Error: x' })), {
    repair: 'helm rollback api 1 --namespace shop --force-conflicts'
  })
  t.match(await apply(leaves({ status: 'failed', description: 'Rollback "api" failed: x', problem: 'forbidden', said: 'Error: x' })), {
    kind: 'tool-failed',
    detail: /some of its objects may have been written/
  })
  t.match(
    await apply(
      leaves({
        status: 'failed',
        description: 'Rollback "api" failed: Apply failed with 1 conflict: conflict with "kubectl-set": .spec.x',
        said: 'Error: unable to cleanup resources: no objects visited'
      })
    ),
    {
      detail: /no objects visited \(exit code 1\); its record says: Apply failed with 1 conflict: conflict with "kubectl-set"/,
      repair: /--force-conflicts$/
    },
    'a failed clean-up hides the error in what helm says'
  )
  t.match(
    await apply(leaves({ status: 'pending-rollback' })),
    { kind: 'tool-failed' },
    'helm says that it is done, and the release does not'
  )
  t.match(await apply(leaves({ status: 'deployed' })), { kind: 'applied' })
})

t.test('after a crash: what helm left is a failed write too, and one that is pending is not waited for without end', async t => {
  const effect = (left: Left, now = NOON) => {
    const { status, description = 'Rollback to 1' } = left
    const helm = storyHelm([{}, {}, { status, description, updatedAt: NOON }])
    return helmRollback(helm).effect(intentOf(PLAN), WORKLOAD, toolsAt(now), never)
  }
  t.equal(await effect({ status: 'pending-rollback' }, NOON + 89 * SECOND), 'moving', 'helm may still be at work')
  t.match(await effect({ status: 'pending-rollback' }, NOON + 91 * SECOND), {
    kind: 'tool-failed',
    detail: /helm did not end.*pending-rollback/,
    repair: 'helm rollback api 1 --namespace shop'
  })
  t.match(
    await effect({
      status: 'failed',
      description: 'Rollback "api" failed: failed to create resource: the server could not find the requested resource'
    }),
    {
      kind: 'tool-failed',
      detail: /could not find the requested resource/,
      repair: /delete secret sh\.helm\.release\.v1\.api\.v3 && helm rollback api 2/
    }
  )
  t.equal(await effect({ status: 'deployed' }), 'seen')
})

t.test('the whole error is told, with kinds and versions and without values', async t => {
  const { problem, detail } = classify(
    `level=WARN msg="unrelated"
Error: unable to build kubernetes objects from new release manifest: resource mapping not found for name: "gear" namespace: "shop" from "": no matches for kind "Widget" in version "example.com/v1"
ensure CRDs are installed first
`
  )
  t.equal(problem, 'unbuildable')
  t.match(
    detail,
    /name: "gear" namespace: "shop".*no matches for kind "Widget" in version "example\.com\/v1"; ensure CRDs are installed first/
  )
  t.notMatch(detail, /unrelated/)
  const kept: readonly string[] = [
    'conflict occurred while applying object shop/api apps/v1, Kind=Deployment: Apply failed with 1 conflict: conflict with "kubectl-set" using apps/v1: .spec.template.spec.containers[name="main"].image',
    'secrets is forbidden: User "system:serviceaccount:astern:astern" cannot list resource "secrets" in API group "" in the namespace "shop"',
    'failed to create resource: widgets.example.com is forbidden: User "astern" cannot create resource "widgets" in API group "example.com" in the namespace "shop"',
    'admission webhook "policy.example.com" denied the request: no',
    'deployments.apps "api" not found',
    'failed to create: configmaps "api" already exists',
    'cannot patch "…" with kind Deployment: Deployment.apps "api" is invalid: spec.x: Forbidden: no',
    'pre-rollback hooks failed: resource Job/shop/migrate not ready. status: InProgress, message: Job in progress'
  ]
  for (const text of kept) t.equal(masked(text).replaceAll('name="…"', 'name="main"'), text)
  t.equal(
    masked('Deployment.apps "api" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0'),
    'Deployment.apps "api" is invalid: spec.replicas: Invalid value: …: must be greater than or equal to 0'
  )
  const secret = 'hunter2'
  const values: readonly string[] = [
    `Secret "db" is invalid: data[password]: Invalid value: "${secret}": must be base64`,
    `spec.x: Invalid value: ${secret}`,
    `spec.x: Invalid value: {"password":"${secret}","a":"b"}: no`,
    `spec.x: Unsupported value: "${secret}": supported values: "a", "b"`,
    `env[1].name: Duplicate value: {"name":"${secret}"}`,
    `Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal number ${secret} into Go struct field EnvVar.value of type string`,
    `error parsing "${secret}"`,
    `it can't be: '${secret}'`,
    `the kind "${secret}`,
    `wrong data.password "${secret}" in it`,
    `secrets "${secret}"`,
    `value "${secret}" is invalid`,
    `the manifest "${'x '.repeat(7_990)}${secret} "`,
    `spec.x: Invalid value: {"a":"x; ${secret}"}: no`,
    `first line\nspec.x: Invalid value: map[a:b; c:${secret}]: no`,
    `error parsing '${secret}' and \`${secret}\``,
    `spec.x: Invalid value: "a \\"quoted\\" ${secret}": no`,
    `unable to decode "{\\"password\\":\\"${secret}\\"}": no`
  ]
  for (const text of values) t.notMatch(masked(text), new RegExp(secret), text)
  t.notMatch(masked(`x ${'A'.repeat(400)}`), /A{40}/, 'what is no word of any language is data')
  t.equal(masked('y '.repeat(4_000)).length, 1_501)
  for (const [text, kind] of [
    ['Error: rollback failed: Apply failed with 2 conflicts: conflict with "astern"', 'field-conflict'],
    ['Error: failed to create resource: the server could not find the requested resource', 'unserved']
  ] as const)
    t.equal(classify(text).problem, kind)
})

t.test('hooks are read out of a release’s status, and nothing else is', async t => {
  const status = {
    config: { password: 'hunter2' },
    hooks: [
      {
        name: 'migrate',
        kind: 'Job',
        events: ['pre-rollback'],
        manifest: 'hunter2',
        last_run: { phase: 'Running', started_at: '2026-11-21T12:00:01Z' }
      },
      { name: 'test', kind: 'Pod', events: ['test'], last_run: { phase: '', started_at: '' } }
    ]
  }
  t.same(parseHooks(JSON.stringify(status)), [
    { kind: 'Job', name: 'migrate', events: ['pre-rollback'], phase: 'Running', startedAt: NOON + SECOND }
  ])
  for (const text of ['', 'null', '[]']) t.equal(parseHooks(text), undefined)
})

t.test('an operation that somebody else left pending: the command that ends it', async t => {
  const place = { release: 'api', namespace: 'shop' }
  const history = async (...statuses: readonly string[]): Promise<readonly HelmRevision[]> => {
    const listed = await storyHelm(statuses.map(status => ({ status }))).history(place, never)
    return listed.kind === 'done' ? listed.value : []
  }
  const repair = async (...statuses: readonly string[]) => repairOfPending(place, await history(...statuses))
  t.equal(await repair('superseded', 'deployed', 'pending-upgrade'), 'helm rollback api 2 --namespace shop')
  t.equal(await repair('superseded', 'failed', 'pending-upgrade'), 'helm rollback api 1 --namespace shop')
  t.equal(await repair('pending-install'), 'kubectl --namespace shop delete secret sh.helm.release.v1.api.v1', 'nothing was ever in force')
})
