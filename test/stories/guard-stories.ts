import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Test } from 'tap'
import { type JsonObject, listAt, objectAt, textAt } from '../../src/base/json.ts'
import { collectionPath, objectPath } from '../../src/domain/objects.ts'
import type { FaultPoint } from '../../src/domain/ports/faults.ts'
import { ok, untilWorkload } from '../support/conformance/clients.ts'
import { storyPolicy } from '../support/world/story-policy.ts'
import { openWorld, type Site, type World, type WorldOptions, waitUntil } from '../support/world/world.ts'

/** Both versions serve for two minutes, because each new pod must be Ready for one. */
const STRETCHED_SECONDS = 60
/** A guard that may go back, at once and with few blocks. */
const ENTRY = {
  name: 'deploys',
  mode: 'auto',
  steps: [{ action: 'rollout-undo', with: { provenFor: '0s' }, confirm: { within: '4m', passes: 3, every: '5s' } }],
  escalate: { after: '6m', to: ['people'] }
}
const ASKED = { for: '45s', timeout: '4m' }

/** A world in which guards may write to the namespace; no policy matches an alert unless one is given. */
async function guardedWorld(
  t: Test,
  site: Site,
  namespace: string,
  more: Partial<WorldOptions> & { readonly entry?: JsonObject } = {}
): Promise<World> {
  const { entry = {}, ...options } = more
  const world = await openWorld(t, site, namespace, {
    policies: [storyPolicy(namespace, { mode: 'dry-run', match: ['alertname="NobodyFiresThis"'] })],
    guards: [{ ...ENTRY, namespaces: [namespace], ...entry }],
    ...options
  })
  await world.deploy('app:v1')
  ok(await world.clients.kube.jsonPatch(objectPath(world.target), [{ op: 'add', path: '/spec/minReadySeconds', value: STRETCHED_SECONDS }]))
  return world
}

/** Rolls a version out and asks for a guard, as a CI job does. */
async function guardOf(world: World, image: string, body: JsonObject = {}): Promise<string> {
  await world.image(image)
  return asked(world, { image, ...body })
}

async function asked({ api, target }: World, body: JsonObject): Promise<string> {
  const { status, body: guard } = await api('POST', '/api/v1/guards', { target, ...ASKED, ...body })
  if (status !== 201 && status !== 200) throw new Error(`${status}: ${JSON.stringify(guard)}`)
  return String(guard['id'])
}

async function ended({ api }: World, id: string, withinMs = 420_000): Promise<JsonObject> {
  let guard: JsonObject = {}
  await waitUntil(
    async () => {
      guard = (await api('GET', `/api/v1/guards/${id}`)).body
      return guard['state'] === 'ended'
    },
    () => `the guard ends: ${JSON.stringify(guard)}`,
    withinMs
  )
  return guard
}

/** Waits until the guard counts what both versions serve. */
async function counts({ api }: World, id: string): Promise<void> {
  await waitUntil(async () => objectAt((await api('GET', `/api/v1/guards/${id}`)).body, 'standing')['kind'] === 'watching', 'it counts')
}

async function writesOf({ api }: World): Promise<readonly unknown[]> {
  const rows = listAt((await api('GET', '/api/v1/audit?limit=999')).body, 'items')
  return rows.filter(row => textAt(row, 'kind') === 'write')
}

async function runs({ clients, target }: World, image: string): Promise<void> {
  await untilWorkload(
    clients.cluster,
    target,
    workload => workload.rollout.state === 'complete' && textAt(workload.template, 'spec', 'containers', 0, 'image') === image,
    `${image} runs`
  )
}

/** 15, bad: rolled back within the rollout, by one write, and the old version serves well again. */
export async function badCanary(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await guardedWorld(t, site, namespace)
  await world.astern()
  const id = await guardOf(world, 'app:v2-err40')

  const guard = await ended(world, id)

  t.match(guard, { result: 'rolled-back', standing: { kind: 'fail', baseline: 'concurrent' } })
  await runs(world, 'app:v1')
  t.equal((await writesOf(world)).length, 1)
  t.equal(await asked(world, { image: 'app:v2-err40' }), id, 'the job that is run again gets the same verdict')
}

