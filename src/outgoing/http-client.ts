import http from 'node:http'
import https from 'node:https'
import type { RedactedUrl } from '../base/redacted-url.ts'
import { nothingSecret, type Scrub, scrubbedCopy } from '../base/secrets.ts'

/** Why there is no usable response. The set is closed. */
export type TransportProblem = 'deadline' | 'unreachable' | 'too-large' | 'breaker-open'

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
  /** A plain text is told to nobody but for its host. */
  readonly url: string | RedactedUrl
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /**
   * True where a successful answer is kept as it is, because parts of it are written back or compared: a credential that stands in a
   * pod's template must stay in it. In all other answers known credentials are scrubbed, before anything is cut off or taken out.
   */
  readonly exact?: true
  /** Milliseconds within which the whole response must arrive. */
  readonly deadlineMs: number
  /** The limit of the body, bytes. Default 16 MiB, which is more than any list of a namespace that Astern reads. */
  readonly maxBytes?: number
  /** TLS and agent options, as Kubernetes' kubeconfig gives them. */
  readonly tls?: https.RequestOptions
}

/** A request for a stream of lines that goes on for a long time. */
export interface LineRequest extends Omit<HttpRequest, 'body' | 'maxBytes'> {
  /** The stream counts as dead when nothing came for so many milliseconds. */
  readonly quietMs?: number
  /** The stream counts as broken where a line is longer than so many characters. */
  readonly longestLine?: number
  /** Is called when the other side begins the stream (200). */
  readonly opened?: () => void
}

export interface HttpResponse {
  readonly kind: 'response'
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: string
  readonly sentAt: number
  readonly receivedAt: number
}

export type HttpResult = HttpResponse | { readonly kind: 'failed'; readonly problem: TransportProblem; readonly detail: string }

export interface HttpClient {
  /** Never throws for what the other side does. Redirects are not followed, but answered like any other response. */
  request(request: HttpRequest, signal?: AbortSignal): Promise<HttpResult>
  /** Hands over a long response line by line. Resolves when the response ends or breaks. */
  lines(request: LineRequest, onLine: (line: string) => void, signal: AbortSignal): Promise<HttpResult>
  close(): void
}

interface Agents {
  readonly http: http.Agent
  readonly https: https.Agent
}

const DEFAULT_MAX_BYTES = 16 * 1024 * 1024

/** A proxy as the usual environment variables name it; none: every server is called directly. */
export interface ProxySettings {
  readonly HTTPS_PROXY?: string
  readonly HTTP_PROXY?: string
  /** Hosts that are called directly, with commas. */
  readonly NO_PROXY?: string
}

