import { lookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import type { ActionHttp } from '../domain/ports/action-http.ts'
import { mayCall } from './addresses.ts'
import { type GuardedClient, withBreaker } from './breaker.ts'
import type { HttpClient } from './http-client.ts'

/** The limit of an answer, bytes: more than any state of a breaker needs. A log file that answers by mistake is cut off. */
const MAX_BYTES = 1024 * 1024
/** How many hosts' breakers are kept. There is a limit because pods come and go. */
const KEPT_BREAKERS = 1_000

class ForbiddenAddress extends Error {}

/** Resolves a name for one request, and refuses forbidden addresses. It looks at each request, because a name may change. */
const guardedLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (cause, addresses) => {
    if (cause !== null) return callback(cause, '')
    const forbidden = addresses.find(({ address }) => !mayCall(address))
    if (forbidden !== undefined)
      return callback(new ForbiddenAddress(`${hostname} leads to ${forbidden.address}, which no action may call`), '')
    const [first] = addresses
    if (options.all === true || first === undefined) return callback(null, addresses)
    callback(null, first.address, first.family)
  })
}

/** Sends requests of actions: without redirects, to no forbidden address, with a deadline, and with a breaker for each host. */
export function createActionHttp(client: HttpClient): ActionHttp {
  const breakers = new Map<string, GuardedClient>()
  const breakerOf = (host: string): GuardedClient => {
    if (breakers.size >= KEPT_BREAKERS) breakers.clear()
    const found = breakers.get(host) ?? withBreaker(client, { name: host })
    breakers.set(host, found)
    return found
  }
  return {
    async send(call, { headers, timeoutMs }, signal) {
      const url = new URL(call.url)
      const host = url.hostname.replace(/^\[|\]$/g, '')
      if (isIP(host) !== 0 && !mayCall(host))
        return { kind: 'failed', sent: false, detail: `${host} is not an address that actions may call` }
      const result = await breakerOf(url.host).request(
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
          tls: { lookup: guardedLookup }
        },
        signal
      )
      if (result.kind === 'response') return { kind: 'response', status: result.status, body: result.body }
      // With an unresolved name or a refused connection nothing arrived. After any other failure the request may have arrived.
      const sent = !/ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|no action may call/.test(result.detail)
      return { kind: 'failed', sent: result.problem !== 'breaker-open' && sent, detail: result.detail }
    }
  }
}
