import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startAlertmanager } from '../../src/sandbox/monitoring.ts'
import { CURRENT_ALERTMANAGER, obtain } from '../support/cluster/go-build.ts'
import { foundByAlertmanager, foundByPolicy, isNegative, MATCHERS } from '../support/matcher-contract.ts'

async function asked(t: Test, features: string) {
  const folder = mkdtempSync(join(tmpdir(), 'astern-matchers-'))
  const server = await startAlertmanager({
    program: [await obtain(CURRENT_ALERTMANAGER)],
    folder,
    webhook: 'http://127.0.0.1:1/',
    features
  })
  t.teardown(async () => {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  return foundByAlertmanager(server.url)
}

t.test('a policy’s matchers find what both parsers of the current Alertmanager find', async t => {
  const classic = await asked(t, 'classic-mode')
  const utf8 = await asked(t, 'utf8-strict-mode')
  let two = 0
  for (const matcher of MATCHERS) {
    const [old, now] = [classic.get(matcher), utf8.get(matcher)]
    if (old === undefined || now === undefined) {
      t.same(foundByPolicy(matcher), old ?? now, `${matcher}, which one parser knows at most`)
      continue
    }
    if (String(old) !== String(now)) two += 1
    const both = isNegative(matcher) ? old.filter(value => now.includes(value)) : [...new Set([...old, ...now])].sort()
    t.same(foundByPolicy(matcher), both, matcher)
  }
  t.ok(two > 10, 'there are matchers that the two read differently')
})
