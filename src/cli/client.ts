import { readFileSync } from 'node:fs'
import { isObject, type JsonObject, textAt } from '../base/json.ts'
import { createSecrets } from '../base/secrets.ts'
import { readClientSettings } from '../config.ts'
import { createHttpClient, type HttpRequest, type HttpResult } from '../outgoing/http-client.ts'
import { CommandError, EXIT } from './exit.ts'

export interface ClientFlags {
  readonly server?: string
  readonly tokenFile?: string
  readonly ca?: string
}

export interface ApiAnswer {
  readonly status: number
  readonly body: JsonObject
}

export interface ApiClient {
  /** @throws CommandError: 4 where the server cannot be reached, 2 where it refuses the request. */
  call(method: HttpRequest['method'], path: string, body?: unknown): Promise<ApiAnswer>
}

/** A server’s API, whose answers are looked at by the caller. Nothing that the server does makes it throw. */
export interface ApiConnection {
  /** Without a slash at its end. */
  readonly base: string
  send(
    request: { readonly method: HttpRequest['method']; readonly path: string; readonly body?: unknown },
    signal?: AbortSignal
  ): Promise<ApiReply>
  /** Hands over a stream of server-sent events line by line, until it ends or breaks, or nothing comes for `quietMs`. */
  events(path: string, onLine: (line: string) => void, signal: AbortSignal): Promise<ApiReply>
  close(): void
}

export type ApiReply = ({ readonly kind: 'answer' } & ApiAnswer) | { readonly kind: 'failed'; readonly detail: string }

/** A dry run may sample for twenty seconds before it answers. */
const DEADLINE_MS = 60_000
/** A stream is opened anew after so long, milliseconds. */
const STREAM_MS = 3_600_000
/** The server sends a comment every 15 s: without three of them it is taken for gone. */
const QUIET_MS = 45_000
/** The longest line of a stream that is read, characters. A guard takes a few thousand. */
const LONGEST_LINE = 4 * 1024 * 1024

/** Connects to the server that flags, or the environment, name. @throws ConfigError */
export function createApiConnection(flags: ClientFlags): ApiConnection {
  return connectTo({ ...readClientSettings(flags), ...(flags.ca === undefined ? {} : { ca: caOf(flags.ca) }) })
}

/** Connects to one server. */
export function connectTo({
  server,
  token,
  ca
}: {
  readonly server: string
  readonly token?: string
  readonly ca?: Buffer
}): ApiConnection {
  const base = server.replace(/\/+$/, '')
  const secrets = createSecrets()
  if (token !== undefined) secrets.know(token)
  const http = createHttpClient(Date.now, secrets.scrub)
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const tls = ca === undefined ? {} : { tls: { ca } }
  const replyOf = (result: HttpResult): ApiReply =>
    result.kind === 'failed'
      ? { kind: 'failed', detail: result.detail }
      : { kind: 'answer', status: result.status, body: parse(result.body) }
  return {
    base,
    async send({ method, path, body }, signal) {
      const result = await http.request(
        {
          method,
          url: base + path,
          headers: { accept: 'application/json', ...authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          deadlineMs: DEADLINE_MS,
          ...tls
        },
        signal
      )
      return replyOf(result)
    },
    async events(path, onLine, signal) {
      const headers = { accept: 'text/event-stream', ...authorization }
      const bounds = { deadlineMs: STREAM_MS, quietMs: QUIET_MS, longestLine: LONGEST_LINE }
      return replyOf(await http.lines({ method: 'GET', url: base + path, headers, ...bounds, ...tls }, onLine, signal))
    },
    close: () => http.close()
  }
}

export function createApiClient(flags: ClientFlags): ApiClient {
  const { server, token } = readClientSettings(flags)
  return {
    async call(method, path, body) {
      const connection = connectTo({
        server,
        ...(token === undefined ? {} : { token }),
        ...(flags.ca === undefined ? {} : { ca: caOf(flags.ca) })
      })
      const { base } = connection
      const reply = await connection.send({ method, path, ...(body === undefined ? {} : { body }) })
      connection.close()
      if (reply.kind === 'failed')
        throw new CommandError(
          EXIT.unreachable,
          `Astern at ${base} cannot be reached (${reply.detail}): is \`astern serve\` running there? Give another address with --server`
        )
      if (reply.status >= 200 && reply.status < 300) return reply
      const detail = textAt(reply.body, 'detail') ?? `it answered ${reply.status}`
      if (reply.status === 401) throw new CommandError(EXIT.usage, `${base}: ${detail} (--token-file FILE, or ASTERN_TOKEN_FILE)`)
      if (reply.status >= 500) throw new CommandError(EXIT.unreachable, `${base}: ${detail}`)
      throw new CommandError(EXIT.usage, `${base}: ${detail}`)
    }
  }
}

function caOf(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new CommandError(EXIT.usage, `--ca ${file} cannot be read`, { cause })
  }
}

function parse(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : {}
  } catch {
    return {}
  }
}
