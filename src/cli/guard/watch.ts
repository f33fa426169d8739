import { parseDuration } from '../../base/duration.ts'
import { ciEnvironment } from '../../config.ts'
import { systemClock } from '../../outgoing/system-clock.ts'
import { type ApiConnection, connectTo, createApiConnection } from '../client.ts'
import { CommandError, EXIT, type ExitCode } from '../exit.ts'
import type { Terminal } from '../terminal.ts'
import { beginGuard } from './begin.ts'
import { type CiJob, ciJobOf } from './ci.ts'
import { bodyOf, checkFiles, type GuardFlags, isStandalone } from './flags.ts'
import { followGuard } from './follow.ts'
import { annotation } from './github.ts'
import { createHistory } from './history.ts'
import { createLiveBlock } from './live-block.ts'
import { createGuardLog, type GuardLog } from './log.ts'
import { writeOutputs } from './outputs.ts'
import { patienceFor } from './patience.ts'
import { ciText, jsonLine } from './plain-text.ts'
import { type Caught, catchSignals } from './signals.ts'
import { type Standalone, startStandalone } from './standalone.ts'
import { type Told, toldOf } from './told.ts'
import { type Ending, lastLine, verdictOf } from './verdict.ts'

const TICK_MS = 1_000

/** Asks for a guard, follows it to its end, and tells of it wherever the job looks. @returns the exit code */
export async function watchRollout(target: string | undefined, flags: GuardFlags, terminal: Terminal): Promise<ExitCode> {
  const job = ciJobOf(ciEnvironment().variables)
  const standalone = isStandalone(flags)
  const body = bodyOf(target, flags, job)
  checkFiles(flags)
  const quiet = flags.json === true
  const silent: Terminal = { ...terminal, line: () => undefined }
  const live = terminal.isTerminal && !quiet && job.system === undefined ? createLiveBlock(process.stdout) : undefined
  const log = createGuardLog({ terminal: quiet ? silent : terminal, now: systemClock.now, ...(live === undefined ? {} : { live }) })
  const caught = catchSignals()
  let own: Standalone | undefined
  let connection: ApiConnection | undefined
  try {
    if (standalone) {
      log.say('alone', 'without a server: its ledger, budgets and memory of bad versions end with this process')
      own = await startStandalone(flags, body.target.namespace, { terminal, tell: text => log.say('told', text) })
    }
    connection = own === undefined ? createApiConnection(flags) : connectTo(own)
    return await watch({ body, flags, job, terminal, log, caught, connection, alone: standalone })
  } finally {
    log.close()
    connection?.close()
    await own?.stop()
    caught.release()
  }
}

interface WatchParts {
  readonly body: ReturnType<typeof bodyOf>
  readonly flags: GuardFlags
  readonly job: CiJob
  readonly terminal: Terminal
  readonly log: GuardLog
  readonly caught: Caught
  readonly connection: ApiConnection
  readonly alone: boolean
}

async function watch(parts: WatchParts): Promise<ExitCode> {
  const { body, flags, job, terminal, log, connection } = parts
  const { kind, namespace, name } = body.target
  const target = `${kind}/${namespace}/${name}`
  const startedAt = systemClock.now()
  const history = createHistory()
  const ticking = setInterval(() => log.tick(), TICK_MS)
  let told: Told | undefined
  let printed = ''
  let ending: Ending
  try {
    ending = await endingOf(parts, target, view => {
      told = toldOf(view)
      history.add(told)
      log.told(told)
      const line = jsonLine({ event: 'guard', guard: view })
      if (flags.json === true && line !== printed) terminal.line(line)
      printed = line
    })
  } finally {
    clearInterval(ticking)
    log.close()
  }
  const verdict = verdictOf(ending, flags)
  const link = told === undefined || parts.alone ? undefined : `${connection.base}/api/v1/guards/${encodeURIComponent(told.id)}`
  const report = {
    target: ciText(target),
    verdict,
    history,
    seconds: (systemClock.now() - startedAt) / 1_000,
    ...(told === undefined ? {} : { told }),
    ...(link === undefined ? {} : { link })
  }
  for (const problem of writeOutputs(report, { flags, job })) terminal.error(`${terminal.warn('warning:')} ${ciText(problem)}`)
  if (flags.json === true) terminal.line(jsonLine({ event: 'end', exitCode: verdict.code, ...verdict, guard: told?.id, url: link }))
  else {
    const complaint = job.system === 'GitHub Actions' ? annotation(report) : undefined
    if (complaint !== undefined) terminal.line(complaint)
    const paint = verdict.code === EXIT.ok ? terminal.good : terminal.bad
    terminal.line(paint(lastLine(verdict, link)))
  }
  return verdict.code
}

