import { isIP } from 'node:net'

/** What is wrong with a URL that may be plain http; undefined where nothing is. */
export function urlFault(url: string): string | undefined {
  if (!URL.canParse(url)) return 'is not a URL'
  return ['https:', 'http:'].includes(new URL(url).protocol) ? undefined : 'must begin with https://'
}

/** The same for a URL that must not be: what Astern tells people is not for the whole network to read. https, or http on loopback. */
export function secureUrlFault(url: string): string | undefined {
  const fault = urlFault(url)
  if (fault !== undefined) return fault
  const { protocol, hostname } = new URL(url)
  // An address, and not a name that only begins like one.
  const loopback = hostname === 'localhost' || hostname === '[::1]' || (isIP(hostname) === 4 && hostname.startsWith('127.'))
  return protocol === 'https:' || loopback ? undefined : 'must begin with https:// (http only on loopback)'
}
