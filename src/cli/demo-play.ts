import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KubeClient } from '../cluster/kube-client.ts'
import type { Ledger } from '../domain/ports/ledger.ts'
import type { Run } from '../domain/run.ts'
import { openAuditFile } from '../ledger/sqlite/audit-file.ts'
import { systemClock } from '../outgoing/system-clock.ts'
import { playGuard } from './demo-guard.ts'
import { createNarrator, type Narrator } from './demo-narrator.ts'
import { openStage, type Place, type Stage, type StageFlags } from './demo-stage.ts'
import { APP, BAD_IMAGE, GOOD_IMAGE, runningImage, setImage } from './demo-story.ts'
import { CommandError, EXIT } from './exit.ts'
import type { Terminal } from './terminal.ts'

export interface DemoFlags extends StageFlags {
  readonly keep?: boolean
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
    await Promise.race([played(flags, terminal, { namespace, folder, cleanups }), stopped])
    // The story is over. Where it was asked to go on, only Ctrl-C ends it.
    if (flags.keep === true) await stopped.catch(() => {})
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup().catch(() => {})
  }
}

async function played(flags: DemoFlags, terminal: Terminal, place: Place): Promise<void> {
  const narrator = createNarrator(terminal)
  const { stage, more } = await (flags.guard === true ? guarded(flags, terminal, place, narrator) : undone(flags, place, narrator))
  if (flags.keep !== true) return
  narrator.keep([
    ['Prometheus', stage.prometheus],
    ['Alertmanager', stage.alertmanager],
    ['Astern', `${stage.app.address}${more} (Authorization: Bearer ${stage.operator.token})`],
    ['kubectl', `--kubeconfig ${stage.kubeconfig} -n ${place.namespace}`]
  ])
}

/** What was played, and where to look at it. */
interface Played {
  readonly stage: Stage
  readonly more: string
}

async function undone(flags: DemoFlags, place: Place, narrator: Narrator): Promise<Played> {
  narrator.title('Astern demo: a bad rollout, undone')
  narrator.aside(
    `The policy is fast so that you can watch: windows of 6 s, two samples, provenFor 0s. Production wants minutes (see policies.yaml).`
  )
  const { namespace } = place
  const stage = await openStage(flags, place, narrator)
  const { client, app, dataDir } = stage
  await systemClock.sleep(5_000)
  await setImage(client, namespace, BAD_IMAGE)
  narrator.bad('deployed', `${APP} ${BAD_IMAGE}: it answers 35 % of its requests with 500`)
  const run = await follow(app.ledger, narrator)
  await finish(run, { client, namespace, dataDir }, narrator)
  return { stage, more: `/api/v1/runs/${run.id}` }
}

async function guarded(flags: DemoFlags, terminal: Terminal, place: Place, narrator: Narrator): Promise<Played> {
  narrator.title('Astern demo: two rollouts, guarded')
  narrator.aside(
    'Each new pod must be ready for 25 s before the next one comes, so that both versions serve. The soak is 20 s; production wants minutes.'
  )
  const stage = await openStage(flags, place, narrator)
  await playGuard(stage, { terminal, narrator, namespace: place.namespace })
  return { stage, more: '/api/v1/guards' }
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
