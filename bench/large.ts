import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { textAt } from '../src/base/json.ts'
import type { Kube } from '../src/domain/ports/kube.ts'
import { type ControlPlane, startControlPlane } from '../test/support/cluster/control-plane.ts'
import { ok, openClients } from '../test/support/conformance/clients.ts'
import { type MeasuredAstern, startMeasured } from '../test/support/large/astern.ts'
import { bigDeployment, bigPod, fill, rawList } from '../test/support/large/fill.ts'
import { rolledOut } from '../test/support/large/rolled-out.ts'
import { makeNamespace } from '../test/support/large/witness.ts'
import { policies } from './policy.ts'
import { startSources } from './processes.ts'
import { type Row, row } from './rows.ts'
import { residentMiB } from './start.ts'

const OBJECTS = 10_000
/** Starts of Astern beside as many raw lists, by turns. */
const STARTS = 3
const DECISIONS = 40
/** Not counted: the code is still being compiled. */
const WARM = 20
/** The window of the policy is two minutes. Until it is over after the rollout, every decision waits. */
const WINDOW_OVER_MS = 125_000
const NAMESPACES = ['small', 'large'] as const

/**
 * (h) On a real API server without controllers: 10,000 Deployments of 6 kB and 10,000 pods in one namespace, beside a namespace with
 * the target alone. How long it takes until all are watched and recorded, beside a raw list; what is held; how quick decisions are.
 */
export async function large(progress: (line: string) => void): Promise<readonly Row[]> {
  const undo: (() => unknown)[] = []
  const t = { teardown: (work: () => unknown) => void undo.push(work) }
  try {
    return await measured(t, progress)
  } finally {
    for (const work of undo.reverse()) await work()
  }
}

async function measured(t: { teardown(work: () => unknown): void }, progress: (line: string) => void): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'astern-bench-large-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const plane = await startControlPlane({ controllers: false })
  t.teardown(() => plane.stop())
  const admin = await openClients(plane.kubeconfig)
  t.teardown(() => admin.close())
  for (const namespace of NAMESPACES) {
    await makeNamespace(admin, namespace)
    await rolledOut(admin.kube, { kind: 'Deployment', namespace, name: 'api-0' }, 3)
  }
  const changedAt = Date.now()
  progress(`${OBJECTS} Deployments and ${OBJECTS} pods are made`)
  const names = Array.from({ length: OBJECTS }, (_, index) => `app-${index}`)
  await fill(plane, DEPLOYMENTS, names.map(bigDeployment))
  await fill(
    plane,
    '/api/v1/namespaces/large/pods',
    names.map(name => bigPod(name, name))
  )
  const sources = await startSources(0, changedAt)
  t.teardown(() => sources.stop())
  const start = (namespace: (typeof NAMESPACES)[number], time: number): Promise<MeasuredAstern> => {
    const file = join(folder, `${namespace}.yaml`)
    writeFileSync(file, JSON.stringify(policyOf(sources.url, namespace)))
    const dataDir = join(folder, `${namespace}-${time}`)
    return startMeasured(t, { policies: file, kubeconfig: plane.kubeconfig, dataDir, entry: 'bin/astern.js' })
  }

  const lists = await startsBesideLists(plane, time => start('large', time), progress)
  const small = await start('small', 0)
  await watchedAfter(small)
  const big = await start('large', STARTS)
  await watchedAfter(big)
  const heaps = [await small.heap(), await big.heap()] as const
  progress('decisions, by turns')
  await wait(Math.max(0, changedAt + WINDOW_OVER_MS - Date.now()))
  const times = { small: [] as number[], large: [] as number[] }
  for (let index = 0; index < WARM + DECISIONS; index += 1)
    for (const [namespace, astern] of [
      ['small', small],
      ['large', big]
    ] as const) {
      const took = await decided(astern, namespace)
      if (index >= WARM) times[namespace].push(took)
    }
  const searches = await podSearches(admin.kube)
  const most = residentMiB(big.pid, 'VmHWM')
  const count = OBJECTS.toLocaleString('en')
  return [
    row(`${count} Deployments listed, recorded and watched, median of ${STARTS}, beside a raw list`, lists.watched, 'ms', {
      baseline: lists.raw,
      goal: { of: 'ratio', atMost: 3 }
    }),
    row(`heap after collection, over that beside an empty namespace (${heaps[0].toFixed(1)} MiB)`, heaps[1] - heaps[0], 'MiB', {
      goal: { of: 'value', atMost: 40 }
    }),
    row(`memory (RSS) at most, with ${count} Deployments`, most, 'MiB'),
    row(`dry run among ${count} Deployments and pods, median of ${DECISIONS}, beside an empty namespace`, median(times.large), 'ms', {
      baseline: median(times.small),
      goal: { of: 'ratio', atMost: 1.5 }
    }),
    row(`of it the API server's own search for the target's pods, among ${count}, beside an empty namespace`, searches.large, 'ms', {
      baseline: searches.small
    })
  ]
}

