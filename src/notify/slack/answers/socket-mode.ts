import type { Clock } from '../../../base/clock.ts'
import { isObject, type JsonObject, textAt } from '../../../base/json.ts'
import type { OpenSocket, WebSockets } from '../../../outgoing/web-socket.ts'
import type { ChannelTools } from '../../channel-kind.ts'
import { secureFault } from '../../channel-url.ts'
import type { AnsweredChannel } from './settings.ts'

const DEADLINE_MS = 10_000
/** After the connection is made Slack says hello within moments. */
const HELLO_MS = 10_000
/** Slack pings every few seconds. A connection on which nothing comes for so long is dead, though nobody may have said so. */
const QUIET_MS = 60_000
const FIRST_RETRY_MS = 1_000
const LAST_RETRY_MS = 60_000
/** A connection that lasted for less does not count as one that worked, so that Slack is not called without end. */
const LASTED_MS = 10_000

/** Whether people's presses arrive, and since when that is so. */
export interface SocketState {
  readonly connected: boolean
  readonly since: number
  /** Why not. */
  readonly detail?: string
}

export interface SocketModeParts {
  readonly channel: AnsweredChannel
  readonly tools: Pick<ChannelTools, 'http' | 'readFile'>
  readonly sockets: Pick<WebSockets, 'open'>
  readonly clock: Clock
  /** Does what was pressed; resolves when the ledger has it. Only then Slack is answered. */
  readonly pressed: (envelope: string, payload: unknown) => Promise<unknown>
  readonly changed: (state: SocketState) => void
  readonly failed: (what: string, cause: unknown) => void
}

export interface SocketMode {
  state(): SocketState
  stop(): Promise<void>
}

/** One connection. `over` tells how it ended, or that Slack will end it soon. */
interface Link {
  readonly over: Promise<{ readonly kind: 'closed'; readonly detail: string } | { readonly kind: 'refresh' }>
  isOpen(): boolean
  /** Ends it, once what came by it is answered. */
  close(): Promise<void>
}

type Connected = { readonly kind: 'open'; readonly link: Link } | { readonly kind: 'failed'; readonly detail: string }

/**
 * Keeps a connection to Slack, by which presses arrive where no callback can be published. Slack ends each connection after some
 * hours, and says so before: a second one is there by then, so that no press is lost.
 */
export function startSocketMode({ channel, tools, sockets, clock, pressed, changed, failed }: SocketModeParts): SocketMode {
  const stopping = new AbortController()
  let state: SocketState = { connected: false, since: clock.now(), detail: 'it is not connected yet' }

  function become(connected: boolean, detail?: string): void {
    if (state.connected === connected && state.detail === detail) return
    const since = state.connected === connected ? state.since : clock.now()
    state = { connected, since, ...(detail === undefined ? {} : { detail }) }
    changed(state)
  }

  async function address(): Promise<{ readonly url: string } | { readonly detail: string }> {
    const token = await tools.readFile(channel.appTokenFile ?? '')
    const result = await tools.http.request(
      {
        method: 'POST',
        url: `${channel.apiUrl.replace(/\/+$/, '')}/apps.connections.open`,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-www-form-urlencoded' },
        body: '',
        deadlineMs: DEADLINE_MS,
        maxBytes: 100_000
      },
      stopping.signal
    )
    if (result.kind === 'failed') return { detail: result.detail }
    const body = parsed(result.body)
    const url = body?.['ok'] === true ? textAt(body, 'url') : undefined
    if (url === undefined) return { detail: `apps.connections.open: ${textAt(body, 'error') ?? `answered ${result.status}`}` }
    return secureFault(url.replace(/^ws/, 'http')) === undefined ? { url } : { detail: 'Slack named an address that is not wss://' }
  }

  async function connect(): Promise<Connected> {
    const found = await address()
    if ('detail' in found) return { kind: 'failed', detail: found.detail }
    return new Promise(resolve => {
      let end: (how: Awaited<Link['over']>) => void = () => {}
      const over = new Promise<Awaited<Link['over']>>(settle => {
        end = settle
      })
      const pending = new Set<Promise<void>>()
      let socket: OpenSocket | undefined
      let isOpen = true
      let greeted = false
      stopping.signal.addEventListener('abort', () => (greeted ? undefined : socket?.close()), { once: true })
      const late = setTimeout(() => socket?.close(), HELLO_MS)
      const close = async (): Promise<void> => {
        await Promise.allSettled(pending)
        socket?.close()
      }
      function take(envelope: JsonObject): void {
        const id = textAt(envelope, 'envelope_id')
        switch (envelope['type']) {
          case 'hello':
            clearTimeout(late)
            greeted = true
            resolve({ kind: 'open', link: { over, close, isOpen: () => isOpen } })
            return
          case 'disconnect':
            end({ kind: 'refresh' })
            return
        }
        if (id === undefined || id.length > 100) return
        const done = answer(id, envelope, text => socket?.send(text)).finally(() => pending.delete(done))
        pending.add(done)
      }
      socket = sockets.open(found.url, {
        quietMs: QUIET_MS,
        message(text) {
          const envelope = parsed(text)
          if (envelope !== undefined) take(envelope)
        },
        closed(detail) {
          clearTimeout(late)
          isOpen = false
          end({ kind: 'closed', detail })
          resolve({ kind: 'failed', detail })
        }
      })
    })
  }

  /** Slack is answered once the ledger has it. A press that failed is not answered, so that whoever pressed sees that. */
  async function answer(id: string, envelope: JsonObject, send: (text: string) => void): Promise<void> {
    try {
      if (envelope['type'] === 'interactive') await pressed(id, envelope['payload'])
      send(JSON.stringify({ envelope_id: id }))
    } catch (cause) {
      failed('an answer from Slack', cause)
    }
  }

  async function run(): Promise<void> {
    let failures = 0
    let before: Link | undefined
    while (!stopping.signal.aborted) {
      const connected = await connect().catch((cause: unknown): Connected => ({ kind: 'failed', detail: describe(cause) }))
      if (connected.kind === 'failed') {
        // What Slack said it would end may be there still.
        if (before?.isOpen() !== true) become(false, connected.detail)
        failures += 1
        await pause(retryAfter(failures))
        continue
      }
      const { link } = connected
      const since = clock.now()
      become(true)
      const old = before
      before = undefined
      await old?.close()
      const how = await Promise.race([link.over, aborted(stopping.signal)])
      if (how === undefined) return link.close()
      if (how.kind === 'refresh') before = link
      else become(false, how.detail)
      failures = clock.now() - since >= LASTED_MS ? 0 : failures + 1
      if (failures > 0) await pause(retryAfter(failures))
    }
    await before?.close()
  }

  async function pause(ms: number): Promise<void> {
    await clock.sleep(ms, stopping.signal).catch(() => {})
  }

  const running = run()
  return {
    state: () => state,
    async stop() {
      stopping.abort(new Error('Astern is stopping'))
      await running
    }
  }
}

/** How long to wait after so many failures in a row, milliseconds. The time doubles, up to a limit. */
function retryAfter(failures: number): number {
  return Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 10))
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise(resolve => {
    if (signal.aborted) resolve(undefined)
    else signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
}

function describe(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
