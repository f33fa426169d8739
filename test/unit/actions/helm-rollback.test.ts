import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { badMark, judgeReleases, originOf } from '../../../src/actions/helm-rollback/choose.ts'
import { createHelm, parseHistory } from '../../../src/actions/helm-rollback/helm.ts'
import type { Helm, HelmRevision } from '../../../src/actions/helm-rollback/helm-port.ts'
import { helmRollback } from '../../../src/actions/helm-rollback/helm-rollback.ts'
import type { ReleaseObject } from '../../../src/actions/helm-rollback/objects.ts'
import { classify } from '../../../src/actions/helm-rollback/said.ts'
import { HOUR, MINUTE } from '../../../src/base/clock.ts'
import { readConfig } from '../../../src/config.ts'
import type { WriteResult } from '../../../src/domain/ports/cluster.ts'
import { storyHelm } from '../../support/story-actions.ts'
import { StoryCluster } from '../../support/story-cluster.ts'
import { noHelm, storyTools } from '../../support/story-tools.ts'
import { badRollout, intentOf, NOON, planInput } from '../../support/workloads.ts'

const RELEASE = { name: 'api', namespace: 'shop' }
const WORKLOAD = { ...badRollout(), release: RELEASE }
const never = AbortSignal.timeout(60_000)
const clock = { now: () => NOON, sleep: async () => {} }

/** One an hour, the last one ten minutes ago. */
const history = (...revisions: Partial<HelmRevision>[]): readonly HelmRevision[] =>
  revisions.map((revision, index) => ({
    revision: index + 1,
    updatedAt: index === revisions.length - 1 ? NOON - 10 * MINUTE : NOON - (revisions.length - index) * HOUR,
    status: index === revisions.length - 1 ? 'deployed' : 'superseded',
    chart: 'api-1.0.0',
    appVersion: '1',
    description: 'Upgrade complete',
    ...revision
  }))

const API: ReleaseObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  name: 'api',
  digest: 'd',
  oneWay: false,
  kept: 'in-namespace'
}

type Input = Parameters<ReturnType<typeof helmRollback>['plan']>[0]
const plan = (revisions: readonly HelmRevision[], more: Partial<Input> = {}, same: readonly number[] = []) =>
  helmRollback(noHelm).plan(planInput(WORKLOAD, more), {
    major: 4,
    history: revisions,
    objects: new Map(revisions.map(({ revision }) => [revision, { objects: [API], hooks: [] }])),
    digests: new Map(revisions.map(({ revision }) => [revision, same.includes(revision) ? 'same' : `digest-${revision}`]))
  })
const to = (...args: Parameters<typeof plan>): unknown => {
  const result = plan(...args)
  return result.kind === 'plan' ? result.plan.write.to : result.refusal.reason
}

t.test('which revision: never a failed one, never the bad one once more, never current − 1 blindly', async t => {
  t.equal(to(history({}, {}, {})), 2)
  t.equal(to(history({}, { status: 'failed' }, {})), 1, 'Helm itself would take the failed one')
  t.equal(to(history({}, {}, { status: 'failed' })), 2, 'what failed on top of it is what is gone back from')
  t.equal(to(history({}, { status: 'deployed' }, { status: 'failed' })), 2)
  t.equal(to(history({}, {}, {}, { description: 'Rollback to 2' })), 3, '4 is 2 once more, so 3 differs from it')
  t.equal(to(history({}, {}, {}, { description: 'Rollback to 2' }), { bad: ['release@3'] }), 1)
  t.equal(to(history({}, {}, {}, { description: 'Rollback to 1' }, {}), { bad: ['release@1'] }), 3, 'what was bad as 1 is bad as 4')
  t.equal(to(history({}, {}, {}), {}, [2, 3]), 1, 'going back to the same manifest changes nothing')
  t.equal(to(history({})), 'no-good-revision')
  t.equal(to(history({}, { status: 'failed' })), 1)
  t.equal(to(history({ status: 'uninstalled' }, {})), 'no-good-revision')
  t.equal(
    to([...history({}, {}, {})].filter(({ revision }) => revision !== 2)),
    'no-good-revision',
    'how long 1 ran is not known: 2 is pruned'
  )
})

t.test('which revision: proven, by how long it ran and what was open then', async t => {
  const quick = history({}, {}, {}).map(entry => (entry.revision === 2 ? { ...entry, updatedAt: NOON - 15 * MINUTE } : entry))
  t.equal(to(quick), 1, '2 ran for five minutes')
  t.equal(to(quick, { options: { provenFor: '5m' } }), 2)
  t.equal(to(history({}, {}, {}), { incidents: [{ from: NOON - 12 * MINUTE }] }), 1, 'an incident was open when 2 was replaced')
  t.equal(to(history({}, {}, {}), { incidents: [{ from: NOON - 12 * HOUR }] }), 'no-good-revision')
})

