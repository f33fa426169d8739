import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createHandOver } from '../../../src/app/hand-over.ts'
import { createSlackAnswers } from '../../../src/app/slack-answers.ts'
import { MINUTE } from '../../../src/base/clock.ts'
import type { JsonObject } from '../../../src/base/json.ts'
import type { HandOverResult } from '../../../src/domain/hand-over.ts'
import type { Person } from '../../../src/domain/person.ts'
import { slack } from '../../../src/notify/slack/slack.ts'
import { createHttpClient } from '../../../src/outgoing/http-client.ts'
import { StoryClock } from '../../support/bench.ts'
import { answering, channelTools } from '../../support/channel-tools.ts'
import { messageOf, withRun } from '../../support/ledger-fixture.ts'
import { ledgerFolder, openLedger } from '../../support/open-ledger.ts'
import { slackImitation } from '../../support/people-imitation.ts'
import { open } from '../../support/server-fixture.ts'
import { formOf, pressOf, SECRET, signedBy } from '../../support/slack-press.ts'
import { NOON } from '../../support/workloads.ts'

const ADA: Person = { slack: 'T0/UADA', name: 'Ada', role: 'operator' }
const BOB: Person = { slack: 'T0/UBOB', name: 'Bob', role: 'approver' }
const VIC: Person = { slack: 'T0/UVIC', name: 'Vic', role: 'viewer' }
const by = (user: string): JsonObject => ({ user: { id: user, team_id: 'T0' } })

/** A run whose call for people stands in a Slack channel, and what takes the answers. */
async function scene(t: Test, more: Partial<Pick<Parameters<typeof createSlackAnswers>[0], 'handOver' | 'patience'>> = {}) {
  const server = await slackImitation(t)
  const folder = ledgerFolder(t)
  const ledger = await openLedger(t, { folder })
  const clock = new StoryClock(NOON)
  const http = createHttpClient()
  t.teardown(() => http.close())
  const settings = { tokenFile: '/token', channel: '#api-incidents', apiUrl: server.origin, answers: { signingSecretFile: '/secret' } }
  const readFile = async (path: string): Promise<string> => (path === '/secret' ? SECRET : 'xoxb-token')
  const channel = slack.open(settings, channelTools({ http, readFile, clock }))
  const incident = await withRun(ledger)
  const [claimed] = await ledger.claimDue('one', NOON, MINUTE, 10)
  if (claimed === undefined) throw new Error('nothing was due')
  const message = messageOf({
    key: 'first',
    channel: 'slack',
    event: 'acted',
    subject: { kind: 'run', id: 'run-A' },
    incidentId: incident.id
  })
  await ledger.save(claimed.claim, { change: {}, audit: [], messages: [message], release: true }, NOON)
  async function send(): Promise<void> {
    for (const queued of await ledger.claimMessages(clock.now(), clock.now() + MINUTE, 10)) {
      const { revision, memory } = queued
      const sending = { revision, ...(memory === undefined ? {} : { memory }) }
      const result = await channel.send(queued.message, sending, AbortSignal.timeout(5_000))
      await ledger.messageSent(queued, result, clock.now(), clock.now())
    }
  }
  await send()
  const replies = answering(200, 'ok')
  const results: string[] = []
  const lines: unknown[] = []
  const answers = createSlackAnswers({
    ledger,
    clock,
    tools: { http: replies.http, readFile },
    // The app posts in another channel, too, and Slack calls one address for both.
    configured: () => ({
      channels: { slack: { kind: 'slack', settings }, elsewhere: { kind: 'slack', settings: { ...settings, channel: '#other' } } },
      people: [ADA, BOB, VIC]
    }),
    handOver: createHandOver({ ledger, clock, channels: () => ['slack'], recorder: { info: () => {} }, kick: () => {} }),
    metrics: { answered: result => results.push(result) },
    logger: { info: () => {}, warn: (line: unknown) => void lines.push(line) },
    ...more
  })
  const callback = (body: string, at = clock.now()) => ({ channel: 'slack', ...signedBy(SECRET, body, at), body: Buffer.from(body) })
  return {
    ...{ server, ledger, clock, answers, results, lines, callback, send },
    press: (more: JsonObject = {}, action: JsonObject = {}, channel = 'slack') => {
      clock.tick(1_000)
      return answers.take({ ...callback(formOf(pressOf(more, action))), channel })
    },
    told: () => replies.requests.map(({ body }) => String((JSON.parse(body ?? '{}') as JsonObject)['text']))
  }
}