/** Makes Astern's only HTTP client. It keeps connections open; every call has a deadline, and every body a limit. */
export function createHttpClient(now: () => number = Date.now, scrub: Scrub = nothingSecret, proxy: ProxySettings = {}): HttpClient {
  // 32 sockets for each host are enough for a burst of runs, and too few to flood a small Prometheus.
  const agents: Agents = {
    http: new http.Agent({ keepAlive: true, maxSockets: 32, proxyEnv: { ...proxy } }),
    https: new https.Agent({ keepAlive: true, maxSockets: 32, proxyEnv: { ...proxy } })
  }
  // A stream keeps its socket for minutes. With sockets of their own, 32 watches do not keep every other request out.
  const streams: Agents = { http: new http.Agent(), https: new https.Agent() }

  /** @throws for an invalid URL or header. Whatever fails later goes to `onError`, never before this returns. */
  function open(
    request: Omit<HttpRequest, 'deadlineMs'>,
    over: Agents,
    onResponse: (response: http.IncomingMessage) => void,
    onError: (cause: unknown) => void
  ): http.ClientRequest {
    const url = new URL(typeof request.url === 'string' ? request.url : request.url.reveal())
    const secure = url.protocol === 'https:'
    const options: https.RequestOptions = {
      agent: secure ? over.https : over.http,
      ...request.tls,
      method: request.method,
      headers: {
        ...request.tls?.headers,
        ...request.headers,
        ...(request.body === undefined ? {} : { 'content-length': Buffer.byteLength(request.body) })
      }
    }
    const outgoing = (secure ? https : http).request(url, options, onResponse)
    outgoing.on('error', onError)
    outgoing.end(request.body)
    return outgoing
  }

  /**
   * Ends the request at its deadline, or when the caller gives up. It uses a timer that it can take back. `AbortSignal.timeout`
   * would keep the request and its answer in memory until the time is up, which in a storm is hundreds of megabytes.
   */
  function exchange(
    request: HttpRequest | LineRequest,
    signal: AbortSignal | undefined,
    /** Reads the response and answers with its body when it has ended. It may settle or fail before that. */
    read: (response: http.IncomingMessage, settle: (result: HttpResult) => void, fail: (cause: unknown) => void) => () => string,
    over: Agents
  ): Promise<HttpResult> {
    const sentAt = now()
    const quietMs = 'quietMs' in request ? request.quietMs : undefined
    return new Promise(resolve => {
      let late: string | undefined
      const failed = (cause: unknown): HttpResult =>
        late === undefined
          ? { kind: 'failed', problem: 'unreachable', detail: `${hostOf(request.url)}: ${describe(cause, request.url)}` }
          : { kind: 'failed', problem: 'deadline', detail: late }
      const settle = (result: HttpResult): void => {
        clearTimeout(timer)
        clearTimeout(quiet)
        signal?.removeEventListener('abort', giveUp)
        resolve(cleaned(result, request.exact === true))
      }
      const fail = (cause: unknown): void => settle(failed(cause))
      let outgoing: http.ClientRequest | undefined
      const giveUp = (): void => void outgoing?.destroy(new Error('the caller gave up'))
      const timer = setTimeout(() => {
        late = `no answer from ${hostOf(request.url)} within ${request.deadlineMs} ms`
        outgoing?.destroy(new Error('deadline'))
      }, request.deadlineMs)
      const quiet =
        quietMs === undefined
          ? undefined
          : setTimeout(() => {
              late = `nothing came from ${hostOf(request.url)} for ${quietMs} ms`
              outgoing?.destroy(new Error('quiet'))
            }, quietMs)
      try {
        outgoing = open(
          request,
          over,
          response => {
            const body = read(response, settle, fail)
            const { statusCode: status = 0, headers } = response
            if (quiet !== undefined) response.on('data', () => quiet.refresh())
            response.on('end', () => settle({ kind: 'response', status, headers, body: body(), sentAt, receivedAt: now() }))
            response.on('error', fail)
          },
          fail
        )
      } catch (cause) {
        return fail(cause)
      }
      if (signal?.aborted === true) giveUp()
      else signal?.addEventListener('abort', giveUp, { once: true })
    })
  }

  /** What the other side says may hold the credentials that it was sent. */
  function cleaned(result: HttpResult, exact: boolean): HttpResult {
    if (result.kind === 'failed') return { ...result, detail: scrub(result.detail) }
    const kept = exact && result.status >= 200 && result.status < 300
    return { ...result, headers: scrubbedCopy(result.headers, scrub), body: kept ? result.body : scrub(result.body) }
  }

  return {
    request(request, signal) {
      const maxBytes = request.maxBytes ?? DEFAULT_MAX_BYTES
      const read = (response: http.IncomingMessage, settle: (result: HttpResult) => void): (() => string) => {
        const chunks: Buffer[] = []
        let size = 0
        response.on('data', (chunk: Buffer) => {
          size += chunk.length
          if (size <= maxBytes) chunks.push(chunk)
          else {
            settle({ kind: 'failed', problem: 'too-large', detail: `${hostOf(request.url)} answered more than ${maxBytes} bytes` })
            response.destroy()
          }
        })
        return () => Buffer.concat(chunks).toString('utf8')
      }
      return exchange(request, signal, read, agents)
    },

    lines(request, onLine, signal) {
      // A watch does not end by itself. The deadline is for the whole watch, which is then opened anew.
      const { longestLine = Number.POSITIVE_INFINITY } = request
      const read = (response: http.IncomingMessage, _settle: unknown, fail: (cause: unknown) => void): (() => string) => {
        let rest = ''
        response.setEncoding('utf8')
        if (response.statusCode === 200) request.opened?.()
        response.on('data', (text: string) => {
          const parts = (rest + text).split('\n')
          rest = parts.pop() ?? ''
          if (response.statusCode !== 200) rest += parts.join('\n')
          else
            try {
              for (const line of parts) onLine(line)
            } catch (cause) {
              // A line that cannot be read ends the stream, but not the process.
              fail(cause)
              response.destroy()
            }
          if (rest.length <= longestLine) return
          fail(new Error(`a line of more than ${longestLine} characters`))
          response.destroy()
        })
        return () => rest
      }
      return exchange(request, signal, read, streams)
    },

    close() {
      agents.http.destroy()
      agents.https.destroy()
      streams.http.destroy()
      streams.https.destroy()
    }
  }
}

/** Names only the host in errors, because a path or query may hold a secret (Slack's webhook URLs do). */
function hostOf(url: string | RedactedUrl): string {
  if (typeof url !== 'string' && url.opaque) return url.told
  const href = typeof url === 'string' ? url : url.reveal()
  return URL.canParse(href) ? new URL(href).host : 'the configured URL'
}

function describe(cause: unknown, url: string | RedactedUrl): string {
  if (!(cause instanceof Error)) return String(cause)
  if (cause instanceof AggregateError && cause.errors.length > 0) return describe(cause.errors[0], url)
  // Messages of the network name the host and its address.
  if (typeof url !== 'string' && url.opaque) return 'code' in cause ? String(cause.code) : 'the connection broke'
  return cause.message === '' ? cause.name : cause.message
}
