import { parseExactly } from '../base/exact-json.ts'
import { isObject, type JsonObject, listAt, textAt } from '../base/json.ts'
import type { ApiStatus, Kube, KubeAnswer } from '../domain/ports/kube.ts'
import type { GuardedClient } from '../outgoing/breaker.ts'
import type { ClockOffset } from '../outgoing/clock-offset.ts'
import type { HttpClient, HttpRequest, HttpResult } from '../outgoing/http-client.ts'
import type { ClusterConnection } from './access.ts'
import { warningsIn } from './warnings.ts'

export interface KubeClient extends Kube {
  /** Reads one page of a long list for the watch: with time, and past the breaker, so that no decision suffers where it fails. */
  page(path: string, signal: AbortSignal): Promise<KubeAnswer>
  /** Hands over watch events, one JSON line each, until the stream ends. */
  watch(path: string, onEvent: (event: JsonObject) => void, signal: AbortSignal, opened?: () => void): Promise<KubeAnswer>
}

/** Deadline of one call. The API server's own limit for non-watch requests is 60 s, and a decision cannot wait that long. */
const DEADLINE_MS = 10_000
/** The API server's own limit for requests that are no watch. */
const PAGE_DEADLINE_MS = 60_000
/** Longer than any watch is asked to live (watcher.ts), because the server ends a watch properly, with a bookmark. */
const WATCH_DEADLINE_MS = 11 * 60_000
/** A bookmark comes about each minute (facts G). A connection that is silent for longer is dead, and TCP would not tell for hours. */
const QUIET_MS = 150_000

const METADATA_LIST = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'
const METADATA = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1'

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
  type Sent = Pick<HttpRequest, 'tls'> | { readonly kind: 'unreachable'; readonly detail: string }
  async function credentials(): Promise<Sent> {
    try {
      return { tls: await connection.options() }
    } catch (cause) {
      return {
        kind: 'unreachable',
        detail: `the cluster's credentials cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`
      }
    }
  }

  async function call(
    method: HttpRequest['method'],
    path: string,
    signal: AbortSignal | undefined,
    {
      body,
      accept = 'application/json',
      patient = false
    }: { readonly body?: Body; readonly accept?: string; readonly patient?: boolean } = {}
  ): Promise<KubeAnswer> {
    const sent = await credentials()
    if ('kind' in sent) return sent
    const result = await (patient ? client : guarded).request(
      {
        method,
        url: connection.server + path,
        headers: { accept, 'user-agent': 'astern', ...(body === undefined ? {} : { 'content-type': body.type }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body.value) }),
        deadlineMs: patient ? PAGE_DEADLINE_MS : DEADLINE_MS,
        exact: true,
        ...sent
      },
      signal
    )
    if (result.kind === 'response') offset.observe(result)
    return toAnswer(result, { patient })
  }

  return {
    get: (path, signal) => call('GET', path, signal),
    metadata: (path, signal) => call('GET', path, signal, { accept: METADATA_LIST }),
    metadataOf: (path, signal) => call('GET', path, signal, { accept: METADATA }),
    // The content type is always set. Other clients guess it, and then send merge patches as JSON patches (facts B.0).
    jsonPatch: (path, operations, signal) =>
      call('PATCH', path, signal, { body: { type: 'application/json-patch+json', value: operations } }),
    post: (path, object, signal) => call('POST', path, signal, { body: { type: 'application/json', value: object } }),
    put: (path, object, signal) => call('PUT', path, signal, { body: { type: 'application/json', value: object } }),
    delete: (path, signal) => call('DELETE', path, signal),
    page: (path, signal) => call('GET', path, signal, { patient: true }),
    async watch(path, onEvent, signal, opened) {
      const sent = await credentials()
      if ('kind' in sent) return sent
      const result = await client.lines(
        {
          method: 'GET',
          url: connection.server + path,
          headers: { accept: 'application/json', 'user-agent': 'astern' },
          deadlineMs: WATCH_DEADLINE_MS,
          quietMs: QUIET_MS,
          exact: true,
          ...(opened === undefined ? {} : { opened }),
          ...sent
        },
        line => {
          if (line.trim() === '') return
          const event = parseEvent(line)
          if (isObject(event)) onEvent(event)
        },
        signal
      )
      return toAnswer(result, { patient: true })
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

function toAnswer(result: HttpResult, { patient }: { readonly patient: boolean }): KubeAnswer {
  if (result.kind === 'failed') {
    const { problem, detail } = result
    // A decision does not wait again for a shorter answer, because a server that is away does not give that one either.
    return { kind: 'unreachable', detail, ...(problem === 'too-large' || (problem === 'deadline' && patient) ? { problem } : {}) }
  }
  let body: unknown
  try {
    body = result.body === '' ? {} : parseExactly(result.body)
  } catch {
    return { kind: 'error', status: result.status, detail: `${result.status} with a body that is not JSON` }
  }
  if (result.status >= 200 && result.status < 300 && isObject(body)) {
    const warnings = warningsIn(result.headers['warning'])
    return { kind: 'ok', status: result.status, object: body, ...(warnings.length === 0 ? {} : { warnings }) }
  }
  const goOn = textAt(body, 'metadata', 'continue') ?? ''
  const says = textAt(body, 'kind') === 'Status' ? toStatus(body) : undefined
  return {
    kind: 'error',
    status: result.status,
    ...(goOn === '' ? {} : { goOn }),
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