/** 15, good: passes before its time is up, and is proven from then on. */
export async function goodCanary(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await guardedWorld(t, site, namespace, { load: () => 20 })
  await world.astern()
  const id = await guardOf(world, 'app:v2')

  const guard = await ended(world, id)

  t.match(guard, { result: 'pass', standing: { kind: 'pass' } })
  t.equal((await writesOf(world)).length, 0)
}

/** 15, no traffic: nothing is proven either way. */
export async function noTraffic(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await guardedWorld(t, site, namespace, { load: () => 0 })
  await world.astern()
  const id = await guardOf(world, 'app:v2', { for: '30s', timeout: '90s' })

  t.match(await ended(world, id), { result: 'inconclusive' })
  t.equal((await writesOf(world)).length, 0)
}

/** Only the kubelet asks: its probes are no traffic, and prove nothing. */
export async function onlyProbes(t: Test, site: Site, namespace: string): Promise<void> {
  // Two requests a second for all pods together, each of which is probed once a second.
  const world = await guardedWorld(t, site, namespace, { load: () => 0.05 })
  await world.astern()
  ok(
    await world.clients.kube.jsonPatch(`${objectPath(world.target)}?fieldManager=pipeline`, [
      { op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'app:v2' },
      {
        op: 'add',
        path: '/spec/template/spec/containers/0/readinessProbe',
        value: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1 }
      }
    ])
  )
  const guard = await ended(world, await asked(world, { image: 'app:v2', for: '30s', timeout: '90s' }))

  t.match(guard, { result: 'inconclusive', standing: { because: 'no-traffic' } })
}

/** A StatefulSet is replaced pod by pod: what is not replaced yet is the baseline. */
export async function badStateful(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await guardedWorld(t, site, namespace, { workload: { kind: 'StatefulSet', replicas: 3, spec: { serviceName: 'api' } } })
  await world.astern()
  const id = await guardOf(world, 'app:v2-err40')

  t.match(await ended(world, id), { result: 'rolled-back', standing: { kind: 'fail' } })
  await runs(world, 'app:v1')
  t.equal((await writesOf(world)).length, 1)
}

/** Prometheus is killed in the middle of it: no numbers are no failure. */
export async function sourceKilled(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await guardedWorld(t, site, namespace)
  await world.astern()
  const id = await guardOf(world, 'app:v2', { timeout: '2m' })
  await counts(world, id)
  await world.prometheus.stop()
  world.errors.set('app:v2', 0.4)

  t.match(await ended(world, id), { result: 'inconclusive' })
  t.equal((await writesOf(world)).length, 0)
}

/** One lone 500 fails nothing. */
export async function loneError(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await guardedWorld(t, site, namespace)
  await world.astern()
  const id = await guardOf(world, 'app:v2', { timeout: '2m' })
  await counts(world, id)
  // The fleet looks four times a second: a quarter of a second of a tenth of twenty requests a second.
  world.errors.set('app:v2', 0.1)
  await new Promise(resolve => setTimeout(resolve, 300))
  world.errors.set('app:v2', 0)

  t.not((await ended(world, id))['result'], 'rolled-back')
  t.equal((await writesOf(world)).length, 0)
}

/** Somebody deploys forward: the guard is over, and the next version is not touched. */
export async function deployedForward(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await guardedWorld(t, site, namespace)
  await world.astern()
  const id = await guardOf(world, 'app:v2')
  await world.image('app:v3')

  t.match(await ended(world, id), { result: 'superseded' })
  t.equal((await writesOf(world)).length, 0)
}

/** The budget is used up: it fails, people are told, and nothing is written. */
export async function budgetUsedUp(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await guardedWorld(t, site, namespace, { entry: { budgets: [{ limit: 1, per: '1h', scope: 'target' }], cooldown: '1s' } })
  await world.astern()
  t.match(await ended(world, await guardOf(world, 'app:v2-err40')), { result: 'rolled-back' })
  await runs(world, 'app:v1')

  const guard = await ended(world, await guardOf(world, 'app:v3-err40'))

  t.match(guard, { result: 'failed', detail: /budget-used-up/ })
  t.equal((await writesOf(world)).length, 1)
  await waitUntil(() => world.people.some(message => message.event === 'needs-people'), 'people are told')
}

