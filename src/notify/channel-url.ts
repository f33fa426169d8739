import { isIP } from 'node:net'
import { hasUserInfo, USER_INFO } from '../base/redacted-url.ts'

/** Says what is wrong with a URL of a policy that may be plain http; undefined where nothing is. */
export function urlFault(url: string): string | undefined {
  return hasUserInfo(url) ? USER_INFO : formFault(url)
}

function formFault(url: string): string | undefined {
  if (!URL.canParse(url)) return 'is not a URL'
  return ['https:', 'http:'].includes(new URL(url).protocol) ? undefined : 'must begin with https://'
}

/** The same for a URL that must be https, or http on loopback, so that the network cannot read what Astern tells people. */
export function secureUrlFault(url: string): string | undefined {
  return hasUserInfo(url) ? USER_INFO : secureFault(url)
}

/** The same for a URL that is the content of a file. Nobody is shown it, so that it may hold a user and a password. */
export function secureFault(url: string): string | undefined {
  const fault = formFault(url)
  if (fault !== undefined) return fault
  const { protocol, hostname } = new URL(url)
  // Only an address counts, and not a name that begins like one.
  const loopback = hostname === 'localhost' || hostname === '[::1]' || (isIP(hostname) === 4 && hostname.startsWith('127.'))
  return protocol === 'https:' || loopback ? undefined : 'must begin with https:// (http only on loopback)'
}
