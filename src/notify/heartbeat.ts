import { type Clock, HOUR, SECOND } from '../base/clock.ts'
import { RedactedUrl } from '../base/redacted-url.ts'
import type { HeartbeatResult, HeartbeatSettings, HeartbeatTold } from '../domain/heartbeat.ts'
import type { HttpClient } from '../outgoing/http-client.ts'
import { secureFault } from './channel-url.ts'

export interface HeartbeatOptions {
  /** What the policies say now; undefined where there is no heartbeat. */
  readonly settings: () => HeartbeatSettings | undefined
  /** What does not work, in words; empty where Astern works. */
  readonly ailments: () => Promise<readonly string[]>
  readonly http: Pick<HttpClient, 'request'>
  /** Reads a file with a secret, trimmed. */
  readonly readFile: (path: string) => Promise<string>
  readonly clock: Clock
  /** Is called for each. `news`: it is not as before, or it has not been told for an hour. */
  readonly beaten: (told: HeartbeatTold, news: { readonly worthALine: boolean }) => void
}

export interface Heartbeat {
  /** Looks at the settings at once, because they may have changed. */
  follow(): void
  /** The newest one, and when the newest that was taken was sent. */
  state(): { readonly last?: HeartbeatTold; readonly sentAt?: number }
  stop(): Promise<void>
}

const DEADLINE_MS = 10 * SECOND
/** How long Astern may take to find out whether it works. What hangs for longer does not. */
const LOOK_WITHIN_MS = 10 * SECOND
/** How much of an answer is read, bytes. */
const MOST_BYTES = 64 * 1024
/** While there is no heartbeat, the settings are looked at this often. */
const IDLE_MS = 30 * SECOND

/**
 * Sends a sign of life again and again, but only while Astern works: so somebody else notices that it does not. The first goes out when
 * the first interval is over, because a process that dies right after each start must not look alive.
 */
export function startHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { settings, clock } = options
  const stopping = new AbortController()
  let wake: (() => void) | undefined
  let last: HeartbeatTold | undefined
  let sentAt: number | undefined
  let toldAt = Number.NEGATIVE_INFINITY

  async function beat(to: HeartbeatSettings): Promise<{ readonly result: HeartbeatResult; readonly detail: string }> {
    const ailments = await ailmentsInTime(options)
    if (ailments.length > 0) return { result: 'withheld', detail: ailments.join('; ') }
    return send(to, options, stopping.signal)
  }

  function keep(result: HeartbeatResult, detail: string): void {
    const at = clock.now()
    const told = { result, detail, at }
    const worthALine = result !== (last?.result ?? 'sent') || (result !== 'sent' && at - toldAt >= HOUR)
    if (worthALine) toldAt = at
    last = told
    if (result === 'sent') sentAt = at
    options.beaten(told, { worthALine })
  }

  async function loop(): Promise<void> {
    let due = clock.now() + (settings()?.every ?? 0)
    while (!stopping.signal.aborted) {
      const to = settings()
      const now = clock.now()
      if (to === undefined) {
        last = undefined
        await pause(IDLE_MS)
        due = clock.now() + (settings()?.every ?? 0)
        continue
      }
      // A new interval counts from now, and a clock that was put back must not silence it.
      due = Math.min(due, now + to.every)
      if (due > now) {
        await pause(due - now)
        continue
      }
      due = now + to.every
      const { result, detail } = await beat(to).catch((cause: unknown) => ({ result: 'failed' as const, detail: wordsOf(cause) }))
      if (!stopping.signal.aborted) keep(result, detail)
    }
  }

  async function pause(ms: number): Promise<void> {
    const waking = new AbortController()
    wake = () => waking.abort()
    await clock.sleep(ms, AbortSignal.any([waking.signal, stopping.signal])).catch(() => {})
  }

  const running = loop()
  return {
    follow: () => wake?.(),
    state: () => ({ ...(last === undefined ? {} : { last }), ...(sentAt === undefined ? {} : { sentAt }) }),
    async stop() {
      stopping.abort(new Error('Astern is stopping'))
      await running
    }
  }
}

/** A look that hangs is an ailment itself, and one that fails too. */
async function ailmentsInTime({ ailments, clock }: HeartbeatOptions): Promise<readonly string[]> {
  const enough = new AbortController()
  const late = clock.sleep(LOOK_WITHIN_MS, enough.signal).then(
    () => ['whether Astern works could not be found out in time'],
    () => []
  )
  try {
    return await Promise.race([ailments().catch((cause: unknown) => [`whether Astern works: ${wordsOf(cause)}`]), late])
  } finally {
    enough.abort()
  }
}

async function send(
  { urlFile, method, authorizationFile }: HeartbeatSettings,
  { http, readFile }: HeartbeatOptions,
  signal: AbortSignal
): Promise<{ readonly result: HeartbeatResult; readonly detail: string }> {
  const failed = (detail: string): { readonly result: 'failed'; readonly detail: string } => ({ result: 'failed', detail })
  const url = RedactedUrl.inFile(await readFile(urlFile), urlFile)
  if (secureFault(url.reveal()) !== undefined) return failed(`${url.told} must be https (http only on loopback)`)
  const authorization = authorizationFile === undefined ? undefined : await readFile(authorizationFile)
  const headers = authorization === undefined ? {} : { headers: { authorization } }
  const answer = await http.request({ method, url, ...headers, deadlineMs: DEADLINE_MS, maxBytes: MOST_BYTES }, signal)
  if (answer.kind === 'failed') return failed(answer.detail)
  if (answer.status < 200 || answer.status >= 300) return failed(`answered ${answer.status}`)
  // healthchecks.io answers 200 to a check that it does not know, or that is pinged too often, and says so in the body alone.
  const said = /^OK \(([a-z ]{1,40})\)/.exec(answer.body)?.[1]
  return said === undefined ? { result: 'sent', detail: '' } : failed(`answered ${answer.status}: ${said}`)
}

function wordsOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
