import { once } from 'node:events'
import http from 'node:http'
import { networkInterfaces } from 'node:os'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { readConfig } from '../../../src/config.ts'
import { type ActionReach, createActionHttp } from '../../../src/outgoing/action-http.ts'
import { type AddressFacts, cidrFault, refusalOf } from '../../../src/outgoing/addresses.ts'
import { createHttpClient } from '../../../src/outgoing/http-client.ts'
import { createOwnAddresses } from '../../../src/outgoing/own-addresses.ts'
import { seeded } from '../../support/seed.ts'

const FACTS: AddressFacts = { own: [], listening: { host: '127.0.0.1', port: 8080 }, podCidrs: [] }

function refused(address: string, facts: Partial<AddressFacts> = {}, more: { readonly port?: number; readonly pod?: boolean } = {}) {
  return refusalOf({ address, port: 80, pod: false, ...more }, { ...FACTS, ...facts })
}

t.test('all of loopback is refused, and the metadata services of the large clouds', async t => {
  for (const address of [
    '127.0.0.1',
    '127.0.0.2',
    '127.10.20.30',
    '127.255.255.255',
    '::1',
    '0:0:0:0:0:0:0:1',
    '169.254.169.254',
    '169.254.170.2',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    'fd00:ec2::254',
    'FD00:EC2:0:0::0254',
    'fd20:ce::254',
    'fd00:c1::a9fe:a9fe',
    'fd00:100::100:200',
    'fd00:42::42',
    'fd00:a9fe:a9fe::1',
    'fe80::1',
    'fe80::1%eth0',
    '64:ff9b:1::a00:1',
    'nonsense'
  ])
    t.type(refused(address), 'string', address)
  for (const address of ['10.1.2.3', '100.64.1.2', '168.63.129.17', 'fd12::1', '2606:4700::1111'])
    t.equal(refused(address), undefined, address)
})

/** Every form that carries an IPv4 address. */
const FORMS: readonly (readonly [string, (high: string, low: string, turned: readonly [string, string]) => string])[] = [
  ['mapped', (high, low) => `::ffff:${high}:${low}`],
  ['mapped, written out', (high, low) => `0:0:0:0:0:ffff:${high}:${low}`],
  ['compatible', (high, low) => `::${high}:${low}`],
  ['SIIT', (high, low) => `::ffff:0:${high}:${low}`],
  ['NAT64', (high, low) => `64:ff9b::${high}:${low}`],
  ['6to4', (high, low) => `2002:${high}:${low}::1`],
  ['Teredo, the server', (high, low) => `2001:0:${high}:${low}:8000:0:fefe:fefe`],
  ['Teredo, the client', (_high, _low, [high, low]) => `2001:0:102:304:8000:0:${high}:${low}`],
  ['ISATAP', (high, low) => `2001:db8::5efe:${high}:${low}`],
  ['ISATAP of a global address', (high, low) => `2001:db8::200:5efe:${high}:${low}`]
]

function inForm([, form]: (typeof FORMS)[number], address: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number)
  const [high, low] = [a * 256 + b, c * 256 + d]
  const hex = (group: number): string => group.toString(16)
  return form(hex(high), hex(low), [hex(high ^ 0xffff), hex(low ^ 0xffff)])
}

t.test('every form that embeds an IPv4 address is judged by that address', async t => {
  for (const form of FORMS) {
    for (const address of ['127.0.0.1', '127.9.9.9', '169.254.169.254', '168.63.129.16', '100.100.100.200', '10.9.8.7', '224.0.0.9'])
      t.type(refused(inForm(form, address), { own: ['10.9.8.7'] }), 'string', `${form[0]} of ${address}`)
    t.equal(refused(inForm(form, '93.184.216.34')), undefined, `${form[0]} of a public address`)
  }
  const bytes = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)).map(list => list.join('.'))
  fc.assert(
    fc.property(fc.constantFrom(...FORMS), bytes, (form, address) => {
      if (refused(address) !== undefined) return refused(inForm(form, address)) !== undefined
      // Compatible `::0:x` and `::x` are addresses of their own kind: all others are judged the same.
      return refused(inForm(form, address)) === undefined
    }),
    { ...seeded(12), numRuns: 2_000 }
  )
})

t.test('our own addresses are refused: of interfaces, of the Service, and of where Astern listens', async t => {
  const own = await createOwnAddresses(['localhost', 'name.invalid'])()
  for (const { address } of Object.values(networkInterfaces()).flatMap(list => list ?? [])) t.ok(own.includes(address), address)
  t.match(refused('10.96.0.7', { own: ['10.96.0.7'] }), /Astern itself/)
  t.match(refused('fd12:0:0::7', { own: ['fd12::7'] }), /Astern itself/)
  t.equal(refused('10.96.0.8', { own: ['10.96.0.7'] }), undefined)
})

