import { BlockList, isIP } from 'node:net'
import { type ReadAddress, readAddress } from './embedded-addresses.ts'

/**
 * The addresses that no action may call, wherever pods live (promise 12): link-local ones, where clouds serve credentials; metadata
 * services at other addresses; and addresses that do not belong to one machine.
 */
const FORBIDDEN = new BlockList()
FORBIDDEN.addSubnet('169.254.0.0', 16, 'ipv4')
FORBIDDEN.addSubnet('fe80::', 10, 'ipv6')
// The metadata services of AWS, Google, Oracle, Alibaba, Scaleway and Linode over IPv6.
for (const address of [
  'fd00:ec2::254',
  'fd00:ec2::23',
  'fd20:ce::254',
  'fd00:c1::a9fe:a9fe',
  'fd00:100::100:200',
  'fd00:42::42',
  'fd00:a9fe:a9fe::1'
])
  FORBIDDEN.addAddress(address, 'ipv6')
// Those of Alibaba, Azure and Oracle (classic) over IPv4, where they are not link-local.
for (const address of ['100.100.100.200', '168.63.129.16', '192.0.0.192']) FORBIDDEN.addAddress(address, 'ipv4')
FORBIDDEN.addSubnet('0.0.0.0', 8, 'ipv4')
FORBIDDEN.addAddress('::', 'ipv6')
FORBIDDEN.addSubnet('224.0.0.0', 3, 'ipv4')
FORBIDDEN.addSubnet('ff00::', 8, 'ipv6')
// A NAT64 prefix of the network's own (RFC 8215). Nobody but the network knows where the IPv4 address stands in it.
FORBIDDEN.addSubnet('64:ff9b:1::', 48, 'ipv6')

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/** What is known of this process and its network when a call is judged. */
export interface AddressFacts {
  /** The addresses that lead to Astern itself: of its interfaces, of its Service. */
  readonly own: readonly string[]
  /** Where Astern listens. */
  readonly listening: { readonly host: string; readonly port: number }
  /** Where pods live, as CIDRs; none: it is not known. */
  readonly podCidrs: readonly string[]
}

export interface CalledAddress {
  readonly address: string
  readonly port: number
  /** True for a call to a pod by its own address. */
  readonly pod: boolean
}

/** Says why an action may not call an address; undefined where it may. An embedded IPv4 address is judged like the address itself. */
export function refusalOf(called: CalledAddress, facts: AddressFacts): string | undefined {
  const read = readAddress(called.address)
  if (read === undefined) return `${called.address} is not an address that actions may call`
  const own = facts.own.map(address => readAddress(address)?.address ?? address)
  const judged: readonly ReadAddress[] = [read, ...read.embedded.map((address): ReadAddress => ({ address, family: 'ipv4', embedded: [] }))]
  for (const one of judged) {
    if (own.includes(one.address)) return `${called.address} leads to Astern itself`
    if (contains(FORBIDDEN, one)) return `${called.address} is not an address that actions may call`
    if (contains(LOOPBACK, one) && (one !== read || !podsOnLoopback(read, called.port, facts)))
      return `${called.address} is loopback, which actions may call only where --pod-cidr says that pods live there`
  }
  if (called.pod && facts.podCidrs.length > 0 && !facts.podCidrs.some(cidr => contains(blockOf(cidr), read)))
    return `${called.address} is not where pods live (--pod-cidr)`
  return undefined
}

/** A CIDR opens loopback only if it lies in it, so that a careless 0.0.0.0/0 does not. Our own port stays shut. */
function podsOnLoopback(read: ReadAddress, port: number, { podCidrs, listening }: AddressFacts): boolean {
  const everywhere = listening.host === '0.0.0.0' || listening.host === '::'
  if (port === listening.port && (everywhere || readAddress(listening.host)?.address === read.address)) return false
  return podCidrs.some(cidr => contains(LOOPBACK, networkOf(cidr)) && prefixOf(cidr) >= 8 && contains(blockOf(cidr), read))
}

/** Says what is wrong with a CIDR such as `10.244.0.0/16`; undefined where nothing is. */
export function cidrFault(cidr: string): string | undefined {
  const [network = '', prefix = '', ...more] = cidr.split('/')
  const bits = isIP(network) === 4 ? 32 : 128
  return isIP(network) === 0 || network.includes('%') || more.length > 0 || !/^\d{1,3}$/.test(prefix) || Number(prefix) > bits
    ? `${cidr} is not a CIDR, such as 10.244.0.0/16`
    : undefined
}

function networkOf(cidr: string): ReadAddress {
  const network = cidr.split('/')[0] ?? ''
  const read = readAddress(network)
  if (read === undefined) throw new Error(`the CIDR ${cidr} was not checked at load`)
  return read
}

function prefixOf(cidr: string): number {
  return Number(cidr.split('/')[1])
}

function blockOf(cidr: string): BlockList {
  const network = cidr.split('/')[0] ?? ''
  const block = new BlockList()
  block.addSubnet(network, prefixOf(cidr), isIP(network) === 4 ? 'ipv4' : 'ipv6')
  return block
}

function contains(block: BlockList, { address, family }: ReadAddress): boolean {
  return block.check(address, family)
}
