import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { startSandbox } from '../../src/sandbox/sandbox.ts'
import { clusterConformance } from '../support/conformance/cluster-conformance.ts'

await t.test('the sandbox conforms', async t => {
  const sandbox = await startSandbox()
  const folder = mkdtempSync(join(tmpdir(), 'astern-sandbox-'))
  t.teardown(async () => {
    await sandbox.close()
    rmSync(folder, { recursive: true })
  })
  const kubeconfig = join(folder, 'kubeconfig')
  writeFileSync(kubeconfig, sandbox.kubeconfig)

  await clusterConformance(t, kubeconfig, 'conformance')
})