t.test('pending: one that is under way is waited for, a dead one is people’s, unless the policy says so', async t => {
  const pending = (minutes: number) => history({}, {}, { status: 'pending-upgrade', updatedAt: NOON - minutes * MINUTE })
  t.equal(to(pending(5)), 'rollout-moving')
  t.equal(to(pending(20)), 'release-stuck')
  t.match(plan(pending(20)), { refusal: { detail: /to repair it: helm rollback api 2 --namespace shop/ } })
  t.equal(to(pending(20), { options: { recoverStuck: true } }), 2)
  t.equal(to(pending(5), { options: { recoverStuck: true } }), 'rollout-moving')
  t.equal(to(history({ status: 'pending-install', updatedAt: NOON - HOUR }), { options: { recoverStuck: true } }), 'no-good-revision')
})

t.test('uninstalled, or for good on its way there: waiting ends neither', async t => {
  const ending = (status: string, minutes: number) => to(history({}, { status, updatedAt: NOON - minutes * MINUTE }))
  t.equal(ending('uninstalling', 5), 'rollout-moving')
  t.equal(ending('uninstalling', 20), 'release-stuck')
  t.equal(ending('uninstalled', 5), 'unsuitable-target')
})

t.test('the plan: every argument said, what it makes, what is bad now', async t => {
  const result = plan(history({}, {}, {}), { options: { timeout: '2m' } })
  if (result.kind !== 'plan') throw new Error(result.refusal.detail)
  t.match(result.plan, {
    summary: /roll release api back to revision 2 .* in place of revision 3/,
    reverse: 'helm rollback api 3 --namespace shop',
    makes: 'shop/api@4',
    bad: ['release@3'],
    to: undefined
  })
  t.match(result.plan.write, {
    arguments: [
      'rollback',
      '--namespace',
      'shop',
      '--wait',
      '--timeout',
      '120s',
      '--cleanup-on-fail',
      '--history-max',
      '0',
      '--',
      'api',
      '2'
    ]
  })
  t.equal(to(history({}, {}, {}), { workload: { ...WORKLOAD, annotations: { 'astern.dev/rollback': 'deny' } } }), 'one-way-door')
})

t.test('the write: read right before, checked right after, anything else is unknown', async t => {
  const made = plan(history({}, {}))
  if (made.kind !== 'plan') throw new Error('no plan')
  const intent = intentOf(made.plan)
  const apply = (helm: Helm, dryRun = false): Promise<WriteResult> =>
    helmRollback(helm).apply(storyTools(new StoryCluster(clock), clock), intent, { dryRun }, never)
  const two = [{}, {}]
  t.match(await apply(storyHelm(two)), { kind: 'applied', detail: 'revision 3: Rollback to 1' })
  const dry = storyHelm(two)
  t.match(await apply(dry, true), { kind: 'applied' })
  t.same(dry.made, [])
  t.match(await apply(storyHelm([{}, {}, {}])), { kind: 'conflict' }, 'somebody deployed meanwhile')
  t.match(await apply({ ...storyHelm(two), rollback: async () => ({ kind: 'failed', problem: 'forbidden', detail: 'no' }) }), {
    kind: 'forbidden'
  })
  t.match(await apply({ ...storyHelm(two), rollback: async () => ({ kind: 'failed', problem: 'unbuildable', detail: 'no' }) }), {
    kind: 'refused'
  })
  t.match(await apply({ ...storyHelm(two), rollback: async () => ({ kind: 'failed', problem: 'unreachable', detail: 'no' }) }), {
    kind: 'unknown'
  })
  t.match(
    await apply({ ...storyHelm(two), rollback: async () => ({ kind: 'done', value: undefined }) }),
    { kind: 'unknown' },
    'done, and nothing made'
  )
  const slow = storyHelm(two)
  const late: Helm = {
    ...slow,
    async rollback(...args) {
      await slow.rollback(...args)
      return { kind: 'failed', problem: 'not-ready-in-time', detail: 'timed out' }
    }
  }
  t.match(await apply(late), { kind: 'tool-failed', detail: /timed out/ }, 'a helm that failed is a failed write')
  const raced = storyHelm(two)
  const race: Helm = {
    ...raced,
    async rollback(...args) {
      await raced.rollback(...args)
      return raced.rollback(...args)
    }
  }
  t.match(await apply(race), { kind: 'unknown' }, 'one more than ours')
  const seen = (revisions: readonly Partial<HelmRevision>[]) =>
    helmRollback(storyHelm(revisions)).effect(intent, WORKLOAD, storyTools(new StoryCluster(clock), clock), never)
  t.equal(
    helmRollback(noHelm).stands(intent, {
      ...WORKLOAD,
      release: { ...RELEASE, latest: { revision: 4, status: 'deployed', changedAt: 0 } }
    }),
    false
  )
  t.equal(await seen([{}, {}, { status: 'pending-rollback', description: 'Rollback to 1' }]), 'moving')
  t.equal(await seen([{}, {}, { description: 'Rollback to 1' }]), 'seen')
  t.equal(await seen([{}, {}, { description: 'Upgrade complete' }]), 'superseded')
  t.equal(await seen(two), 'not-seen')
})

