import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { createReload, type ReloadParts } from '../../../src/app/reload.ts'
import { createLogger } from '../../../src/telemetry/logger.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { StoryClock } from '../../support/bench.ts'
import { openLedger } from '../../support/open-ledger.ts'
import { open } from '../../support/server-fixture.ts'

t.test('a bad policies file answers 422 as often as somebody asks, and the metric says so until it is good', async t => {
  const server = await open(t)
  const { policies } = server.files
  const good = readFileSync(policies, 'utf8')
  const metric = async (): Promise<string | undefined> =>
    /^astern_policies_last_reload_successful (\d)/m.exec((await server.call('GET', '/metrics', { as: 'viewer' })).text)?.[1]
  t.equal(await metric(), '1')

  const bad: readonly (readonly [string, string, RegExp, number, number])[] = [
    ['alias', 'version: 1\npolicies: *nope\n', /alias/, 2, 11],
    ['template', 'version: 1\npolicies:\n  - name: {{ labels.x }}\n', /needs quotes/, 3, 11],
    ['tab', 'version: 1\npolicies:\n\t- name: x\n', /use spaces/, 3, 1]
  ]
  for (const [name, text, message, line, column] of bad) {
    writeFileSync(policies, text)
    for (const time of ['first', 'second']) {
      const answer = await server.call('POST', '/-/reload', { as: 'operator' })
      t.match(answer, { status: 422, type: /problem\+json/, body: { problems: [{ line, column, message }] } }, `${name}, ${time} time`)
      t.equal(await metric(), '0', `${name}, ${time} time`)
    }
  }
  writeFileSync(policies, good)
  t.match(await server.call('POST', '/-/reload', { as: 'operator' }), { status: 200, body: { kind: 'loaded' } })
  t.equal(await metric(), '1')
  t.equal(server.lines().filter(line => /policy files are bad/.test(String(line['msg']))).length, bad.length, 'each fault is logged once')
})

t.test('a bad tokens file says its line and column, quotes nothing of it, and is bad until it is good', async t => {
  const server = await open(t)
  const { tokens } = server.files
  const good = readFileSync(tokens, 'utf8')
  const bad: readonly (readonly [string, RegExp])[] = [
    ['tokens: *s3cr3tpasted', /tokens\.yaml is not YAML at line 1, column 9: an alias that leads nowhere/],
    ['tokens:\n\t- name: s3cr3tpasted\n', /line 2, column 1: use spaces/],
    ['tokens:\n  - name: {{ s3cr3tpasted }}\n', /line 2, column 11: put it in quotes/],
    ['tokens:\n  - name: a\n    role: boss\n    sha256: x\n', /tokens\.0\.role \(line 3, column 11\)/],
    [
      `a: &a [${'x,'.repeat(9)}x]\n${['b', 'c', 'd', 'e', 'f', 'g'].map((key, index) => `${key}: &${key} [${`*${'abcdef'[index]},`.repeat(10)}]`).join('\n')}`,
      /line \d+, column \d+: aliases make more/
    ]
  ]
  for (const [text, message] of bad) {
    writeFileSync(tokens, text)
    for (const time of ['first', 'second']) {
      const answer = await server.call('POST', '/-/reload', { as: 'operator' })
      t.match(answer, { status: 422, body: { detail: message } }, `${text.slice(0, 30)}, ${time} time`)
      t.notMatch(answer.text, /s3cr3t/)
    }
    t.match((await server.call('GET', '/metrics', { as: 'viewer' })).text, /^astern_tokens_last_reload_successful 0/m)
  }
  writeFileSync(tokens, good)
  t.match(await server.call('POST', '/-/reload', { as: 'operator' }), { status: 200, body: { tokens: 'loaded' } })
})

const nobody = (): never => {
  throw new Error('nobody asks')
}

t.test('a reload that broke off half-way is made whole by the next one, although the files are the same', async t => {
  const results = [{ kind: 'loaded', policies: 1 }, { kind: 'unchanged' }, { kind: 'unchanged' }] as const
  let asked = 0
  let made = 0
  const metrics = createMetrics([])
  const good = async () => /^astern_policies_last_reload_successful (\d)/m.exec(await metrics.registry.metrics())?.[1]
  const store: Pick<ReloadParts['store'], 'reload' | 'current' | 'version'> = {
    reload: async () => results[asked++] ?? { kind: 'unchanged' },
    current: () => ({
      policies: [],
      guards: [],
      warnings: [],
      sources: {},
      channels: {},
      people: [],
      blind: { to: [] },
      storm: { targets: 5, within: 1, calm: 1 }
    }),
    version: () => 'v'
  }
  const reload = createReload({
    store: { ...store, index: () => nobody(), policy: () => undefined, guard: () => undefined },
    tokens: {
      authenticator: { authenticate: () => nobody(), confirmed: () => false, needsAlertmanager: false },
      reload: () => ({ kind: 'unchanged' })
    },
    ledger: await openLedger(t),
    clock: new StoryClock(),
    metrics,
    logger: createLogger('silent', 'json', { write: () => true }),
    async loaded() {
      made += 1
      if (made === 1) throw new Error('the disk is full')
    }
  })
  await t.rejects(reload.now(), /the disk is full/)
  t.equal(await good(), '0')
  t.match(await reload.now(), { policies: { kind: 'loaded' } })
  t.equal(await good(), '1')
  t.match(await reload.now(), { policies: { kind: 'unchanged' } })
  t.equal(made, 2)
})
