import { parseExactly } from '../base/exact-json.ts'
import { isObject, type JsonObject, listAt, textAt } from '../base/json.ts'
import type { ApiStatus, Kube, KubeAnswer } from '../domain/ports/kube.ts'
import type { GuardedClient } from '../outgoing/breaker.ts'
import type { ClockOffset } from '../outgoing/clock-offset.ts'
import type { HttpClient, HttpRequest, HttpResult } from '../outgoing/http-client.ts'
import type { ClusterConnection } from './access.ts'

export interface KubeClient extends Kube {
  /** Hands over watch events, one JSON line each, until the stream ends. */
  watch(path: string, onEvent: (event: JsonObject) => void, signal: AbortSignal): Promise<KubeAnswer>
}

/** Deadline of one call. The API server's own limit for non-watch requests is 60 s, and a decision cannot wait that long. */
const DEADLINE_MS = 10_000
/** A watch is opened anew after this long, so that a dead connection is noticed. */
const WATCH_MS = 5 * 60_000

const METADATA_LIST = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'

interface Body {
  readonly type: string
  readonly value: unknown
}

export function createKubeClient(
  connection: ClusterConnection,
  client: HttpClient,
  guarded: GuardedClient,
  offset: ClockOffset
): KubeClient {
  async function call(
    method: HttpRequest['method'],
    path: string,
    signal: AbortSignal | undefined,
    { body, accept = 'application/json' }: { readonly body?: Body; readonly accept?: string } = {}
  ): Promise<KubeAnswer> {
    let tls: HttpRequest['tls']
    try {
      tls = await connection.options()
    } catch (cause) {
      return {
        kind: 'unreachable',
        detail: `the cluster's credentials cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`
      }
    }
    const result = await guarded.request(
      {
        method,
        url: connection.server + path,
        headers: { accept, 'user-agent': 'astern', ...(body === undefined ? {} : { 'content-type': body.type }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body.value) }),
        deadlineMs: DEADLINE_MS,
        exact: true,
        tls
      },
      signal
    )
    if (result.kind === 'response') offset.observe(result)
    return toAnswer(result)
  }

  return {
    get: (path, signal) => call('GET', path, signal),
    metadata: (path, signal) => call('GET', path, signal, { accept: METADATA_LIST }),
    // The content type is always set. Other clients guess it, and then send merge patches as JSON patches (facts B.0).
    jsonPatch: (path, operations, signal) =>
      call('PATCH', path, signal, { body: { type: 'application/json-patch+json', value: operations } }),
    post: (path, object, signal) => call('POST', path, signal, { body: { type: 'application/json', value: object } }),
    put: (path, object, signal) => call('PUT', path, signal, { body: { type: 'application/json', value: object } }),
    delete: (path, signal) => call('DELETE', path, signal),
    async watch(path, onEvent, signal) {
      const tls = await connection.options()
      const result = await client.lines(
        {
          method: 'GET',
          url: connection.server + path,
          headers: { accept: 'application/json', 'user-agent': 'astern' },
          deadlineMs: WATCH_MS,
          exact: true,
          tls
        },
        line => {
          if (line.trim() === '') return
          const event = parseEvent(line)
          if (isObject(event)) onEvent(event)
        },
        signal
      )
      return toAnswer(result)
    }
  }
}

/** @throws in words of our own: the parser's error quotes the line, which may be a template with a credential in it */
function parseEvent(line: string): unknown {
  try {
    return parseExactly(line)
  } catch {
    throw new Error('a watch event is not valid JSON')
  }
}

function toAnswer(result: HttpResult): KubeAnswer {
  if (result.kind === 'failed') return { kind: 'unreachable', detail: result.detail }
  let body: unknown
  try {
    body = result.body === '' ? {} : parseExactly(result.body)
  } catch {
    return { kind: 'error', status: result.status, detail: `${result.status} with a body that is not JSON` }
  }
  if (result.status >= 200 && result.status < 300 && isObject(body)) return { kind: 'ok', status: result.status, object: body }
  const says = textAt(body, 'kind') === 'Status' ? toStatus(body) : undefined
  return {
    kind: 'error',
    status: result.status,
    detail: [textAt(body, 'message') ?? `the API server answered ${result.status}`, ...budgetsIn(body)].join(' ').slice(0, 500),
    ...(says === undefined ? {} : { says }),
    ...(/^\d+$/.test(result.headers['retry-after'] ?? '') ? { retryAfterMs: Number(result.headers['retry-after']) * 1_000 } : {})
  }
}

function toStatus(body: unknown): ApiStatus {
  const reason = textAt(body, 'reason')
  const name = textAt(body, 'details', 'name')
  return {
    ...(reason === undefined ? {} : { reason }),
    ...(name === undefined ? {} : { name }),
    causes: listAt(body, 'details', 'causes').flatMap(cause => textAt(cause, 'reason') ?? [])
  }
}

/** What the disruption budgets say that keep a pod. Only there they are named. */
function budgetsIn(body: unknown): readonly string[] {
  return listAt(body, 'details', 'causes')
    .filter(cause => textAt(cause, 'reason') === 'DisruptionBudget')
    .flatMap(cause => textAt(cause, 'message') ?? [])
}
