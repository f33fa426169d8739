import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { startApp } from '../../../src/app/app.ts'
import { readConfig } from '../../../src/config.ts'
import { createLogger } from '../../../src/telemetry/logger.ts'

t.test('a token that says it is Alertmanager’s needs one that can be asked: else Astern does not start', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'astern-token-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const policies = join(folder, 'policies.yaml')
  const tokens = join(folder, 'tokens.yaml')
  writeFileSync(policies, JSON.stringify({ version: 1, sources: { prometheus: { url: 'http://127.0.0.1:1' } }, policies: [] }))
  writeFileSync(tokens, JSON.stringify({ tokens: [{ name: 'am', role: 'webhook', sha256: 'a'.repeat(64), alertmanager: true }] }))
  const config = readConfig({ policies, tokens, dataDir: join(folder, 'data'), listen: '127.0.0.1:0' }, {})

  await t.rejects(startApp(config, { logger: createLogger('silent', 'json', process.stderr) }), /no sources\.alertmanager/)
})
