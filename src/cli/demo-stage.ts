import { createHash, randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type App, startApp } from '../app/app.ts'
import { connect } from '../cluster/connection.ts'
import { createKubeClient, type KubeClient } from '../cluster/kube-client.ts'
import { readConfig, realPartsEnvironment } from '../config.ts'
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
import type { Narrator } from './demo-narrator.ts'
import { APP, alertRules, behaviour, demoPolicies, deployment, fleetPods, GOOD_IMAGE, runningImage } from './demo-story.ts'
import { CommandError, EXIT } from './exit.ts'

export interface StageFlags {
  readonly kubeconfig?: string
  readonly context?: string
  /** Without alerts: a deploy guard is what is shown. */
  readonly guard?: boolean
}

/** Where a demo is played. What is to be taken down in the end is added to `cleanups`. */
export interface Place {
  readonly namespace: string
  readonly folder: string
  readonly cleanups: (() => Promise<unknown>)[]
}

/** A cluster with the good version on it, a real Prometheus and Alertmanager, and Astern. */
export interface Stage {
  readonly client: KubeClient
  readonly app: App
  readonly dataDir: string
  readonly kubeconfig: string
  /** The token of an operator, and the file that has it. */
  readonly operator: { readonly token: string; readonly file: string }
  readonly prometheus: string
  readonly alertmanager: string
}

/** Starts everything, and deploys the good version. @throws CommandError */
export async function openStage(flags: StageFlags, { namespace, folder, cleanups }: Place, narrator: Narrator): Promise<Stage> {
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
  const operatorFile = join(folder, 'operator-token')
  await writeFile(operatorFile, operator, { mode: 0o600 })
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
    groups: flags.guard === true ? [] : alertRules(),
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
  return {
    client,
    app,
    dataDir,
    kubeconfig,
    operator: { token: operator, file: operatorFile },
    prometheus: prometheus.url,
    alertmanager: alertmanager.url
  }
}

async function obtain(parts: ReturnType<typeof realPartsEnvironment>, narrator: Narrator): Promise<readonly [PartCommand, PartCommand]> {
  try {
    return [await obtainPart(PROMETHEUS, parts, narrator.aside), await obtainPart(ALERTMANAGER, parts, narrator.aside)]
  } catch (cause) {
    if (cause instanceof PartMissing) throw new CommandError(EXIT.usage, cause.message, { cause })
    throw cause
  }
}

async function clusterFor(flags: StageFlags, folder: string, cleanups: (() => Promise<unknown>)[]): Promise<string> {
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

/** Waits until something is so. @throws CommandError with `otherwise` */
export async function until(condition: () => Promise<boolean>, withinMs: number, otherwise: string): Promise<void> {
  const deadline = Date.now() + withinMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new CommandError(EXIT.bad, otherwise)
    await systemClock.sleep(100)
  }
}
