import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { JsonObject } from '../../../src/base/json.ts'
import type { Message } from '../../../src/domain/message.ts'
import { email } from '../../../src/notify/email/email.ts'
import { sendMail } from '../../../src/notify/email/smtp.ts'
import { makeCertificates } from '../../support/certificates.ts'
import { channelTools, MESSAGE } from '../../support/channel-tools.ts'
import { startMailServer } from '../../support/channels/smtp.ts'

const soon = () => AbortSignal.timeout(10_000)

async function scene(t: Test, how: { readonly implicit: boolean; readonly startTls?: boolean }, more: JsonObject = {}) {
  const certificates = makeCertificates(mkdtempSync(join(tmpdir(), 'astern-mail-')))
  const server = await startMailServer(t, { certificates, ...how })
  const readFile = async (path: string) => (path === '/password' ? 'pa55word' : readFileSync(path, 'utf8').trim())
  const channel = email.open(
    {
      host: '127.0.0.1',
      port: server.port,
      tls: how.implicit ? 'implicit' : 'starttls',
      caFile: certificates.ca,
      username: 'astern',
      passwordFile: '/password',
      from: 'astern@example.org',
      to: ['one@example.org', 'two@example.org'],
      ...more
    },
    channelTools({ readFile, mail: sendMail })
  )
  return { server, channel }
}

const header = (source: string | undefined, name: string): string =>
  new RegExp(`^${name}: (.*(?:\\r\\n[ \\t].*)*)`, 'im').exec(source ?? '')?.[1]?.replaceAll(/\r\n[ \t]+/g, ' ') ?? ''

t.test('mail by STARTTLS and by TLS at once: to all, marked as made by a program, one thread an affair', async t => {
  for (const implicit of [false, true]) {
    const { server, channel } = await scene(t, { implicit })
    const first = await channel.send(MESSAGE, { revision: 1 }, soon())
    t.match(first, { kind: 'delivered', remember: { subject: MESSAGE.title } })
    const memory = first.kind === 'delivered' ? first.remember : undefined
    const over: Message = { ...MESSAGE, key: 'run-1/over', event: 'over', title: 'another title' }
    t.match(await channel.send(over, { revision: 1, ...(memory === undefined ? {} : { memory }) }, soon()), { kind: 'delivered' })
    const [one, two] = server.mails
    t.match(one, { secure: true, login: 'astern/pa55word' })
    t.equal(one?.to.length, 2)
    t.equal(header(one?.source, 'Subject'), MESSAGE.title)
    t.equal(header(one?.source, 'Auto-Submitted'), 'auto-generated')
    t.equal(header(one?.source, 'In-Reply-To'), '')
    t.equal(header(two?.source, 'Subject'), MESSAGE.title, 'programs thread by the subject')
    t.equal(header(two?.source, 'In-Reply-To'), header(one?.source, 'Message-ID'))
    t.equal(header(two?.source, 'References'), header(one?.source, 'Message-ID'))
    t.not(header(two?.source, 'Message-ID'), header(one?.source, 'Message-ID'))
  }
})

t.test('nothing goes out in plain text, or to a server that is not who it says', async t => {
  const { server, channel } = await scene(t, { implicit: false, startTls: false })
  t.match(await channel.send(MESSAGE, { revision: 1 }, soon()), { kind: 'failed' })
  t.same(server.mails, [])
  t.notOk(server.plain.includes('AUTH') || server.plain.includes('MAIL'), 'no password either')
  const unknown = await scene(t, { implicit: true }, { caFile: makeCertificates(mkdtempSync(join(tmpdir(), 'astern-other-'))).ca })
  t.match(await unknown.channel.send(MESSAGE, { revision: 1 }, soon()), { kind: 'failed', detail: /certificate|self.signed|issuer/i })
  t.same(unknown.server.mails, [])
})

t.test('a connection that breaks at the end of a mail: the same mail again, by its Message-ID', async t => {
  const { server, channel } = await scene(t, { implicit: true })
  server.answers.set('end', ['cut'])
  t.match(await channel.send(MESSAGE, { revision: 1 }, soon()), { kind: 'failed' })
  t.match(await channel.send(MESSAGE, { revision: 1 }, soon()), { kind: 'delivered' })
  t.equal(new Set(server.mails.map(({ source }) => header(source, 'Message-ID'))).size, 1)
})

// Reported of others: a server that says nothing held up the process, and its shutdown (nodemailer#1778).
t.test('a server that never answers is left when the sender gives up, and the same mail goes out again', async t => {
  const { server, channel } = await scene(t, { implicit: true })
  server.down = 'silent'
  const begun = performance.now()
  t.match(await channel.send(MESSAGE, { revision: 1 }, AbortSignal.timeout(1_000)), { kind: 'failed' })
  // Without it, nodemailer waits until the connection was quiet for ten seconds.
  t.ok(performance.now() - begun < 8_000, 'at once')
  server.down = undefined
  t.match(await channel.send(MESSAGE, { revision: 1 }, soon()), { kind: 'delivered' })
  t.equal(new Set(server.mails.map(({ source }) => header(source, 'Message-ID'))).size, 1)
})

t.test('4xx passes, 5xx is final, and a password that is not taken is mended by people', async t => {
  const { server, channel } = await scene(t, { implicit: true })
  server.answers.set('MAIL', ['451 later', '550 no'])
  server.answers.set('AUTH', ['235 yes', '235 yes', '535 no'])
  t.match(await channel.send(MESSAGE, { revision: 1 }, soon()), { kind: 'failed', detail: /451 later/ })
  t.match(await channel.send(MESSAGE, { revision: 1 }, soon()), { kind: 'refused', detail: /550 no/ })
  const denied = await channel.send(MESSAGE, { revision: 1 }, soon())
  t.match(denied, { kind: 'failed', detail: /535/ })
  t.notMatch(JSON.stringify(denied), /pa55word/)
})

t.test('an alert adds no header and no recipient', async t => {
  const { server, channel } = await scene(t, { implicit: true })
  const evil = 'x\r\nBcc: evil@example.org\r\n\r\n.\r\nMAIL FROM:<evil@example.org>'
  await channel.send({ ...MESSAGE, key: evil, title: evil, text: evil, labels: { alertname: evil } }, { revision: 1 }, soon())
  t.equal(server.mails.length, 1)
  const [head = ''] = server.mails[0]?.source.split('\r\n\r\n') ?? []
  t.notMatch(head, /^Bcc:/im)
  t.equal(server.mails[0]?.to.length, 2)
})

t.test('a user goes with a password', async t => {
  const settings = { host: 'h', from: 'a@b', to: ['c@d'] }
  t.same(email.check(settings), [])
  t.match(email.check({ ...settings, username: 'u' }), [{ message: 'username and passwordFile go together' }])
})