t.test('what helm says is classified by its words', async t => {
  const said: readonly (readonly [string, string])[] = [
    ['Error: release: not found', 'release-not-found'],
    ['Error: release has no 7 version', 'revision-gone'],
    ['Error: another operation (install/upgrade/rollback) is in progress', 'busy'],
    ['Error: release: already exists', 'lost-race'],
    ['Error: "api" has no deployed releases', 'no-deployed-release'],
    ['Error: timed out waiting for the condition', 'not-ready-in-time'],
    ['Error: context deadline exceeded', 'not-ready-in-time'],
    ['Error: Kubernetes cluster unreachable: Get "https://…"', 'unreachable'],
    ['Error: unable to build kubernetes objects from current release manifest', 'unbuildable'],
    ['Error: query: failed to query with labels: secrets is forbidden: User "x"', 'forbidden'],
    ['Error: something new', 'other'],
    ['', 'other']
  ]
  for (const [text, problem] of said) t.equal(classify(`WARNING: kubeconfig is readable\n${text}\n`).problem, problem, text)
  t.notMatch(classify(`Error: x ${'y'.repeat(5_000)}`).detail, /y{400}/)
  for (const text of [
    'Secret "db" is invalid: data[password]: Invalid value: "hunter2": x',
    "cannot parse 'hunter2'",
    'spec: Invalid value: hunter2'
  ])
    t.notMatch(classify(`Error: UPGRADE FAILED: ${text}`).detail, /hunter2/, 'no value of the release is told')
  for (const text of ['', '{}', 'null', '[{"revision":"1"}]', '[{"revision":1,"status":"deployed"}]'])
    t.equal(parseHistory(text), undefined, text)
  t.same(parseHistory('[]'), [])
  t.equal(
    originOf(history({}, { description: 'Rollback to 9' })[1] ?? history({})[0] ?? failed(), history({}, {})),
    9,
    'one that is pruned'
  )
  t.equal(badMark(3), 'release@3')
  t.same(judgeReleases({ history: [], digests: new Map() }, { bad: [], incidents: [], unproven: [] }, 0), [])
})

function failed(): never {
  throw new Error('no revision')
}

t.test('the program: missing, hanging, and what it is given of the environment', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'astern-helm-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const script = (name: string, text: string): string => {
    const file = join(folder, name)
    writeFileSync(file, `#!${process.execPath}\n${text}\n`)
    chmodSync(file, 0o755)
    return file
  }
  const missing = await createHelm({ program: join(folder, 'nothing'), environment: {} }).major(never)
  t.match(missing, { kind: 'failed', problem: 'not-installed', detail: /install helm, or say where it is with --helm/ })
  const told = script(
    'told',
    'console.log(JSON.stringify({ apiVersion: "v1", kind: "Told", metadata: { name: JSON.stringify(process.argv.slice(2)) } })); process.exit(process.argv[2] === "get" ? 0 : 1)'
  )
  const helm = createHelm({ program: told, kubeconfig: '/k', context: 'c', environment: { PATH: '/bin' } })
  const contents = await helm.contents({ release: 'a;rm -rf', namespace: 'n' }, 3, never)
  if (contents.kind === 'failed') throw new Error(contents.detail)
  t.match(await helm.manifestDigest({ release: 'a;rm -rf', namespace: 'n' }, 3, never), { kind: 'done', value: /^[0-9a-f]{64}$/ })
  t.same(
    contents.value.hooks.map(({ name }) => JSON.parse(name)),
    [['get', 'hooks', '--revision', '3', '--namespace', 'n', '--kube-context', 'c', '--', 'a;rm -rf']],
    'no name can be taken for a flag'
  )
  const { helm: given } = readConfig({}, { PATH: '/bin', HELM_DRIVER: 'secret', AWS_PROFILE: 'ops', ASTERN_TOKENS_FILE: '/t' })
  t.same(given.environment, { PATH: '/bin', HELM_DRIVER: 'secret', AWS_PROFILE: 'ops' }, 'Astern’s own settings are not helm’s')
  const hangs = script(
    'hangs',
    'process.on("SIGTERM", () => { console.error("Error: stopped"); process.exit(1) }); setTimeout(() => {}, 60_000)'
  )
  const stopped = await createHelm({ program: hangs, environment: {} }).rollback(['rollback'], -59_500, never)
  t.match(stopped, { kind: 'failed', problem: 'stopped', detail: /did not end within/ })
})
