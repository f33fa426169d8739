import t from 'tap'
import { HOUR } from '../../../src/base/clock.ts'
import { openBench } from '../../support/bench.ts'

t.test('a write is a notice to the channels that take one: what was written, and how to undo it; nobody counts as told', async t => {
  const bench = await openBench(t)
  const ports = { ...bench.ports, channels: { takes: () => true, follows: () => false, standing: [] } }
  t.ok(ports)
  Object.assign(bench.ports, { channels: ports.channels })
  await bench.fire()
  await bench.look()
  t.equal(bench.cluster.writes.length, 1)
  const now = bench.clock.now()
  const [acted] = (await bench.ledger.claimMessages(now + HOUR, now, 10)).map(({ message }) => message)
  const { id } = await bench.run()
  t.match(acted, {
    key: `${id}/acted/0/people`,
    event: 'acted',
    severity: 'warning',
    subject: { kind: 'run', id },
    details: { outcome: 'acted' }
  })
  t.match(acted?.text, /To undo what was written: kubectl/)
  t.same(await bench.audit('told'), [])
})
