import type { LookupAddress, LookupOptions } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import type { ActionHttp } from '../domain/ports/action-http.ts'
import { type AddressFacts, refusalOf } from './addresses.ts'
import { type GuardedClient, withBreaker } from './breaker.ts'
import type { HttpClient } from './http-client.ts'

/** The limit of an answer, bytes: more than any state of a breaker needs. A log file that answers by mistake is cut off. */
const MAX_BYTES = 1024 * 1024
/** How many hosts' breakers are kept. There is a limit because pods come and go. */
const KEPT_BREAKERS = 1_000
/** Why a URL of a file is not called, without the address that it leads to. */
const NOWHERE = 'leads to an address that actions may not call'

/** Whom actions may call, and how names become addresses. */
export interface ActionReach {
  /** Asked at each call, because interfaces and names change. */
  readonly facts: () => Promise<AddressFacts>
  /** Default: as the machine resolves names. */
  readonly resolve?: (hostname: string, options: LookupOptions) => Promise<readonly LookupAddress[]>
}

const resolveHere: NonNullable<ActionReach['resolve']> = (hostname, options) => lookup(hostname, { ...options, all: true })

/** Sends requests of actions: without redirects, to no forbidden address, with a deadline, and with a breaker for each host. */
export function createActionHttp(client: HttpClient, { facts, resolve = resolveHere }: ActionReach): ActionHttp {
  const breakers = new Map<string, GuardedClient>()
  // By what is told of the host: a breaker says its name, and that of a URL in a file must not be its host.
  const breakerOf = (told: string): GuardedClient => {
    if (breakers.size >= KEPT_BREAKERS) breakers.clear()
    const found = breakers.get(told) ?? withBreaker(client, { name: told })
    breakers.set(told, found)
    return found
  }
  return {
    async send(call, { headers, timeoutMs }, signal) {
      const opaque = typeof call.url !== 'string' && call.url.opaque
      const url = new URL(typeof call.url === 'string' ? call.url : call.url.reveal())
      const host = url.hostname.replace(/^\[|\]$/g, '')
      const port = Number(url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : url.port)
      const known = await facts()
      const refusal = (address: string): string | undefined => refusalOf({ address, port, pod: call.pod === true }, known)
      let refused = false
      // The name is resolved for this one connection, and the connection goes to the very addresses that were judged.
      const guardedLookup: LookupFunction = (hostname, options, callback) => {
        resolve(hostname, options).then(
          addresses => {
            const forbidden = addresses.map(({ address }) => refusal(address)).find(found => found !== undefined)
            refused = forbidden !== undefined
            if (forbidden !== undefined) return callback(new Error(`${hostname}: ${forbidden}`), '')
            const [first] = addresses
            if (options.all === true || first === undefined) return callback(null, [...addresses])
            callback(null, first.address, first.family)
          },
          (cause: NodeJS.ErrnoException) => callback(cause, '')
        )
      }
      const forbidden = isIP(host) === 0 ? undefined : refusal(host)
      const told = opaque ? String(call.url) : url.host
      if (forbidden !== undefined) return { kind: 'failed', sent: false, detail: opaque ? `${told} ${NOWHERE}` : forbidden }
      const result = await breakerOf(told).request(
        {
          method: call.method,
          url: call.url,
          headers: {
            'user-agent': 'astern',
            accept: 'application/json',
            ...(call.body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
            ...headers
          },
          ...(call.body === undefined ? {} : { body: call.body }),
          deadlineMs: timeoutMs,
          maxBytes: MAX_BYTES,
          // A connection of its own: one that another part keeps open to the same name was judged by nobody.
          tls: { lookup: guardedLookup, agent: false }
        },
        signal
      )
      if (result.kind === 'response') return { kind: 'response', status: result.status, body: result.body }
      // With an unresolved name or a refused connection nothing arrived. After any other failure the request may have arrived.
      const sent = !refused && !/ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH/.test(result.detail)
      if (refused && opaque) return { kind: 'failed', sent: false, detail: `${told} ${NOWHERE}` }
      return { kind: 'failed', sent: result.problem !== 'breaker-open' && sent, detail: result.detail }
    }
  }
}
