import type { GuardedClient } from '../outgoing/breaker.ts'
import type { HttpRequest, HttpResult } from '../outgoing/http-client.ts'

/** Certificates and a key, as PEM. */
export interface TlsMaterial {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/** How a source is reached: the same for every source. */
export interface SourceAccess {
  /** Its base URL. */
  readonly url: string
  readonly client: GuardedClient
  /** Deadline of one call, milliseconds. */
  readonly timeoutMs?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Reads the credential for the header of that name; asked at each call, because tokens are rotated. */
  readonly authorization?: () => Promise<string>
  /** Reads the certificates; asked at each call, for the same reason. */
  readonly tls?: () => Promise<TlsMaterial>
}

export interface SourceQuestion extends Pick<HttpRequest, 'method' | 'exact'> {
  /** Begins with a slash; goes behind the base URL. */
  readonly path: string
  /** Sent as a form. */
  readonly form?: Readonly<Record<string, string>>
}

/** Asks a source one question. Never throws for what the source does, nor for files that cannot be read. */
export type AskSource = (question: SourceQuestion, signal?: AbortSignal) => Promise<HttpResult>

/** @param defaultTimeoutMs the deadline where the access names none */
export function sourceAsking(access: SourceAccess, defaultTimeoutMs: number): AskSource {
  const base = access.url.replace(/\/+$/, '')
  return async ({ method, path, form, exact }, signal) => {
    let own: { readonly authorization: string | undefined; readonly tls: TlsMaterial | undefined }
    try {
      const [authorization, tls] = await Promise.all([access.authorization?.(), access.tls?.()])
      own = { authorization, tls }
    } catch (cause) {
      const detail = `its credentials cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`
      return { kind: 'failed', problem: 'unreachable', detail }
    }
    return access.client.request(
      {
        method,
        url: base + path,
        headers: {
          accept: 'application/json',
          ...access.headers,
          ...(own.authorization === undefined ? {} : { authorization: own.authorization }),
          ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' })
        },
        ...(form === undefined ? {} : { body: new URLSearchParams(form).toString() }),
        ...(exact === undefined ? {} : { exact }),
        deadlineMs: access.timeoutMs ?? defaultTimeoutMs,
        ...(own.tls === undefined ? {} : { tls: own.tls })
      },
      signal
    )
  }
}