t.test('I’ve got this: the ledger has it before Slack is answered, and the message shows who it is, without buttons', async t => {
  const { server, ledger, press, results, send, told } = await scene(t)
  const [first] = [...server.texts.values()]
  t.match(JSON.stringify(first), /astern.take.*astern.stop/)
  t.same(await press(), { kind: 'done' })
  t.match(await ledger.handedOver('run-A'), { by: 'Ada', via: 'slack', person: 'T0/UADA' })
  t.same(results, ['handed-over'])
  await send()
  const [after] = [...server.texts.values()]
  t.match(JSON.stringify(after), /Who has it: Ada/)
  t.notMatch(JSON.stringify(after), /astern\.take/)
  t.equal(server.texts.size, 1, 'nothing is added to the thread')
  t.same(told(), [])
})

t.test('Slack is answered within its three seconds, though the ledger is late; what comes of it later is told', async t => {
  const { promise: stored, resolve } = Promise.withResolvers<HandOverResult>()
  const { promise: up, resolve: end } = Promise.withResolvers<void>()
  const late = { handOver: () => stored, patience: () => up }
  const { press, results, told } = await scene(t, late)
  const answered = press()
  t.equal(await Promise.race([answered, 'not yet']), 'not yet', 'as long as there is time Slack hears what the ledger says')
  end()
  t.same(await answered, { kind: 'done' })
  t.same(results, [])
  resolve({ kind: 'handed', to: { by: 'Ada', via: 'slack', at: NOON }, again: false })
  await stored
  await new Promise(setImmediate)
  t.same(results, ['handed-over'])
  t.same(told(), [], 'the message itself shows it')

  const { promise: failed, reject } = Promise.withResolvers<HandOverResult>()
  const failing = await scene(t, { handOver: () => failed, patience: async () => {} })
  t.same(await failing.press(), { kind: 'done' })
  reject(new Error('the disk is full'))
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  t.match(failing.told(), [/could not be stored.*press again/])
})

t.test('a double click is one answer, and a second person is told who has it, alone', async t => {
  const { ledger, press, results, told } = await scene(t)
  await press()
  await press()
  await press(by('UBOB'), { action_id: 'astern.stop' })
  t.same(results, ['handed-over', 'again', 'taken'])
  t.match(told(), [/^Ada has it since /])
  t.notOk((await ledger.handedOver('run-A'))?.stop)
})

t.test('an app that posts in several channels has one address for all of them', async t => {
  const { ledger, press } = await scene(t)
  t.same(await press({}, {}, 'elsewhere'), { kind: 'done' })
  t.match(await ledger.handedOver('run-A'), { by: 'Ada' })
})

t.test('stop watching is kept with the hand-over', async t => {
  const { ledger, press } = await scene(t)
  await press({}, { action_id: 'astern.stop' })
  t.match(await ledger.handedOver('run-A'), { by: 'Ada', stop: true })
})

t.test('who is not in people, or may not, is told so and changes nothing; the log says it seldom', async t => {
  const { ledger, press, results, told, lines } = await scene(t)
  for (let times = 0; times < 5; times += 1) await press(by('UEVE'))
  await press({ user: { id: 'UADA', team_id: 'TOTHER', name: 'Ada', username: 'ada' } })
  await press(by('UVIC'))
  t.equal(await ledger.handedOver('run-A'), undefined)
  t.same(results, [...Array(6).fill('unknown-person'), 'not-allowed'])
  t.match(told()[0], /T0\/UEVE/)
  t.match(told().at(-1), /needs the role operator/)
  t.equal(lines.length, 3, 'one line for each of them')
})

