import http from 'node:http'
import https from 'node:https'

/** Why there is no usable response: a closed set. */
export type TransportProblem = 'deadline' | 'unreachable' | 'too-large' | 'breaker-open'

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Milliseconds until the whole response must be here. */
  readonly deadlineMs: number
  /** Bytes; default 16 MiB, more than any list of a namespace that Astern reads. */
  readonly maxBytes?: number
  /** TLS and agent options, as Kubernetes' kubeconfig gives them. */
  readonly tls?: https.RequestOptions
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
  /** Never throws for what the other side does. Redirects are not followed: they are answers like any other. */
  request(request: HttpRequest, signal?: AbortSignal): Promise<HttpResult>
  /** A response that goes on for long, line by line; resolves when it ends, rejects when it breaks. */
  lines(request: Omit<HttpRequest, 'body' | 'maxBytes'>, onLine: (line: string) => void, signal: AbortSignal): Promise<HttpResult>
  close(): void
}

const DEFAULT_MAX_BYTES = 16 * 1024 * 1024

/** The one HTTP client: keep-alive, a deadline on every call, a limit on every body. */
export function createHttpClient(now: () => number = Date.now): HttpClient {
  // 32 sockets a host: enough for a burst of runs, few enough not to flood a small Prometheus.
  const agents = { http: new http.Agent({ keepAlive: true, maxSockets: 32 }), https: new https.Agent({ keepAlive: true, maxSockets: 32 }) }

  /** @throws for a URL or a header that is none. Whatever happens later comes to `onError`, never before this returns. */
  function open(
    request: Omit<HttpRequest, 'deadlineMs'>,
    onResponse: (response: http.IncomingMessage) => void,
    onError: (cause: unknown) => void
  ): http.ClientRequest {
    const url = new URL(request.url)
    const secure = url.protocol === 'https:'
    const options: https.RequestOptions = {
      agent: secure ? agents.https : agents.http,
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
   * Ends the request at its deadline, or when the caller gives up. A timer that is taken back, and not `AbortSignal.timeout`:
   * that one holds on to the request and its answer until the time is up, which in a storm is hundreds of megabytes.
   */
  function exchange(
    request: HttpRequest | Omit<HttpRequest, 'body' | 'maxBytes'>,
    signal: AbortSignal | undefined,
    /** Reads the response, and answers its body when it has ended; or settles or fails before. */
    read: (response: http.IncomingMessage, settle: (result: HttpResult) => void, fail: (cause: unknown) => void) => () => string
  ): Promise<HttpResult> {
    const sentAt = now()
    return new Promise(resolve => {
      let late = false
      const failed = (cause: unknown): HttpResult =>
        late
          ? { kind: 'failed', problem: 'deadline', detail: `no answer from ${hostOf(request.url)} within ${request.deadlineMs} ms` }
          : { kind: 'failed', problem: 'unreachable', detail: `${hostOf(request.url)}: ${describe(cause)}` }
      const settle = (result: HttpResult): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', giveUp)
        resolve(result)
      }
      const fail = (cause: unknown): void => settle(failed(cause))
      let outgoing: http.ClientRequest | undefined
      const giveUp = (): void => void outgoing?.destroy(new Error('the caller gave up'))
      const timer = setTimeout(() => {
        late = true
        outgoing?.destroy(new Error('deadline'))
      }, request.deadlineMs)
      try {
        outgoing = open(
          request,
          response => {
            const body = read(response, settle, fail)
            const { statusCode: status = 0, headers } = response
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

  return {
    request(request, signal) {
      const maxBytes = request.maxBytes ?? DEFAULT_MAX_BYTES
      return exchange(request, signal, (response, settle) => {
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
      })
    },

    lines(request, onLine, signal) {
      // A watch has no end of its own; the deadline here is for the whole of it, after which it is opened anew.
      return exchange(request, signal, (response, _settle, fail) => {
        let rest = ''
        response.setEncoding('utf8')
        response.on('data', (text: string) => {
          const parts = (rest + text).split('\n')
          rest = parts.pop() ?? ''
          if (response.statusCode !== 200) rest += parts.join('\n')
          else
            try {
              for (const line of parts) onLine(line)
            } catch (cause) {
              // A line that cannot be read ends the stream, and not the process.
              fail(cause)
              response.destroy()
            }
        })
        return () => rest
      })
    },

    close() {
      agents.http.destroy()
      agents.https.destroy()
    }
  }
}

/** Only the host is ever told: a path or query may hold a secret (Slack's webhook URLs do). */
function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'the configured URL'
}

function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  if (cause instanceof AggregateError && cause.errors.length > 0) return describe(cause.errors[0])
  return cause.message === '' ? cause.name : cause.message
}
