import { BlockList, isIP } from 'node:net'

/**
 * The addresses that no action may call (promise 12): link-local ones, where clouds serve credentials; metadata services at other
 * addresses; Astern itself; and addresses that do not belong to one machine.
 */
const FORBIDDEN = new BlockList()
FORBIDDEN.addSubnet('169.254.0.0', 16, 'ipv4')
FORBIDDEN.addSubnet('fe80::', 10, 'ipv6')
// The metadata services of AWS over IPv6, of Alibaba and of Oracle.
FORBIDDEN.addAddress('fd00:ec2::254', 'ipv6')
FORBIDDEN.addAddress('100.100.100.200', 'ipv4')
FORBIDDEN.addAddress('192.0.0.192', 'ipv4')
FORBIDDEN.addAddress('127.0.0.1', 'ipv4')
FORBIDDEN.addAddress('::1', 'ipv6')
FORBIDDEN.addSubnet('0.0.0.0', 8, 'ipv4')
FORBIDDEN.addAddress('::', 'ipv6')
FORBIDDEN.addSubnet('224.0.0.0', 3, 'ipv4')
FORBIDDEN.addSubnet('ff00::', 8, 'ipv6')

/** Whether an action may call this IP address. An IPv4 address that is written as IPv6 is judged as the IPv4 address. */
export function mayCall(address: string): boolean {
  const family = isIP(address)
  if (family === 0) return false
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mayCall(mapped)
  return !FORBIDDEN.check(address, family === 4 ? 'ipv4' : 'ipv6')
}
