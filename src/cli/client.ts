import { readFileSync } from 'node:fs'
import { isObject, type JsonObject, textAt } from '../base/json.ts'
import { createSecrets } from '../base/secrets.ts'
import { readClientSettings } from '../config.ts'
import { createHttpClient, type HttpRequest } from '../outgoing/http-client.ts'
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

/** A dry run may sample for twenty seconds before it answers. */
const DEADLINE_MS = 60_000

export function createApiClient(flags: ClientFlags): ApiClient {
  const { server, token } = readClientSettings(flags)
  const base = server.replace(/\/+$/, '')
  const secrets = createSecrets()
  if (token !== undefined) secrets.know(token)
  return {
    async call(method, path, body) {
      const http = createHttpClient(Date.now, secrets.scrub)
      const result = await http.request({
        method,
        url: base + path,
        headers: {
          accept: 'application/json',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' })
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        deadlineMs: DEADLINE_MS,
        ...(flags.ca === undefined ? {} : { tls: { ca: readFileSync(flags.ca) } })
      })
      http.close()
      if (result.kind === 'failed')
        throw new CommandError(
          EXIT.unreachable,
          `Astern at ${base} cannot be reached (${result.detail}): is \`astern serve\` running there? Give another address with --server`
        )
      const parsed = parse(result.body)
      if (result.status >= 200 && result.status < 300) return { status: result.status, body: parsed }
      const detail = textAt(parsed, 'detail') ?? `it answered ${result.status}`
      if (result.status === 401) throw new CommandError(EXIT.usage, `${base}: ${detail} (--token-file FILE, or ASTERN_TOKEN_FILE)`)
      if (result.status >= 500) throw new CommandError(EXIT.unreachable, `${base}: ${detail}`)
      throw new CommandError(EXIT.usage, `${base}: ${detail}`)
    }
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
