import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import type { Test } from 'tap'
import { createHelm } from '../../../src/actions/helm-rollback/helm.ts'
import { helmRollback } from '../../../src/actions/helm-rollback/helm-rollback.ts'
import { isObject, listAt, numberAt, objectAt, textAt } from '../../../src/base/json.ts'
import { systemClock } from '../../../src/outgoing/system-clock.ts'
import { startControlPlane } from '../cluster/control-plane.ts'
import { type GoProgram, obtain } from '../cluster/go-build.ts'
import { type Helm, openHelm } from '../cluster/helm.ts'
import { ok, openClients, type TestClients } from '../conformance/clients.ts'
import { storyTools } from '../story-tools.ts'
import { revisionOf, workloadOf } from '../workloads.ts'

/** Every way in which Astern's choice is meant to differ from `helm rollback` without a revision, and why. */
export const INTENDED = {
  failed: 'Helm takes the revision before, whatever became of it: that one failed, and never was the cluster’s.',
  bad: 'Helm takes the revision before: after a rollback that is the version that was just taken away.',
  same: 'The revision before makes the same of the cluster as the present one: going back to it changes nothing.',
  pruned: 'The revision before is gone, and Helm gives up; an older one that was good is still there.',
  pending: 'Helm rolls back over an operation that is still under way; Astern waits, or asks people.'
} as const
type Difference = keyof typeof INTENDED
export type Tally = ReadonlyMap<Difference | 'manifest' | 'nowhere', number>

type Deed =
  | { readonly deed: 'upgrade'; readonly level: number }
  | { readonly deed: 'failing-upgrade'; readonly level: number }
  /** `remembered`: as if Astern had done it. */
  | { readonly deed: 'rollback'; readonly remembered: boolean }
  | { readonly deed: 'prune'; readonly which: number }

const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ deed: fc.constant('upgrade' as const), level: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 3, arbitrary: fc.record({ deed: fc.constant('failing-upgrade' as const), level: fc.integer({ min: 5, max: 8 }) }) },
  { weight: 3, arbitrary: fc.record({ deed: fc.constant('rollback' as const), remembered: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ deed: fc.constant('prune' as const), which: fc.nat({ max: 3 }) }) }
)

const history = fc.record({
  deeds: fc.array(deed, { minLength: 1, maxLength: 7, size: 'max' }),
  // At the end a helm was killed half-way: a moment ago, or long ago.
  pending: fc.oneof(
    { weight: 5, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.record({ old: fc.boolean(), recoverStuck: fc.boolean() }) }
  )
})
type History = typeof history extends fc.Arbitrary<infer T> ? T : never

/** Histories under way at a time: each step is a process. */
const TOGETHER = 4

export async function compareReleases(t: Test, program: GoProgram, seed: number, count: number): Promise<Tally> {
  const plane = await startControlPlane()
  const admin = await openClients(plane.kubeconfig)
  t.teardown(async () => {
    admin.close()
    await plane.stop()
  })
  const namespace = 'releases'
  ok(await admin.kube.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }))
  const stage: Stage = {
    admin,
    namespace,
    chart: writeChart(t),
    helm: await openHelm(t, program, plane.kubeconfig),
    ours: createHelm({ program: await obtain(program), kubeconfig: plane.kubeconfig, environment: {} })
  }
  const tally = new Map<Difference | 'manifest' | 'nowhere', number>()
  const todo = [...fc.sample(history, { seed, numRuns: count }).entries()]
  const worker = async (): Promise<void> => {
    for (let next = todo.shift(); next !== undefined; next = todo.shift()) {
      const [index, one] = next
      const { found, wrong, story } = await playAndCompare(stage, `history-${index}`, one)
      if (wrong.length > 0) t.fail(wrong.join('; '), { seed, index, history: one, story })
      for (const key of found) tally.set(key, (tally.get(key) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: TOGETHER }, worker))
  t.comment(`helm ${stage.helm.major}: of ${count} histories: ${[...tally].map(([key, times]) => `${key} ${times}`).join(', ')}`)
  return tally
}

interface Stage {
  readonly admin: TestClients
  readonly namespace: string
  readonly chart: string
  readonly helm: Helm
  readonly ours: ReturnType<typeof createHelm>
}

interface Entry {
  readonly revision: number
  readonly status: string
  readonly description: string
}