async function endingOf(parts: WatchParts, target: string, see: (view: unknown) => void): Promise<Ending> {
  const { body, flags, log, connection, caught, alone } = parts
  const patience = patienceFor(flags.timeout === undefined ? undefined : parseDuration(flags.timeout))
  const shared = { connection, clock: systemClock, signal: caught.signal, patience }
  const { base } = connection
  log.say(
    'begin',
    `${target} at ${alone ? 'this process' : base}, ${new Date(systemClock.now()).toISOString().slice(0, 10)}, all times UTC`
  )
  for (const choice of choicesOf(flags)) log.say('exit', choice)
  const begun = await beginGuard(body, { ...shared, waits: detail => log.say('retry', `${base}: ${ciText(detail)}`) })
  if (begun.kind === 'refused')
    throw new CommandError(EXIT.usage, `${alone ? '' : `${base}: `}${ciText(begun.detail)}${begun.status === 401 ? TOKEN_HINT : ''}`)
  if (begun.kind === 'lost')
    return {
      kind: 'lost',
      detail: `Astern at ${base} could not be reached (${ciText(begun.detail)}): as far as is known, no guard was begun and nothing is watched`
    }
  if (begun.kind === 'aborted')
    return { kind: 'signal', signal: caught.which(), detail: 'before a guard was begun, as far as is known; nothing was written' }
  const { id } = begun
  log.say('guard', begun.attached ? `${ciText(id)} watches already: attached to it` : `${ciText(id)} is begun`)
  let newest: Told | undefined
  const told = (view: unknown): void => {
    newest = toldOf(view)
    see(view)
  }
  told(begun.view)
  const followed = await followGuard(id, {
    ...shared,
    told,
    away: detail => log.say('away', `${base} (${ciText(detail)}); trying again for ${Math.round(patience.ms / 1_000)} s`),
    back: () => log.say('back', `${base} answers again`)
  })
  const last = newest === undefined ? {} : { told: newest }
  switch (followed.kind) {
    case 'ended':
      if (newest === undefined) throw new Error('a guard ended that nobody told of')
      return { kind: 'ended', told: newest }
    case 'lost':
      return { kind: 'lost', ...last, detail: `${base} could not be reached (${ciText(followed.detail)}); ${stays(ciText(id), alone)}` }
    case 'refused':
      return {
        kind: 'lost',
        ...last,
        detail: `${base} no longer shows the guard (${followed.status}: ${ciText(followed.detail)}); ${stays(ciText(id), alone)}`
      }
    case 'aborted':
      return { kind: 'signal', ...last, signal: caught.which(), detail: stays(ciText(id), alone) }
  }
}

const TOKEN_HINT = ' (--token-file FILE, or ASTERN_TOKEN_FILE)'

/** What goes on without this command. */
function stays(id: string, alone: boolean): string {
  return alone
    ? 'nothing new is written, what is being written is seen through, and then nothing watches the rollout any more'
    : `this command wrote nothing and waits no longer; guard ${id} stays with the server, for others too, and may still roll back; astern guard --stop ${id} ends it for all`
}

function choicesOf({ onInconclusive, onUnreachable }: GuardFlags): readonly string[] {
  const becomes = (choice: 'pass' | 'fail'): string => (choice === 'pass' ? '0' : '5')
  return [
    ...(onInconclusive === undefined ? [] : [`inconclusive (3) becomes ${becomes(onInconclusive)}: --on-inconclusive ${onInconclusive}`]),
    ...(onUnreachable === undefined ? [] : [`unreachable (4) becomes ${becomes(onUnreachable)}: --on-unreachable ${onUnreachable}`])
  ]
}
