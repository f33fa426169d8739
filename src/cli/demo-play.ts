import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startApp } from '../app/app.ts'
import { connect } from '../cluster/connection.ts'
import { createKubeClient, type KubeClient } from '../cluster/kube-client.ts'
import { readConfig, realPartsEnvironment } from '../config.ts'
import type { Ledger } from '../domain/ports/ledger.ts'
import type { Run } from '../domain/run.ts'
import { openAuditFile } from '../ledger/sqlite/audit-file.ts'
import { withBreaker } from '../outgoing/breaker.ts'
import { createClockOffset } from '../outgoing/clock-offset.ts'
import { createHttpClient } from '../outgoing/http-client.ts'
import { systemClock } from '../outgoing/system-clock.ts'
import { startFleet } from '../sandbox/fleet.ts'
import { startAlertmanager, startPrometheus } from '../sandbox/monitoring.ts'
import { freePort } from '../sandbox/processes.ts'
import { ALERTMANAGER, obtainPart, type PartCommand, PartMissing, PROMETHEUS } from '../sandbox/real-parts.ts'
import { startSandbox } from '../sandbox/sandbox.ts'
import { createLogger } from '../telemetry/logger.ts'
import { createNarrator, type Narrator } from './demo-narrator.ts'
import {
  APP,
  alertRules,
  BAD_IMAGE,
  behaviour,
  demoPolicies,
  deployment,
  fleetPods,
  GOOD_IMAGE,
  runningImage,
  setImage
} from './demo-story.ts'
import { CommandError, EXIT } from './exit.ts'
import type { Terminal } from './terminal.ts'

export interface DemoFlags {
  readonly keep?: boolean
  readonly kubeconfig?: string
  readonly context?: string
  readonly yes?: boolean
}

/** The time by which the story is over. If it is not, it failed. */
const STORY_WITHIN_MS = 85_000

/** Plays the story and takes everything down again. @throws CommandError where it did not happen. */
export async function play(flags: DemoFlags, namespace: string, terminal: Terminal): Promise<void> {
  const cleanups: (() => Promise<unknown>)[] = []
  const folder = await mkdtemp(join(tmpdir(), 'astern-demo-'))
  cleanups.push(() => rm(folder, { recursive: true, force: true }))
  const stopped = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => reject(new CommandError(EXIT.bad, 'stopped')))
  })
  try {
    await Promise.race([story(flags, terminal, { namespace, folder, cleanups }), stopped])
    // The story is over. Where it was asked to go on, only Ctrl-C ends it.
    if (flags.keep === true) await stopped.catch(() => {})
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup().catch(() => {})
  }
}

interface Stage {
  readonly namespace: string
  readonly folder: string
  readonly cleanups: (() => Promise<unknown>)[]
}

async function story(flags: DemoFlags, terminal: Terminal, { namespace, folder, cleanups }: Stage): Promise<void> {
  const narrator = createNarrator(terminal)
  narrator.title('Astern demo: a bad rollout, undone')
  narrator.aside(
    `The policy is fast so that you can watch: windows of 6 s, two samples, provenFor 0s. Production wants minutes (see policies.yaml).`
  )
  const parts = realPartsEnvironment()
  const [prometheusProgram, alertmanagerProgram] = await obtain(parts, narrator)
  const kubeconfig = await clusterFor(flags, folder, cleanups)
  const client = await kubeClient(kubeconfig, flags.context)
  if (flags.kubeconfig !== undefined) await makeNamespace(client, namespace, cleanups)
  const fleet = await startFleet({ pods: () => fleetPods(client, namespace), behaviour })
  cleanups.push(() => fleet.close())

  const port = await freePort()
  const token = randomBytes(24).toString('base64url')
  const tokenFile = join(folder, 'alertmanager-token')
  await writeFile(tokenFile, token, { mode: 0o600 })
  const tokens = join(folder, 'tokens.yaml')
  const line = (name: string, role: string, secret: string) => ({ name, role, sha256: createHash('sha256').update(secret).digest('hex') })
  const operator = randomBytes(24).toString('base64url')
  await writeFile(tokens, JSON.stringify({ tokens: [line('alertmanager', 'webhook', token), line('you', 'operator', operator)] }))
  const alertmanager = await startAlertmanager({
    program: alertmanagerProgram,
    folder: join(folder, 'alertmanager'),
    webhook: `http://127.0.0.1:${port}/webhooks/alertmanager`,
    tokenFile
  })
  cleanups.push(() => alertmanager.stop())
  const prometheus = await startPrometheus({
    program: prometheusProgram,
    folder: join(folder, 'prometheus'),
    targets: [fleet.target],
    groups: alertRules(),
    alertmanagers: [new URL(alertmanager.url).host]
  })
  cleanups.push(() => prometheus.stop())
  const policies = join(folder, 'policies.yaml')
  await writeFile(policies, demoPolicies(namespace, prometheus.url, alertmanager.url))
  const dataDir = join(folder, 'data')
  await mkdir(dataDir)
  const app = await startApp(
    readConfig(
      {
        policies,
        listen: `127.0.0.1:${port}`,
        mode: 'auto',
        dataDir,
        kubeconfig,
        tokens,
        logLevel: 'silent',
        ...(flags.context === undefined ? {} : { context: flags.context })
      },
      {}
    ),
    { logger: createLogger('silent', 'json', process.stderr) }
  )
  cleanups.push(() => app.stop())
  narrator.did('started', `Prometheus ${prometheus.url} · Alertmanager ${alertmanager.url} · Astern ${app.address} (mode auto)`)

  const created = await client.post(
    `/apis/apps/v1/namespaces/${namespace}/deployments?fieldManager=demo-pipeline`,
    deployment(namespace, GOOD_IMAGE)
  )
  if (created.kind !== 'ok') throw new CommandError(EXIT.bad, `the Deployment could not be made: ${created.detail}`)
  await until(async () => (await runningImage(client, namespace)) === GOOD_IMAGE, 40_000, `${APP} did not come up`)
  narrator.did('deployed', `${APP} ${GOOD_IMAGE}: 3 pods, all requests answered`)
  await systemClock.sleep(5_000)
  await setImage(client, namespace, BAD_IMAGE)
  narrator.bad('deployed', `${APP} ${BAD_IMAGE}: it answers 35 % of its requests with 500`)
  const run = await follow(app.ledger, narrator)
  await finish(run, { client, namespace, dataDir }, narrator)
  if (flags.keep !== true) return
  narrator.keep([
    ['Prometheus', prometheus.url],
    ['Alertmanager', alertmanager.url],
    ['Astern', `${app.address}/api/v1/runs/${run.id} (Authorization: Bearer ${operator})`],
    ['kubectl', `--kubeconfig ${kubeconfig} -n ${namespace}`]
  ])
}

