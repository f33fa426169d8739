import { accessSync, constants, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { GuardBody } from '../../api/guard-request.ts'
import { parseDuration } from '../../base/duration.ts'
import type { GuardBaseline, PodRoad } from '../../domain/deploy-guard.ts'
import { parseMargin } from '../../domain/margin.ts'
import { parseObjective } from '../../domain/objective.ts'
import type { ClientFlags } from '../client.ts'
import { CommandError, EXIT } from '../exit.ts'
import { type CiJob, isWebUrl } from './ci.ts'
import { targetOf } from './target.ts'

/** The flags of `astern guard`, as they were typed. */
export interface GuardFlags extends ClientFlags {
  readonly namespace?: string
  readonly for?: string
  readonly timeout?: string
  readonly warmUp?: string
  readonly baseline?: GuardBaseline
  readonly tolerate?: string
  readonly objective?: string
  readonly metric?: readonly string[]
  readonly revision?: string
  readonly image?: string
  readonly commit?: string
  readonly url?: string
  readonly author?: string
  readonly onFail?: 'rollback' | 'report'
  readonly onInconclusive?: 'pass' | 'fail'
  readonly onUnreachable?: 'pass' | 'fail'
  readonly dryRun?: boolean
  readonly pods?: PodRoad
  readonly json?: boolean
  readonly summary?: string
  readonly junit?: string
  readonly dotenv?: string
  readonly kubeconfig?: string
  readonly context?: string
  readonly prometheus?: string
  readonly policies?: string
  readonly stop?: string
}

/** The same bound as the server’s. */
const LONGEST_CLAIM = 200

/** Makes what the server is asked for. What is wrong is told by the name of its flag. @throws CommandError */
export function bodyOf(target: string | undefined, flags: GuardFlags, job: CiJob): GuardBody {
  const timeout = duration('--timeout', flags.timeout)
  const soak = duration('--for', flags.for)
  duration('--warm-up', flags.warmUp)
  if (soak !== undefined && timeout !== undefined && soak > timeout)
    throw usage(`--for ${flags.for} is longer than --timeout ${flags.timeout}`)
  if (flags.tolerate !== undefined) checked('--tolerate', parseMargin(flags.tolerate))
  if (flags.objective !== undefined) checked('--objective', parseObjective(flags.objective))
  if (flags.baseline === 'objective' && flags.objective === undefined) throw usage('--baseline objective needs --objective, such as 0.1%')
  const wrong = flags.metric?.find(name => !/^[a-z][a-z0-9-]{0,62}$/.test(name))
  if (wrong !== undefined) throw usage(`--metric ${wrong}: must be the name of a metric, such as http-error-ratio, and no PromQL`)
  if (flags.revision !== undefined && !/^[1-9]\d{0,8}$/.test(flags.revision))
    throw usage(`--revision ${flags.revision}: must be a number, as \`kubectl rollout history\` shows it`)
  if (flags.image !== undefined && !/^\S{1,512}$/.test(flags.image))
    throw usage('--image: must be an image, such as registry.example/api:1.4.2')
  const change = changeOf(flags, job)
  return {
    target: targetOf(target, flags.namespace),
    ...(flags.for === undefined ? {} : { for: flags.for }),
    ...(flags.timeout === undefined ? {} : { timeout: flags.timeout }),
    ...(flags.warmUp === undefined ? {} : { warmUp: flags.warmUp }),
    ...(flags.baseline === undefined ? {} : { baseline: flags.baseline }),
    ...(flags.tolerate === undefined ? {} : { tolerate: flags.tolerate }),
    ...(flags.objective === undefined ? {} : { objective: flags.objective }),
    ...(flags.metric === undefined ? {} : { metrics: [...new Set(flags.metric)] }),
    ...(flags.revision === undefined ? {} : { revision: Number(flags.revision) }),
    ...(flags.image === undefined ? {} : { image: flags.image }),
    ...(flags.onFail === undefined ? {} : { onFail: flags.onFail }),
    ...(flags.dryRun === undefined ? {} : { dryRun: flags.dryRun }),
    ...(flags.pods === undefined ? {} : { pods: flags.pods }),
    ...(Object.keys(change).length === 0 ? {} : { change })
  }
}

/** Whether the command brings its own server. @throws CommandError where it is told to use another one as well */
export function isStandalone(flags: GuardFlags): boolean {
  const own = (['kubeconfig', 'context', 'prometheus', 'policies'] as const).filter(name => flags[name] !== undefined)
  const others = (
    [
      ['server', '--server'],
      ['tokenFile', '--token-file'],
      ['ca', '--ca']
    ] as const
  ).filter(([name]) => flags[name] !== undefined)
  if (own.length > 0 && others.length > 0)
    throw usage(
      `${own.map(name => `--${name}`).join(', ')} guards without a server, and ${others.map(([, flag]) => flag).join(', ')} names one: choose`
    )
  return own.length > 0
}

/** A file that cannot be written is found out before the watch, and not after it. @throws CommandError */
export function checkFiles(flags: Pick<GuardFlags, 'summary' | 'junit' | 'dotenv'>): void {
  for (const name of ['summary', 'junit', 'dotenv'] as const) {
    const file = flags[name]
    if (file === undefined) continue
    try {
      const there = statSync(file, { throwIfNoEntry: false })
      if (there?.isDirectory() === true) throw new Error('is a folder')
      accessSync(there === undefined ? dirname(file) : file, constants.W_OK)
    } catch (cause) {
      throw new CommandError(EXIT.usage, `--${name} ${file} cannot be written`, { cause })
    }
  }
}

function changeOf({ commit, author, url }: GuardFlags, job: CiJob): NonNullable<GuardBody['change']> {
  for (const [flag, text] of [
    ['--commit', commit],
    ['--author', author]
  ] as const)
    if (text !== undefined && (text === '' || text.length > LONGEST_CLAIM)) throw usage(`${flag}: 1 to ${LONGEST_CLAIM} characters`)
  if (url !== undefined && !isWebUrl(url)) throw usage('--url: must be an http or https URL')
  return {
    ...job.change,
    ...(commit === undefined ? {} : { commit }),
    ...(author === undefined ? {} : { author }),
    ...(url === undefined ? {} : { url })
  }
}

function duration(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const ms = parseDuration(text)
  if (ms === undefined) throw usage(`${flag} ${text}: must be a duration, such as 5m or 1h30m`)
  return ms
}

function checked(flag: string, parsed: { readonly kind: string; readonly problem?: string }): void {
  if (parsed.problem !== undefined) throw usage(`${flag}: ${parsed.problem}`)
}

function usage(message: string): CommandError {
  return new CommandError(EXIT.usage, message)
}