/** Two guards and an alert about one rollout: one write. */
export async function oneAffair(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await guardedWorld(t, site, namespace, { policies: [storyPolicy(namespace)] })
  await world.astern()
  const id = await guardOf(world, 'app:v2-err40')
  t.equal(await asked(world, { image: 'app:v2-err40' }), id, 'the second job attaches')

  t.match(await ended(world, id), { result: 'rolled-back' })
  await runs(world, 'app:v1')
  await world
    .untilRun(run => textAt(run, 'trigger', 'kind') === 'alert' || textAt(run, 'policy') !== 'deploys', 'the alert came too', 30_000)
    .catch(() => {})
  t.equal((await writesOf(world)).length, 1)
}

/** The process is killed at a point of a look: the next one goes on, and there is one write. */
export async function killedWatching(t: Test, site: Site, namespace: string, point: FaultPoint): Promise<void> {
  const world = await guardedWorld(t, site, namespace)
  const first = await world.asternProcess(point)
  await world.image('app:v2-err40')
  const id = await asked(world, { image: 'app:v2-err40' }).catch(() => undefined)
  await waitUntil(
    () => first.exited(),
    () => `Astern dies at ${point}; it said ${first.output().slice(-2_000)}`
  )
  await world.asternProcess()

  const guard = await ended(world, id ?? (await asked(world, { image: 'app:v2-err40' })))

  t.match(guard, { result: 'rolled-back' })
  await runs(world, 'app:v1')
  t.equal((await writesOf(world)).length, 1)
}

/** The pipeline is cancelled: the command ends, says what stays watched, and the guard goes on. */
export async function cancelled(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await guardedWorld(t, site, namespace)
  await world.astern()
  await world.image('app:v2-err40')
  const job = command(t, world, ['deploy/api', '-n', namespace, '--image', 'app:v2-err40', '--for', '45s', '--timeout', '4m'])
  let id = ''
  await waitUntil(async () => {
    const [guard] = listAt((await world.api('GET', '/api/v1/guards')).body, 'items')
    id = textAt(guard, 'id') ?? ''
    return id !== ''
  }, 'the job asked for a guard')
  await waitUntil(
    () => job.output().includes(id),
    () => `it follows the guard: ${job.output()}`
  )
  job.child.kill('SIGTERM')

  t.equal(await job.code, 143)
  t.match(job.output(), /stays with the server/)
  t.match(await ended(world, id), { result: 'rolled-back' })
}

/** The command as a CI job runs it: its log, and the code by which the job passes or fails. */
export async function jobFails(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await guardedWorld(t, site, namespace)
  await world.astern()
  await world.image('app:v2-err40')
  const job = command(t, world, ['deploy/api', '-n', namespace, '--image', 'app:v2-err40', '--for', '45s', '--timeout', '4m'])
  t.equal(await job.code, 1, job.output())
  t.match(job.output(), /ROLLED BACK/)
  t.comment(job.output())
}

function command(t: Test, { flags, operatorTokenFile }: World, args: readonly string[]) {
  const at = ['--server', `http://${flags.listen ?? ''}`, '--token-file', operatorTokenFile]
  const child: ChildProcess = spawn(process.execPath, ['src/main.ts', 'guard', ...args, ...at], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  let output = ''
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const code = once(child, 'exit').then(([status]: unknown[]) => status)
  return { child, code, output: () => output }
}

/** The pods crash: Kubernetes shows it before any number does. */
export async function crashLoop(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await guardedWorld(t, site, namespace)
  await world.astern()
  ok(
    await world.clients.kube.jsonPatch(`${collectionPath('Deployment', namespace)}/api?fieldManager=pipeline`, [
      { op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'app:v2' },
      { op: 'add', path: '/spec/template/metadata/annotations', value: { 'sandbox.astern.dev/broken': 'CrashLoopBackOff' } }
    ])
  )
  const guard = await ended(world, await asked(world, { image: 'app:v2' }))
  t.match(guard, { result: 'rolled-back', failing: /CrashLoopBackOff/ })
  await runs(world, 'app:v1')
  t.equal((await writesOf(world)).length, 1)
}