async function obtain(parts: ReturnType<typeof realPartsEnvironment>, narrator: Narrator): Promise<readonly [PartCommand, PartCommand]> {
  try {
    return [await obtainPart(PROMETHEUS, parts, narrator.aside), await obtainPart(ALERTMANAGER, parts, narrator.aside)]
  } catch (cause) {
    if (cause instanceof PartMissing) throw new CommandError(EXIT.usage, cause.message, { cause })
    throw cause
  }
}

async function clusterFor(flags: DemoFlags, folder: string, cleanups: (() => Promise<unknown>)[]): Promise<string> {
  if (flags.kubeconfig !== undefined) return flags.kubeconfig
  const sandbox = await startSandbox()
  cleanups.push(() => sandbox.close())
  const file = join(folder, 'kubeconfig')
  await writeFile(file, sandbox.kubeconfig)
  return file
}

async function kubeClient(kubeconfig: string, context: string | undefined): Promise<KubeClient> {
  const http = createHttpClient()
  return createKubeClient(
    await connect({ kubeconfig, ...(context === undefined ? {} : { context }) }, Date.now),
    http,
    withBreaker(http, { name: 'demo' }),
    createClockOffset(Date.now)
  )
}

async function makeNamespace(client: KubeClient, namespace: string, cleanups: (() => Promise<unknown>)[]): Promise<void> {
  const made = await client.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  if (made.kind !== 'ok') throw new CommandError(EXIT.bad, `the namespace ${namespace} could not be made: ${made.detail}`)
  cleanups.push(async () => {
    // The Deployment first: where nothing collects garbage, the namespace would wait for its pods.
    await client.delete(`/apis/apps/v1/namespaces/${namespace}/deployments/${APP}`)
    await client.delete(`/api/v1/namespaces/${namespace}`)
  })
}

/** Prints each audit row as it is written, until the run has ended. */
async function follow(ledger: Ledger, narrator: Narrator): Promise<Run> {
  const deadline = Date.now() + STORY_WITHIN_MS
  let after = 0
  while (Date.now() < deadline) {
    for (const row of await ledger.audit({ after }, 200)) {
      after = row.seq
      narrator.row(row)
    }
    const [run] = (await ledger.runs({ kind: 'live', state: 'ended' }, undefined, 1)).items
    // An alert that flaps ends a run as `resolved` only for a while. The run is taken up again when the alert is back.
    if (run !== undefined && run.outcome !== 'resolved' && (await ledger.audit({ after }, 1)).length === 0) return run
    await systemClock.sleep(100)
  }
  throw new CommandError(EXIT.bad, `the story did not end within ${STORY_WITHIN_MS / 1_000} s`)
}

/** The story really happened, or the exit code says that it did not. */
async function finish(
  run: Run,
  { client, namespace, dataDir }: { readonly client: KubeClient; readonly namespace: string; readonly dataDir: string },
  narrator: Narrator
): Promise<void> {
  const image = await runningImage(client, namespace)
  const file = await openAuditFile(dataDir)
  const chain = await file.verify().finally(() => file.close())
  const rows = chain.rows
  narrator.line()
  narrator.check(run.outcome === 'recovered', `the run ended ${run.outcome ?? 'without an outcome'}`)
  narrator.check(image === GOOD_IMAGE, `${APP} runs ${image ?? 'nothing that is complete'} again`)
  narrator.check(chain.fault === undefined, `audit chain of ${rows} rows verified (${chain.head.slice(0, 12)}…)`)
  if (run.outcome !== 'recovered' || image !== GOOD_IMAGE || chain.fault !== undefined)
    throw new CommandError(EXIT.bad, `the story did not happen as it should: ${run.reason ?? ''} ${run.detail ?? ''}`)
}

async function until(condition: () => Promise<boolean>, withinMs: number, otherwise: string): Promise<void> {
  const deadline = Date.now() + withinMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new CommandError(EXIT.bad, otherwise)
    await systemClock.sleep(100)
  }
}