/** A ConfigMap, a Deployment without pods, and on demand an object that the API server refuses: quick to roll out, and to fail. */
function writeChart(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'astern-releases-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'templates'))
  writeFileSync(join(folder, 'Chart.yaml'), 'apiVersion: v2\nname: level\nversion: 1.0.0\n')
  writeFileSync(join(folder, 'values.yaml'), 'level: 0\nbroken: false\n')
  writeFileSync(
    join(folder, 'templates', 'level.yaml'),
    `apiVersion: v1
kind: ConfigMap
metadata: { name: {{ .Release.Name }} }
data: { level: {{ .Values.level | quote }} }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: {{ .Release.Name }} }
spec:
  replicas: 0
  selector: { matchLabels: { app: {{ .Release.Name }} } }
  template:
    metadata: { labels: { app: {{ .Release.Name }} } }
    spec: { containers: [{ name: main, image: nobody-pulls-it }] }
{{- if .Values.broken }}
---
apiVersion: v1
kind: ConfigMap
metadata: { name: "Not_A_Name" }
{{- end }}
`
  )
  return folder
}

async function playAndCompare(stage: Stage, name: string, { deeds, pending }: History) {
  const { helm, chart, namespace } = stage
  const place = ['-n', namespace] as const
  await helm('install', name, chart, ...place, '--set', 'level=0')
  const bad: string[] = []
  for (const one of deeds) await act(stage, name, one, bad)
  if (pending !== null) await leavePending(stage, name)
  const before = await entries(stage, name)
  const digests = new Map<number, string>()
  for (const { revision } of before) digests.set(revision, await helm('get', 'manifest', name, '--revision', String(revision), ...place))

  const ref = { kind: 'Deployment', namespace, name } as const
  const workload = { ...workloadOf([revisionOf(1, 'app:v1', 0)]), ref, release: { name, namespace } }
  const input = {
    workload,
    options: { provenFor: '0s', ...(pending?.recoverStuck === true ? { recoverStuck: true } : {}) },
    observed: [],
    bad,
    incidents: [],
    unproven: [],
    passed: [],
    owners: [],
    values: { labels: {}, annotations: {} },
    // Long ago is twenty minutes.
    now: Date.now() + (pending?.old === true ? 20 * 60_000 : 0)
  }
  const tools = storyTools(stage.admin.cluster, systemClock)
  const action = helmRollback(stage.ours)
  const signal = AbortSignal.timeout(60_000)
  const observed = await action.observe(tools, input, signal)
  if (observed.kind === 'refused') throw new Error(`${name}: ${observed.refusal.detail}`)
  const result = action.plan(input, observed.seen)
  const ours = result.kind === 'plan' ? result.plan.write.to : undefined
  const said = await helm('rollback', name, ...place).catch((cause: unknown) => String(cause))
  const after = (await entries(stage, name)).at(-1)
  const theirs =
    after?.revision === (before.at(-1)?.revision ?? 0) ? undefined : Number(/^Rollback to (\d+)$/.exec(after?.description ?? '')?.[1])
  const story = { before, ours, theirs, said: said.trim(), refused: result.kind === 'refused' ? result.refusal : undefined }
  return { ...judge(before, digests, { ours, theirs, bad, pending }), story }
}

function judge(
  before: readonly Entry[],
  digests: ReadonlyMap<number, string>,
  {
    ours,
    theirs,
    bad,
    pending
  }: {
    readonly ours: number | undefined
    readonly theirs: number | undefined
    readonly bad: readonly string[]
    readonly pending: History['pending']
  }
): { readonly found: readonly (Difference | 'manifest' | 'nowhere')[]; readonly wrong: readonly string[] } {
  const latest = before.at(-1)
  if (latest === undefined) throw new Error('a release has a history')
  const wrong: string[] = []
  const byNumber = new Map(before.map(entry => [entry.revision, entry]))
  // An oracle of its own, from the words of facts C.1 alone.
  const source = (entry: Entry): number => {
    const to = Number(/^Rollback to (\d+)$/.exec(entry.description)?.[1])
    const origin = byNumber.get(to)
    return Number.isNaN(to) ? entry.revision : origin === undefined ? to : source(origin)
  }
  const isGood = (entry: Entry): boolean => entry.status === 'superseded' || entry.status === 'deployed'
  const mayGo = (entry: Entry): boolean =>
    isGood(entry) &&
    source(entry) !== source(latest) &&
    !bad.includes(`release@${source(entry)}`) &&
    digests.get(entry.revision) !== digests.get(latest.revision)
  const isProven = (entry: Entry): boolean =>
    before.some(other => source(other) === source(entry) && isGood(other) && byNumber.has(other.revision + 1))
  const held = pending !== null && !(pending.old && pending.recoverStuck)
  const expected = held ? undefined : [...before].reverse().find(entry => entry !== latest && mayGo(entry) && isProven(entry))
  const made = (revision: number | undefined): string | undefined => (revision === undefined ? undefined : digests.get(revision))
  if (made(ours) !== made(expected?.revision))
    wrong.push(`Astern goes to revision ${ours ?? 'nowhere'}, and ${expected?.revision ?? 'nowhere'} was expected`)
  if (ours === undefined && theirs === undefined) return { found: ['nowhere'], wrong }
  if (ours !== undefined && theirs !== undefined && made(ours) === made(theirs)) return { found: ['manifest'], wrong }
  const found: Difference[] = []
  const chosen = byNumber.get(latest.revision - 1)
  if (held) found.push('pending')
  if (chosen === undefined) found.push('pruned')
  else {
    if (!isGood(chosen)) found.push('failed')
    if (bad.includes(`release@${source(chosen)}`)) found.push('bad')
    if (digests.get(chosen.revision) === digests.get(latest.revision)) found.push('same')
  }
  if (found.length === 0) wrong.push(`helm goes to ${theirs ?? 'nowhere'}, Astern to ${ours ?? 'nowhere'}, and there is no reason`)
  return { found, wrong }
}

