import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { startAlertmanager } from '../../src/sandbox/monitoring.ts'
import { ALERTMANAGER, obtainPart } from '../../src/sandbox/real-parts.ts'
import { foundByAlertmanager, foundByPolicy, isNegative, MATCHERS } from '../support/matcher-contract.ts'

t.test('a policy’s matchers find what a real Alertmanager with the classic parser finds', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'astern-matchers-'))
  const program = await obtainPart(ALERTMANAGER, { variables: process.env })
  const server = await startAlertmanager({ program, folder, webhook: 'http://127.0.0.1:1/' })
  t.teardown(async () => {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  const classic = await foundByAlertmanager(server.url)
  for (const matcher of MATCHERS) {
    const theirs = classic.get(matcher)
    const ours = foundByPolicy(matcher)
    if (theirs === undefined) continue
    // The UTF-8 parser's reading counts as well: a positive matcher may find more, a negative one less.
    const [less, more] = isNegative(matcher) ? [ours, theirs] : [theirs, ours]
    t.ok(
      less?.every(value => more?.includes(value)),
      matcher
    )
  }
})