t.test('pods live in the CIDRs: calls to them go nowhere else, and loopback is open only where it is one', async t => {
  const podCidrs = ['10.244.0.0/16', 'fd12::/64', '127.10.0.0/16']
  t.equal(refused('10.244.3.4', { podCidrs }, { pod: true }), undefined)
  t.equal(refused('::ffff:10.244.3.4', { podCidrs }, { pod: true }), undefined)
  t.equal(refused('fd12::9', { podCidrs }, { pod: true }), undefined)
  t.equal(refused('127.10.0.9', { podCidrs }, { pod: true }), undefined)
  t.match(refused('10.245.3.4', { podCidrs }, { pod: true }), /not where pods live/)
  t.match(refused('64:ff9b::10.244.3.4', { podCidrs }, { pod: true }), /not where pods live/)
  t.equal(refused('10.245.3.4', { podCidrs }), undefined, 'a host that the policy names')
  t.match(refused('127.11.0.9', { podCidrs }), /loopback/)
  t.match(refused('64:ff9b::127.10.0.9', { podCidrs }), /loopback/)
  t.match(refused('127.10.0.9', { podCidrs: ['0.0.0.0/0', '64.0.0.0/2', '127.0.0.0/1'] }), /loopback/, 'not by carelessness')
  t.match(refused('169.254.1.1', { podCidrs: ['169.254.0.0/16'] }, { pod: true }), /may call/, 'link-local by no setting')
  const everywhere = { host: '0.0.0.0', port: 8080 }
  t.match(refused('127.10.0.9', { podCidrs, listening: everywhere }, { port: 8080 }), /loopback/, 'that would be Astern')
  t.equal(refused('127.10.0.9', { podCidrs, listening: everywhere }, { port: 8081 }), undefined)
  t.match(refused('127.10.0.9', { podCidrs, listening: { host: '127.10.0.9', port: 8080 } }, { port: 8080 }), /loopback/)
})

t.test('settings: CIDRs and own names, checked at the start', async t => {
  t.match(readConfig({}, { ASTERN_POD_CIDRS: '10.0.0.0/8, fd12::/48', ASTERN_OWN_HOSTS: 'astern.ops.svc' }), {
    podCidrs: ['10.0.0.0/8', 'fd12::/48'],
    ownHosts: ['astern.ops.svc']
  })
  t.match(readConfig({ podCidr: ['10.1.0.0/16'] }, { ASTERN_POD_CIDRS: '10.0.0.0/8' }), { podCidrs: ['10.1.0.0/16'] })
  for (const cidr of ['10.0.0.0', '10.0.0.0/33', '10.0.0/8', 'fe80::1%eth0/64', 'fd12::/129', '10.0.0.0/8/8', '/8', '10.0.0.0/-1'])
    t.throws(() => readConfig({ podCidr: [cidr] }, {}), /--pod-cidr: .* is not a CIDR/, cidr)
  t.equal(cidrFault('0.0.0.0/0'), undefined)
})

async function serve(t: Test, host: string): Promise<{ readonly port: number; readonly calls: string[] }> {
  const calls: string[] = []
  const server = http.createServer((request, response) => {
    calls.push(`${request.method} ${request.url}`)
    response.end('{}')
  })
  server.listen(0, host)
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  return { port: address === null || typeof address === 'string' ? 0 : address.port, calls }
}

function caller(t: Test, reach: Partial<ActionReach>, facts: Partial<AddressFacts> = {}) {
  const client = createHttpClient()
  t.teardown(() => client.close())
  const actions = createActionHttp(client, { facts: async () => ({ ...FACTS, ...facts }), ...reach })
  const get = (url: string) =>
    actions.send({ to: 'it', method: 'GET', url }, { headers: {}, timeoutMs: 2_000 }, new AbortController().signal)
  return { client, get }
}

t.test('a name is judged by what it leads to at this very connection: rebinding it does not help', async t => {
  const { port, calls } = await serve(t, '127.44.0.1')
  const answers = ['127.44.0.1', '169.254.169.254', '::ffff:a9fe:a9fe', '127.0.0.1']
  const { get } = caller(
    t,
    { resolve: async () => [answers.shift() ?? ''].map(address => ({ address, family: address.includes(':') ? 6 : 4 })) },
    { podCidrs: ['127.44.0.0/16'] }
  )

  t.match(await get(`http://cache.example:${port}/`), { kind: 'response', status: 200 })
  for (let time = 0; time < 3; time += 1)
    t.match(await get(`http://cache.example:${port}/`), { kind: 'failed', sent: false, detail: /may call/ })
  t.same(calls, ['GET /'])
})

t.test('one forbidden address among several is enough', async t => {
  const { port, calls } = await serve(t, '127.44.0.2')
  const addresses = ['127.44.0.2', '127.0.0.1'].map(address => ({ address, family: 4 }))
  const { get } = caller(t, { resolve: async () => addresses }, { podCidrs: ['127.44.0.0/16'] })
  t.match(await get(`http://cache.example:${port}/`), { kind: 'failed', sent: false })
  t.same(calls, [])
})

t.test('a connection that another part keeps open to the same name is not used', async t => {
  const { port, calls } = await serve(t, '127.0.0.1')
  const { client, get } = caller(t, {})
  t.match(await client.request({ method: 'GET', url: `http://localhost:${port}/query`, deadlineMs: 2_000 }), { kind: 'response' })

  t.match(await get(`http://localhost:${port}/-/quit`), { kind: 'failed', sent: false, detail: /loopback/ })

  t.same(calls, ['GET /query'])
})

t.test('an address that the URL names is judged before anything is sent, however it is written', async t => {
  const { port, calls } = await serve(t, '127.0.0.1')
  const { get } = caller(t, {})
  for (const host of [
    '127.0.0.1',
    '127.1',
    '0x7f000001',
    '2130706433',
    '017700000001',
    '127.0.0.1.',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]'
  ])
    t.match(await get(`http://${host}:${port}/`), { kind: 'failed', sent: false }, host)
  t.same(calls, [])
})
