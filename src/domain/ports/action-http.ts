import type { RedactedUrl } from '../../base/redacted-url.ts'

/** One request that an action makes. */
export interface HttpCall {
  /** The name of who gets it, for people: a pod's name, or the host. */
  readonly to: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: string
  /** True where the URL's host is a pod's own address. Such a call stays where pods live. */
  readonly pod?: true
  readonly body?: string
  readonly contentType?: string
}

/** The same with a URL that may have come from a file, so that it is told to nobody. */
export type SentCall = Omit<HttpCall, 'url'> & { readonly url: string | RedactedUrl }

/** How a request is sent, besides what it says. */
export interface HttpSending {
  readonly headers: Readonly<Record<string, string>>
  readonly timeoutMs: number
}

/** Sends requests of actions, and refuses those that lead where no action may call (facts B.7). */
export interface ActionHttp {
  send(
    call: SentCall,
    sending: HttpSending,
    signal: AbortSignal
  ): Promise<
    | { readonly kind: 'response'; readonly status: number; readonly body: string }
    /** `sent`: whether the request may have arrived. */
    | { readonly kind: 'failed'; readonly sent: boolean; readonly detail: string }
  >
}
