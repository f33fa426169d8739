/** One request that an action makes. */
export interface HttpCall {
  /** Whom it is for: a pod's name, or the host. */
  readonly to: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: string
  readonly body?: string
  readonly contentType?: string
}

/** How a request is sent, besides what it says. */
export interface HttpSending {
  readonly headers: Readonly<Record<string, string>>
  readonly timeoutMs: number
}

/** The way out for requests of actions, with everything that keeps them from going where they must not (facts B.7). */
export interface ActionHttp {
  send(
    call: HttpCall,
    sending: HttpSending,
    signal: AbortSignal
  ): Promise<
    | { readonly kind: 'response'; readonly status: number; readonly body: string }
    /** `sent`: whether it may have got there. */
    | { readonly kind: 'failed'; readonly sent: boolean; readonly detail: string }
  >
}
