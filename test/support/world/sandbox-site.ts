import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { startSandbox } from '../../../src/sandbox/sandbox.ts'
import type { Site } from './world.ts'

export async function sandboxSite(t: Test): Promise<Site> {
  const sandbox = await startSandbox()
  const folder = mkdtempSync(join(tmpdir(), 'astern-site-'))
  t.teardown(async () => {
    await sandbox.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const kubeconfig = join(folder, 'kubeconfig')
  writeFileSync(kubeconfig, sandbox.kubeconfig)
  return { kubeconfig }
}
