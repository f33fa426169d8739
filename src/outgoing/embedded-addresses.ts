import { isIP } from 'node:net'

/** An address in its one canonical form, with the IPv4 addresses that it leads to by some translation or tunnel. */
export interface ReadAddress {
  readonly address: string
  readonly family: 'ipv4' | 'ipv6'
  readonly embedded: readonly string[]
}

/**
 * Reads an IP address; undefined for anything else, an address with a zone (`fe80::1%eth0`) included. An IPv4 address that is written
 * as IPv6 (`::ffff:…`) is that IPv4 address, because the kernel takes it for one.
 */
export function readAddress(text: string): ReadAddress | undefined {
  const family = isIP(text)
  if (family === 4) return { address: text, family: 'ipv4', embedded: [] }
  if (family === 0 || text.includes('%')) return undefined
  // The URL parser knows every spelling of an IPv6 address, and writes one.
  const address = new URL(`http://[${text}]/`).hostname.slice(1, -1)
  const groups = groupsOf(address)
  const [high = 0, low = 0] = groups.slice(6)
  if (groups.slice(0, 5).every(isZero) && groups[5] === 0xffff) return { address: dotted(high, low), family: 'ipv4', embedded: [] }
  return { address, family: 'ipv6', embedded: embeddedIn(groups) }
}

/** The forms of RFC 4291, 6052, 2765, 3056, 4380 and 5214 that carry an IPv4 address. */
function embeddedIn(groups: readonly number[]): readonly string[] {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, high = 0, low = 0] = groups
  const last = dotted(high, low)
  const found: string[] = []
  // IPv4-compatible, `::a.b.c.d`. `::` and `::1` look like it, and are addresses of their own.
  if (groups.slice(0, 6).every(isZero) && (high !== 0 || low > 1)) found.push(last)
  // SIIT, `::ffff:0:a.b.c.d`.
  if (groups.slice(0, 4).every(isZero) && e === 0xffff && f === 0) found.push(last)
  // NAT64 by the well-known prefix, `64:ff9b::a.b.c.d`.
  if (a === 0x64 && b === 0xff9b && [c, d, e, f].every(isZero)) found.push(last)
  // 6to4, `2002:AABB:CCDD::`.
  if (a === 0x2002) found.push(dotted(b, c))
  // Teredo: the server, and the client with every bit turned over.
  if (a === 0x2001 && b === 0) found.push(dotted(c, d), dotted(high ^ 0xffff, low ^ 0xffff))
  // ISATAP: the interface's identifier is `0:5efe:a.b.c.d` or `200:5efe:a.b.c.d`.
  if ((e === 0 || e === 0x200) && f === 0x5efe) found.push(last)
  return found
}

/** The eight groups of an address in canonical form. */
function groupsOf(address: string): readonly number[] {
  const [head = '', tail = ''] = address.split('::')
  const read = (part: string): number[] => (part === '' ? [] : part.split(':').map(group => Number.parseInt(group, 16)))
  const left = read(head)
  const right = read(tail)
  return [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right]
}

function dotted(high: number, low: number): string {
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.')
}

function isZero(group: number): boolean {
  return group === 0
}
