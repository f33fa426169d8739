import t from 'tap'
import { HOUR, MINUTE, SECOND } from '../../../src/base/clock.ts'
import type { Message } from '../../../src/domain/message.ts'
import type { Channels } from '../../../src/domain/ports/channels.ts'
import type { Run } from '../../../src/domain/run.ts'
import { endingMessages } from '../../../src/pipeline/settle/messages.ts'
import { type Bench, openBench, policyOf } from '../../support/bench.ts'
import { badRollout, TARGET } from '../../support/workloads.ts'

async function messagesOf(bench: Bench): Promise<readonly Message[]> {
  return (await bench.ledger.claimMessages(bench.clock.now() + HOUR, bench.clock.now(), 1_000)).map(({ message }) => message)
}

async function deliver(bench: Bench): Promise<void> {
  const now = bench.clock.now()
  for (const queued of await bench.ledger.claimMessages(now + HOUR, now, 1_000))
    await bench.ledger.messageSent(queued, { kind: 'delivered' }, now, now)
}

const told = (messages: readonly Message[]): readonly unknown[] =>
  messages.map(({ channel, subject, event, key }) => ({ channel, subject, event, key }))

async function addTarget(bench: Bench, index: number): Promise<void> {
  bench.cluster.put({ ...badRollout(), ref: { ...TARGET, name: `api-${index}` }, uid: `uid-${index}` })
  await bench.fire({ alertname: 'HighErrorRatio', namespace: 'shop', deployment: `api-${index}` })
  await bench.look()
}

t.test('a run that recovered is over; when its alert is back, its readers are needed, on the same subject', async t => {
  const bench = await openBench(t)
  await bench.fire()
  await bench.look()
  bench.value = 0.001
  await bench.pass(15 * MINUTE)
  const { id, outcome } = await bench.run()
  t.equal(outcome, 'recovered')
  const subject = { kind: 'run', id }
  const over = [
    { channel: 'people', subject, event: 'over', key: `${id}/recovered/people` },
    { channel: 'kubernetes-event', subject, event: 'over', key: `${id}/recovered/kubernetes-event` }
  ]
  t.same(told(await messagesOf(bench)), over)
  // What comes later of the same affair waits for what came before.
  await deliver(bench)
  await bench.resolve()
  bench.clock.tick(MINUTE)
  await bench.fire()
  await bench.look()
  t.same(told(await messagesOf(bench)), [
    { channel: 'people', subject, event: 'needs-people', key: `${id}/relapse/people` },
    { channel: 'kubernetes-event', subject, event: 'needs-people', key: `${id}/relapse/kubernetes-event` }
  ])
})

t.test('a storm is one subject: told once, then updated; each target’s own Event is about its run', async t => {
  const verify = policyOf().verify.map(query => ({ ...query, samples: 1 }))
  const bench = await openBench(t, { policies: [policyOf({ verify })] })
  // Nothing is written to the first four, because the switch is lowered.
  await bench.ledger.setSwitch({ mode: 'dry-run', reason: 'test', by: 'test', at: bench.clock.now() })
  for (let index = 0; index < 5; index += 1) await addTarget(bench, index)
  const storm = await bench.ledger.storm(bench.clock.now())
  const subject = { kind: 'storm', id: storm?.id }
  const key = `storm/${storm?.id}/people`
  const people = async () => (await messagesOf(bench)).filter(({ channel }) => channel === 'people')
  for (let index = 5; index < 8; index += 1) await addTarget(bench, index)
  t.same(told(await people()), [{ channel: 'people', subject, event: 'needs-people', key }], 'until it is sent, it is the first they hear')
  t.match(await people(), [{ details: { storm: storm?.id, count: 8 } }])
  const events = (await messagesOf(bench)).filter(({ channel }) => channel === 'kubernetes-event')
  t.ok(events.length > 0)
  t.ok(events.every(message => message.subject.kind === 'run' && message.subject.id === message.runId && message.event === 'needs-people'))

  const [queued] = (await bench.ledger.claimMessages(bench.clock.now() + HOUR, bench.clock.now(), 1_000)).filter(
    ({ message }) => message.key === key
  )
  if (queued === undefined) throw new Error('there is no message of the storm')
  await bench.ledger.messageSent(queued, { kind: 'delivered' }, 0, bench.clock.now())
  for (let index = 8; index < 10; index += 1) {
    bench.clock.tick(SECOND)
    await addTarget(bench, index)
  }
  t.same(told(await people()), [{ channel: 'people', subject, event: 'update', key }])
  t.match(await people(), [{ severity: 'critical', details: { count: 10 } }])
})

t.test('a message goes to the policy’s channels that take it, and to those that stand by themselves where there is a target', async t => {
  const bench = await openBench(t)
  await bench.fire()
  await bench.look()
  const ran = await bench.run()
  const policy = { ...ran.policy, escalate: { ...ran.policy.escalate, to: ['all', 'calls'] } }
  const run: Run = { ...ran, policy }
  const { target: _, ...lost } = run
  const channels: Channels = {
    standing: ['shown'],
    follows: () => false,
    takes: (channel, event) => channel === 'all' || event === 'needs-people'
  }
  const to = (one: Run, outcome: 'recovered' | 'unknown') =>
    endingMessages(one, { outcome, detail: '' }, channels).map(message => `${message.event} ${message.channel}`)
  t.same(to(run, 'recovered'), ['over all', 'over shown'])
  t.same(to(run, 'unknown'), ['needs-people all', 'needs-people calls', 'needs-people shown'])
  t.same(to(lost, 'unknown'), ['needs-people all', 'needs-people calls'])
})