const DEPLOYMENTS = '/apis/apps/v1/namespaces/large/deployments'

async function startsBesideLists(
  plane: ControlPlane,
  start: (time: number) => Promise<MeasuredAstern>,
  progress: (line: string) => void
): Promise<{ readonly raw: number; readonly watched: number }> {
  const raw: number[] = []
  const watched: number[] = []
  for (let time = 0; time < STARTS; time += 1) {
    const list = await rawList(plane, DEPLOYMENTS)
    raw.push(list.ms)
    const astern = await start(time)
    watched.push(await watchedAfter(astern))
    await astern.stop()
    progress(
      `raw list of ${list.count} (${Math.round(list.bytes / list.count)} bytes each) ${Math.round(list.ms)} ms, watched after ${watched.at(-1)} ms`
    )
  }
  return { raw: median(raw), watched: median(watched) }
}

/** After how many milliseconds every watch had its first list, and all of it was recorded. */
async function watchedAfter(astern: MeasuredAstern): Promise<number> {
  const until = performance.now() + 120_000
  for (;;) {
    const said = /"tookMs":(\d+),"msg":"every watch has its first list"/.exec(astern.output())
    if (said !== null) return Number(said[1])
    if (astern.exited() || performance.now() > until) throw new Error(`it does not watch: ${astern.output().slice(-2_000)}`)
    await wait(20)
  }
}

/** The one list of a decision that takes the longer the more pods a namespace has: the API server has no index of labels. */
async function podSearches(kube: Pick<Kube, 'get'>): Promise<Readonly<Record<(typeof NAMESPACES)[number], number>>> {
  const times = { small: [] as number[], large: [] as number[] }
  for (let index = 0; index < DECISIONS; index += 1)
    for (const namespace of NAMESPACES) {
      const begun = performance.now()
      ok(await kube.get(`/api/v1/namespaces/${namespace}/pods?labelSelector=app%3Dapi-0`))
      times[namespace].push(performance.now() - begun)
    }
  return { small: median(times.small), large: median(times.large) }
}

/** How long a dry run took that came to a plan, milliseconds. */
async function decided(astern: MeasuredAstern, namespace: string): Promise<number> {
  const begun = performance.now()
  const answer = await fetch(`${astern.url}/api/v1/dry-runs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ policy: 'api-5xx-after-deploy', target: { kind: 'Deployment', namespace, name: 'api-0' } })
  })
  const body: unknown = await answer.json()
  const took = performance.now() - begun
  if (textAt(body, 'outcome') !== 'dry-run') throw new Error(`a decision did not come to a plan: ${JSON.stringify(body).slice(0, 2_000)}`)
  return took
}

function policyOf(sources: string, namespace: string): unknown {
  const set = policies(sources) as { readonly defaults: { readonly guards: object }; readonly policies: readonly object[] }
  return {
    ...set,
    defaults: { guards: { ...set.defaults.guards, namespaces: [namespace] } },
    policies: set.policies.map(policy => ({ ...policy, steps: [{ action: 'rollout-undo', with: { provenFor: '0s' } }] }))
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
