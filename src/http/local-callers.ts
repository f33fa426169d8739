import { isIP } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { HttpProblem } from './http-problem.ts'

/** How much of a header that somebody else wrote is quoted back, characters. */
const QUOTED = 100

/**
 * Lets in only programs of this machine, and pages that Astern itself serves, where no token tells who calls. A browser on this
 * machine reaches the loopback interface on behalf of any page, so three headers are looked at that a page cannot set: `Host` holds
 * off DNS rebinding, after which a foreign page is same-origin with Astern; `Origin` and `Sec-Fetch-Site` hold off the others; and
 * the content type keeps out what a page may send without asking first.
 * @param allowed names that lead here besides those of the loopback interface, as they stand in `Host`
 */
export function guardLocalCallers(server: FastifyInstance, allowed: readonly string[]): void {
  const names = new Set(allowed.map(name => name.toLowerCase()))
  server.addHook('onRequest', async request => {
    const host = checkHost(request, names)
    checkOrigin(request, ownOrigins(request, host, names))
    checkFetchSite(request)
    checkContentType(request)
  })
}

/** @throws HttpProblem 421 where the name is not one of ours */
function checkHost(request: FastifyRequest, allowed: ReadonlySet<string>): string {
  const given = request.raw.headersDistinct['host'] ?? []
  const [host = ''] = given
  const name = host.toLowerCase()
  if (given.length === 1 && (allowed.has(name) || isLoopback(name, request))) return name
  const own = request.raw.socket.localPort
  throw new HttpProblem(
    421,
    'Not for this server',
    `Host is ${quoted(given.join(', '))}; without tokens Astern answers only to a loopback name with its own port, such as 127.0.0.1:${own}, because a web page may have led a browser here. Where a port is forwarded, or a proxy stands in front, allow its name: --allow-host HOST[:PORT], or ASTERN_ALLOW_HOSTS`
  )
}

/** Whether it is a name of the loopback interface, with the port on which this request came in. A default port may be left out. */
function isLoopback(host: string, request: FastifyRequest): boolean {
  const { localPort } = request.raw.socket
  const found = /^(localhost|\[::1\]|127\.[\d.]+)(?::(\d+))?$/.exec(host)
  if (found === null) return false
  const [, name = '', port] = found
  if (name.startsWith('127.') && isIP(name) !== 4) return false
  return port === undefined ? localPort === (request.protocol === 'https' ? 443 : 80) : port === String(localPort)
}

/** A proxy that is allowed by its name may speak TLS in front of Astern, so its pages may have either scheme. */
function ownOrigins(request: FastifyRequest, host: string, allowed: ReadonlySet<string>): readonly string[] {
  return allowed.has(host) ? [`http://${host}`, `https://${host}`] : [`${request.protocol}://${host}`]
}

/** @throws HttpProblem 403 for a page of somebody else, a sandboxed one (`null`) included */
function checkOrigin(request: FastifyRequest, own: readonly string[]): void {
  const given = request.raw.headersDistinct['origin']
  if (given === undefined || (given.length === 1 && own.includes(given[0]?.toLowerCase() ?? ''))) return
  throw new HttpProblem(403, 'Not allowed', `Origin is ${quoted(given.join(', '))}: without tokens no foreign web page may call Astern`)
}

/** `none` is an address that a person typed, or a bookmark. @throws HttpProblem 403 */
function checkFetchSite(request: FastifyRequest): void {
  const given = request.raw.headersDistinct['sec-fetch-site']
  if (given === undefined) return
  const site = given.join(', ')
  if (site === 'same-origin' || (site === 'none' && request.method === 'GET')) return
  throw new HttpProblem(403, 'Not allowed', `Sec-Fetch-Site is ${quoted(site)}: without tokens no foreign web page may call Astern`)
}

/** Any page may send the other types without a question in advance. @throws HttpProblem 415 */
function checkContentType(request: FastifyRequest): void {
  if (request.method === 'GET' || request.method === 'HEAD') return
  const { 'content-type': type, 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers
  if (type === undefined && length === '0' && encoding === undefined) return
  const [essence = ''] = (type ?? '').split(';')
  if (essence.trim().toLowerCase() === 'application/json') return
  throw new HttpProblem(
    415,
    'Unsupported media type',
    `without tokens, what is sent must be application/json, and not ${quoted(type ?? '')}`
  )
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, QUOTED))
}