t.test('replayed, forged, late and malformed callbacks are refused, and change nothing', async t => {
  const { ledger, answers, callback, clock, press } = await scene(t)
  const body = formOf(pressOf())
  const bad = async (change: JsonObject): Promise<unknown> => (await answers.take({ ...callback(body), ...change })).kind
  t.equal(await bad({ signature: `v0=${'0'.repeat(64)}` }), 'unsigned')
  t.equal(await bad({ body: Buffer.from(formOf(pressOf(by('UBOB')))) }), 'unsigned')
  t.equal(await bad({ channel: 'other' }), 'no-such-channel')
  t.equal(await bad({ body: Buffer.from(`ssl_check=1&${body}`), signature: undefined }), 'unsigned')
  t.equal((await answers.take(callback(body, clock.now() - 6 * MINUTE))).kind, 'unsigned')
  for (const text of ['payload=x', 'payload=%7B%7D', 'nothing=1']) t.equal((await answers.take(callback(text))).kind, 'malformed', text)
  t.equal((await press({ channel: { id: 'COTHER', name: 'x' } })).kind, 'foreign')
  t.equal((await press({}, { value: 'run-none' })).kind, 'foreign')
  t.equal(await ledger.handedOver('run-A'), undefined)
  const good = callback(body)
  t.same(await answers.take(good), { kind: 'done' })
  t.match(await answers.take(good), { kind: 'unsigned', detail: /accepted before/ }, 'once')
  t.match(await answers.take({ ...good, channel: 'elsewhere' }), { kind: 'unsigned', detail: /accepted before/ }, 'nor at another address')
  t.same(await answers.take({ ...callback(''), body: Buffer.from('ssl_check=1&token=x'), signature: undefined }), { kind: 'done' })
})

t.test('a press of another app or workspace than the one that posted is refused', async t => {
  const { server, ledger, press, clock } = await scene(t)
  t.ok(server)
  const [queued] = await ledger.claimMessages(clock.now(), clock.now() + MINUTE, 1)
  t.equal(queued, undefined)
  const memory = { channel: 'C0INCIDENTS', ts: '1764338400.000001', app: 'A0', team: 'T0' }
  await press(by('UEVE'))
  const again = messageOf({ key: 'second', channel: 'slack', subject: { kind: 'run', id: 'run-A' } })
  const [claimed] = await ledger.claimDue('two', clock.now() + MINUTE, MINUTE, 10)
  if (claimed === undefined) throw new Error('nothing was due')
  await ledger.save(claimed.claim, { change: {}, audit: [], messages: [again] }, clock.now())
  const [sent] = await ledger.claimMessages(clock.now(), clock.now() + MINUTE, 1)
  if (sent === undefined) throw new Error('no message')
  await ledger.messageSent(sent, { kind: 'delivered', remember: memory }, clock.now(), clock.now())
  t.match(await press({ api_app_id: 'AOTHER' }), { kind: 'foreign', detail: /another app/ })
  t.match(await press({ team: { id: 'TOTHER', domain: 'x' } }), { kind: 'foreign', detail: /another workspace/ })
  t.same(await press(), { kind: 'done' })
})

t.test('over HTTP: 200 only for what is signed and ours; the rest is refused as other requests are, logged and counted', async t => {
  const server = await open(t)
  const secret = join(server.files.data, '..', 'slack-key')
  const token = join(server.files.data, '..', 'bot-token')
  writeFileSync(secret, `${SECRET}\n`)
  writeFileSync(token, 'xoxb-token')
  const slackSettings = { tokenFile: token, channel: '#c', apiUrl: 'http://127.0.0.1:1', answers: { signingSecretFile: secret } }
  writeFileSync(
    server.files.policies,
    JSON.stringify({ version: 1, channels: { ops: { slack: slackSettings } }, people: [ADA], policies: [] })
  )
  t.match(await server.call('POST', '/-/reload'), { status: 200 })
  const post = (body: string, { timestamp, signature } = signedBy(SECRET, body, Date.now()), path = '/webhooks/slack/ops') =>
    server.call('POST', path, {
      as: 'nobody',
      raw: body,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'x-slack-request-timestamp': timestamp,
        'x-slack-signature': signature
      }
    })
  const body = formOf(pressOf())
  t.match(await post('ssl_check=1&token=x'), { status: 200, text: '' })
  t.match(await post(body), { status: 403, type: /problem\+json/ }, 'signed, and no message of ours')
  t.match(await post(body, { timestamp: '1', signature: 'v0=1' }), { status: 401 })
  t.match(await post('payload=x'), { status: 400 })
  t.match(await post(body, undefined, '/webhooks/slack/none'), { status: 404 })
  t.match(await post(`payload=${'x'.repeat(300_000)}`), { status: 413 })
  const refused = server.lines().filter(line => line['msg'] === 'a request was refused')
  t.ok(refused.length >= 4)
  rmSync(secret)
  t.match(await post(body), { status: 503 }, 'the secret cannot be read: refused, and counted as such')
  t.notMatch(JSON.stringify(server.lines()), new RegExp(SECRET))
  t.match((await server.call('GET', '/metrics')).text, /astern_answers_total\{result="refused"\} 1/)
})