async function act({ helm, chart, namespace, admin }: Stage, name: string, one: Deed, bad: string[]): Promise<void> {
  const place = ['-n', namespace, '--history-max', '0'] as const
  switch (one.deed) {
    case 'upgrade':
      await helm('upgrade', name, chart, ...place, '--set', `level=${one.level}`).catch(() => {})
      return
    case 'failing-upgrade':
      await helm('upgrade', name, chart, ...place, '--set', `level=${one.level},broken=true`).catch(() => {})
      return
    case 'rollback': {
      const list = await entries({ helm, namespace }, name)
      const latest = list.at(-1)
      const went = await helm('rollback', name, ...place).then(
        () => true,
        () => false
      )
      if (went && one.remembered && latest !== undefined) bad.push(`release@${origin(latest, list)}`)
      return
    }
    case 'prune': {
      const list = await entries({ helm, namespace }, name)
      const old = list.slice(0, -1)
      const chosen = old.at(-1 - (one.which % Math.max(1, old.length)))
      // What is deployed must stay: without it nothing can be upgraded any more.
      if (chosen === undefined || chosen.status === 'deployed') return
      ok(await admin.kube.delete(`/api/v1/namespaces/${namespace}/secrets/sh.helm.release.v1.${name}.v${chosen.revision}`))
    }
  }
}

function origin(entry: Entry, list: readonly Entry[]): number {
  const to = Number(/^Rollback to (\d+)$/.exec(entry.description)?.[1])
  const found = list.find(other => other.revision === to)
  return Number.isNaN(to) ? entry.revision : found === undefined ? to : origin(found, list)
}

/** As a helm leaves it that is killed half-way: its revision says `pending-upgrade`, for good. */
async function leavePending(stage: Stage, name: string): Promise<void> {
  const { kube } = stage.admin
  const latest = (await entries(stage, name)).at(-1)
  const path = `/api/v1/namespaces/${stage.namespace}/secrets/sh.helm.release.v1.${name}.v${latest?.revision ?? 0}`
  const secret = ok(await kube.get(path))
  const text = Buffer.from(textAt(secret, 'data', 'release') ?? '', 'base64').toString()
  const release: unknown = JSON.parse(gunzipSync(Buffer.from(text, 'base64')).toString())
  if (!isObject(release)) throw new Error('that is no release')
  const changed = { ...release, info: { ...objectAt(release, 'info'), status: 'pending-upgrade' } }
  const stored = Buffer.from(gzipSync(JSON.stringify(changed)).toString('base64')).toString('base64')
  ok(
    await kube.jsonPatch(path, [
      { op: 'replace', path: '/data/release', value: stored },
      { op: 'replace', path: '/metadata/labels/status', value: 'pending-upgrade' }
    ])
  )
}

async function entries({ helm, namespace }: Pick<Stage, 'helm' | 'namespace'>, name: string): Promise<readonly Entry[]> {
  const list: unknown = JSON.parse(await helm('history', name, '-n', namespace, '-o', 'json', '--max', '256'))
  return listAt({ list }, 'list').map(entry => ({
    revision: numberAt(entry, 'revision') ?? 0,
    status: textAt(entry, 'status') ?? '',
    description: textAt(entry, 'description') ?? ''
  }))
}
